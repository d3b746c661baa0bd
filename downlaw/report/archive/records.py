"""Snakemake's records of the files that it made: without them it cannot tell whether a file is up to date.

Snakemake 9 keeps one JSON file a made file in `.snakemake/metadata`, named by the file's path in base 64 and
cut into folders where the name is too long.
"""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

METADATA = Path(".snakemake/metadata")
INCOMPLETE = Path(".snakemake/incomplete")

_LONGEST = 255
_MODE = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IWGRP


def records(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The path of each made file as Snakemake names it, and its record, sorted by path.

    Args:
        folder: where Snakemake runs.
    """
    found = {}
    for path in (folder / METADATA).rglob("*"):
        if path.is_file():
            found[_decode(path.relative_to(folder / METADATA))] = path
    for name, path in sorted(found.items()):
        try:
            record = json.loads(path.read_bytes())
        except ValueError:  # cut short by a killed job; Snakemake ignores such a record too
            continue
        if name and isinstance(record, dict):
            yield name, record


def record_path(name: str, longest: int = _LONGEST) -> Path:
    """Where Snakemake keeps the record of the file `name`, below its folder of records."""
    code = base64.urlsafe_b64encode(name.encode()).decode()
    step = longest - 1
    parts = [code[start : start + step] for start in range(0, len(code), step)]
    return Path(*(f"@{part}" for part in parts[:-1]), parts[-1])


def write_record(folder: Path, name: str, record: Mapping[str, Any]) -> None:
    """Write a record into a folder of records, with the mode that Snakemake gives it."""
    path = folder / record_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    os.chmod(path, _MODE)


def _decode(path: Path) -> str:
    try:
        return base64.urlsafe_b64decode("".join(part.removeprefix("@") for part in path.parts)).decode()
    except ValueError:
        return ""
