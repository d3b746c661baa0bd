"""Raw and cleaned text between the stages: segments, the documents they stand in, and parquet tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from downlaw.files import write_aside

SPLITS = ("train", "valid", "test")

BATCH_ROWS, BATCH_CHARACTERS = 16_384, 16 << 20
"""Text is read and written in batches of so many rows, or of fewer where together they are longer."""


class Segment(NamedTuple):
    """A string, or a string and its translation, and the documents it stands in.

    `documents` has at least one name, unique over the corpus and the same for every language of a document.
    `texts` has one string a language of the part, in the part's order.
    """

    documents: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass
class Source:
    """What one package or file gave: its segments, and its documents with their size.

    `segments` are read once, in order; where they are not a list, `sizes` fills while they are read. `sizes`
    counts messages by document, translated or not, so that it hardly depends on the language: the split goes
    by it. `split` puts all of it into one split where it is not `auto`.
    """

    name: str
    segments: Iterable[Segment] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    split: str = "auto"


class Row(NamedTuple):
    """A segment of a finished corpus part: the one document it is counted in, and its texts."""

    document: str
    texts: tuple[str, ...]


class RowWriter:
    """A parquet table written batch by batch: columns `document` and one a language.

    Used as a context manager. The file appears, whole, where its block ends without an error.
    """

    def __init__(self, path: Path, languages: Sequence[str]) -> None:
        self.path = path
        self.added = 0
        self._schema = pa.schema([(name, pa.string()) for name in ("document", *languages)])
        self._waiting: list[Row] = []
        self._characters = 0

    def __enter__(self) -> RowWriter:
        self._stack = ExitStack()
        aside = self._stack.enter_context(write_aside(self.path))
        self._writer = self._stack.enter_context(
            pq.ParquetWriter(aside, self._schema, compression="zstd", compression_level=1)
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._stack.__exit__(kind, error, trace)

    def add(self, row: Row) -> None:
        self.added += 1
        self._waiting.append(row)
        self._characters += sum(map(len, row.texts))
        if len(self._waiting) >= BATCH_ROWS or self._characters >= BATCH_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            columns = zip(*((row.document, *row.texts) for row in self._waiting), strict=True)
            arrays = [pa.array(column, pa.string()) for column in columns]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._waiting, self._characters = [], 0


def write_rows(path: Path, languages: Sequence[str], rows: Iterable[Row]) -> None:
    """Write `rows` as a parquet table, whole or not at all."""
    with RowWriter(path, languages) as writer:
        for row in rows:
            writer.add(row)


def languages_of(path: Path) -> tuple[str, ...]:
    """The languages of a table that `RowWriter` wrote."""
    return tuple(pq.read_schema(path).names[1:])


def open_table(path: Path) -> pq.ParquetFile:
    """A parquet table to read batch by batch, in memory that does not grow with it.

    pyarrow's read-ahead is off: it keeps whatever it has read until the file is closed.
    """
    return pq.ParquetFile(path, pre_buffer=False)


def row_batches(path: Path) -> Iterator[list[Row]]:
    """The rows of a table that `RowWriter` wrote, a few thousand at a time."""
    with open_table(path) as table:
        for batch in table.iter_batches(BATCH_ROWS, use_threads=False):
            columns = [column.to_pylist() for column in batch.columns]
            yield [Row(document, texts) for document, *texts in zip(*columns, strict=True)]


def read_rows(path: Path) -> tuple[tuple[str, ...], list[Row]]:
    """The languages and all rows of a table that `RowWriter` wrote."""
    return languages_of(path), [row for batch in row_batches(path) for row in batch]


def text_batches(path: Path | str, column: str) -> Iterator[list[str]]:
    """One language of a corpus part, or its `document`s, a few thousand rows at a time."""
    with open_table(path) as table:
        for batch in table.iter_batches(BATCH_ROWS, columns=[column], use_threads=False):
            yield batch.column(column).to_pylist()


def read_text(path: Path | str, column: str) -> list[str]:
    """One language of a corpus part, or its `document`s, in the order of the file."""
    return pq.read_table(path, columns=[column]).column(column).to_pylist()
