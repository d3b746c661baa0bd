"""Raw and cleaned text between the stages: segments, the documents they stand in, and parquet tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from downlaw.files import write_aside

SPLITS = ("train", "valid", "test")


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

    `sizes` counts messages by document, translated or not, so that it hardly depends on the language:
    the split goes by it. `split` puts all of it into one split where it is not `auto`.
    """

    name: str
    segments: list[Segment] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    split: str = "auto"


class Row(NamedTuple):
    """A segment of a finished corpus part: the one document it is counted in, and its texts."""

    document: str
    texts: tuple[str, ...]


def write_rows(path: Path, languages: Sequence[str], rows: Iterable[Row]) -> None:
    """Write `rows` as parquet (columns `document` and one a language), aside first and then renamed."""
    rows = list(rows)
    columns = {"document": pa.array([row.document for row in rows], pa.string())}
    for index, language in enumerate(languages):
        columns[language] = pa.array([row.texts[index] for row in rows], pa.string())
    with write_aside(path) as aside:
        pq.write_table(pa.table(columns), aside, compression="zstd")


def read_rows(path: Path) -> tuple[tuple[str, ...], list[Row]]:
    """The languages and the rows of a parquet file that `write_rows` wrote."""
    table = pq.read_table(path)
    languages = tuple(table.column_names[1:])
    columns = [column.to_pylist() for column in table.columns]
    return languages, [Row(document, texts) for document, *texts in zip(*columns, strict=True)]


def read_text(path: Path | str, column: str) -> list[str]:
    """One language of a corpus part, or its `document`s, in the order of the file."""
    return pq.read_table(path, columns=[column]).column(column).to_pylist()
