"""Files of multiple-choice items: JSON lines, one item a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from downlaw.files import write_aside

from .forms import item_of
from .item import ChoicesError, Item

__all__ = ["ChoicesError", "Item", "read_items", "write_items"]


def read_items(path: Path | str) -> list[Item]:
    """The items of a file, whose lines all have one of the forms of `forms.FORMS`; empty lines are skipped.

    Raises:
        ChoicesError: naming file and line, for what is no item, and for a file without any.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise ChoicesError(f"{path}: cannot be read: {error.strerror}; correct its path") from None
    items: list[Item] = []
    form, first = None, 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item, found = item_of(_record(line))
            if form is None:
                form, first = found, number
            elif found != form:
                raise ChoicesError(
                    f"this is {found}'s form, but line {first} has {form}'s; keep one form in a file"
                )
        except ChoicesError as error:
            raise ChoicesError(f"{path}, line {number}: {error}") from None
        items.append(item)
    if not items:
        raise ChoicesError(f"{path}, line 1: the file is empty; write one item a line")
    return items


def _record(line: bytes) -> dict[str, Any]:
    if b"\0" in line:
        raise ChoicesError("NUL byte; save the file as text in UTF-8")
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ChoicesError(f"not UTF-8 (byte {error.start + 1} of the line); convert the file") from None
    except (ValueError, RecursionError) as error:
        raise ChoicesError(f"not JSON ({error}); write one object a line, each whole on its line") from None
    if not isinstance(value, dict):
        kind = {list: "list", str: "string", type(None): "null"}.get(type(value), "number or truth value")
        raise ChoicesError(f"a JSON {kind}, not an object; write one object a line, without a list around")
    return value


def write_items(path: Path | str, items: Iterable[Item]) -> None:
    """Write `items` in the first of the forms (`context`, `choices`, `answer`), whole or not at all."""
    records = (
        {"context": item.context, "choices": list(item.choices), "answer": item.answer} for item in items
    )
    with write_aside(path) as aside, aside.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
