"""How streamed and parallel text is kept once it is fetched: one JSON line a record, in zstd frames.

The first line says what the file is, as an object; every other line is a list: the name of a document, and a
text, or a text and its translation. The first line has a frame of its own; each other frame has whole lines.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import zstandard

from downlaw.files import sha256_of_file, write_aside

from ..errors import CorpusError
from ..segments import Segment, Source
from .lines import read_lines

DOCUMENT_LINES = 100
"""A document ends after so many pairs, where a set of them does not name its documents."""

FRAME_ROWS, FRAME_CHARACTERS = 4096, 4 << 20
"""A frame ends after so many records, or fewer where they are longer than this together."""

_LEVEL = 6


class FrameWriter:
    """Records appended to `path` in frames, after its first `length` bytes; what follows these is cut off.

    Used as a context manager.
    """

    def __init__(self, path: Path, length: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("r+b" if length else "wb")
        if self._file.seek(0, os.SEEK_END) < length:
            self._file.close()
            raise CorpusError(f"{path}: shorter than its cursor says; delete {path.parent} and run again")
        self._file.truncate(length)
        self._file.seek(length)
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._lines: list[str] = []
        self._characters = 0

    def __enter__(self) -> FrameWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, document: str, *texts: str) -> bool:
        """Add a record; returns whether it is time to end the frame."""
        line = json.dumps([document, *texts], ensure_ascii=False)
        self._lines.append(line + "\n")
        self._characters += len(line)
        return len(self._lines) >= FRAME_ROWS or self._characters >= FRAME_CHARACTERS

    def end_frame(self) -> int:
        """Write what was added, to the disk; returns the length of the file."""
        if self._lines:
            text = "".join(self._lines).encode("utf-8", "replace")
            self._file.write(self._compressor.compress(text))
            self._lines, self._characters = [], 0
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()


def seal(frames: Path, header: Mapping[str, Any], destination: Path) -> None:
    """Put `header` before the records in `frames`, as `destination`, whole or not at all."""
    line = json.dumps(dict(header), ensure_ascii=False, sort_keys=True) + "\n"
    with write_aside(destination) as aside, aside.open("wb") as whole, frames.open("rb") as records:
        whole.write(zstandard.ZstdCompressor(level=_LEVEL).compress(line.encode()))
        shutil.copyfileobj(records, whole, 1 << 20)


def read_header(path: Path) -> dict[str, Any]:
    """What a file says of itself.

    Raises:
        CorpusError: for a missing or damaged file.
    """
    for _, line in read_lines(path, str(path)):
        header = _parsed(path, line)
        if isinstance(header, dict):
            return header
        break
    raise CorpusError(f"{path}: no fetched text; delete it and run again")


def read_records(path: Path) -> Iterator[tuple[str, ...]]:
    """(document, text) or (document, text, translation) of every record, in order.

    Raises:
        CorpusError: for a missing or damaged file.
    """
    for number, line in read_lines(path, str(path)):
        if number > 1:
            record = _parsed(path, line)
            if not isinstance(record, list):
                raise CorpusError(f"{path}: line {number}: no record of text; delete it and run again")
            yield tuple(record)


def read_pairs(path: Path, source: Source, languages: tuple[str, ...]) -> Iterator[Segment]:
    """The pairs of a file, with their languages in the order of the part; fills the sizes of `source`.

    Raises:
        CorpusError: for a missing or damaged file.
    """
    turned = read_header(path)["languages"] != list(languages)
    for document, *texts in read_records(path):
        source.sizes[document] = source.sizes.get(document, 0) + 1
        yield Segment((document,), tuple(texts[::-1] if turned else texts))


def describe(path: Path, name: str, licence: str) -> dict[str, Any]:
    """What a manifest says of a file: its header, hash and licence."""
    return {"name": name, **read_header(path), "sha256": sha256_of_file(path), "licence": licence}


def is_made_as(path: Path, header: Mapping[str, Any]) -> bool:
    """Whether a file is there and its header says all of `header`."""
    if not path.is_file():
        return False
    try:
        found = read_header(path)
    except CorpusError:
        return False
    return all(found.get(key) == value for key, value in header.items())


def _parsed(path: Path, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise CorpusError(f"{path}: damaged; delete it and run again") from None
