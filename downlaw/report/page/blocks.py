"""What the page is made of: sections of sentences, tables and charts, without a word of HTML."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from ..labels import METRIC_LABELS, percentage, short_count


def said(value: Any) -> str:
    """A value of a table as people read it; what is missing is empty."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def fixed(decimals: int) -> Callable[[Any], str]:
    """Shows numbers with so many decimals."""
    return lambda value: "" if pd.isna(value) else f"{float(value):,.{decimals}f}"


def percent(decimals: int = 1) -> Callable[[Any], str]:
    """Shows shares of 1 as percentages."""
    return lambda value: "" if pd.isna(value) else percentage(float(value), decimals)


def count(value: Any) -> str:
    """Shows a count in short: 33k, 1.3M."""
    return "" if pd.isna(value) else short_count(float(value))


def duration(seconds: Any) -> str:
    """Shows seconds as people say them: 12 s, 3.5 min, 2.1 h."""
    if pd.isna(seconds):
        return ""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if float(seconds) >= size:
            return f"{float(seconds) / size:,.1f} {unit}"
    return f"{float(seconds):.1f} s"


def metric_name(value: Any) -> str:
    """Shows a metric's name as people write it."""
    return METRIC_LABELS[value].name if value in METRIC_LABELS else str(value).replace("_", " ")


@dataclass(frozen=True)
class Column:
    """A column of a table. name: in its frame. label: its heading. show: a value as text."""

    name: str
    label: str
    show: Callable[[Any], str] = said
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    """A table as it is shown, and as its CSV holds it.

    id: of the element, and of the CSV's name. frame: all columns, unrounded. whole: the file of the results
    folder that it was taken from. folded: closed until it is opened.
    """

    id: str
    caption: str
    frame: pd.DataFrame
    columns: Sequence[Column]
    whole: str | None = None
    notes: Sequence[str] = ()
    folded: bool = False

    def shown(self, most: int) -> list[list[str]]:
        """The first `most` rows as text."""
        rows = self.frame.head(most)
        columns = [list(map(column.show, rows[column.name].astype(object))) for column in self.columns]
        return [list(row) for row in zip(*columns, strict=True)]


@dataclass(frozen=True)
class Series:
    """Marks or a line of a chart.

    kind: points, line, band or bars. low, high: ends of the bars of points, or of a band. filled: whether
    points are. group: the entry of the legend that it belongs to, if any. hover: a text a point.
    """

    kind: str
    x: Sequence[float | str]
    y: Sequence[float | str]
    colour: str
    marker: str = "o"
    filled: bool = True
    dash: str = "solid"
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    group: str = ""
    hover: Sequence[str] = ()
    width: float = 1.8


@dataclass(frozen=True)
class Axis:
    """An axis of a chart; ticks: places and their labels, or none to choose them by itself."""

    title: str
    log: bool = False
    limits: tuple[float, float] | None = None
    ticks: tuple[Sequence[float], Sequence[str]] | None = None
    percent: bool = False
    zero_line: bool = False


@dataclass(frozen=True)
class Entry:
    """An entry of a chart's legend: what it is called, how it looks, and whether it is drawn at first."""

    group: str
    label: str
    colour: str
    marker: str
    shown: bool = True


@dataclass(frozen=True)
class Chart:
    """A figure. stem: the name of its static files. alt: what is seen, in words. level: a horizontal line,
    such as the baseline, with its name."""

    id: str
    stem: str
    title: str
    alt: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    entries: Sequence[Entry]
    table: Table
    level: tuple[float, str] | None = None
    notes: Sequence[str] = ()
    folded: bool = False


@dataclass(frozen=True)
class Text:
    """Paragraphs, or, with bullets, a list."""

    sentences: Sequence[str]
    bullets: bool = False


@dataclass(frozen=True)
class Code:
    """Text that keeps its lines, such as a study file."""

    text: str


@dataclass(frozen=True)
class Files:
    """Files of the results folder to look at, such as figures that only lie there."""

    title: str
    paths: Sequence[Path]


Block = Text | Table | Chart | Code | Files


@dataclass(frozen=True)
class Section:
    """A part of the page, and the parts in it. folded: closed until it is opened."""

    id: str
    title: str
    blocks: Sequence[Block] = ()
    parts: Sequence[Section] = ()
    folded: bool = False

    def __bool__(self) -> bool:
        return bool(self.blocks or self.parts)

    def everything(self) -> Iterable[Block]:
        """Its blocks and those of all its parts."""
        yield from self.blocks
        for part in self.parts:
            yield from part.everything()


class Sure(StrEnum):
    """How sure an answer is, also the name of its colours. ONE_SEED: beyond all noise that is known."""

    CLEAR = "clear"
    ONE_SEED = "one-seed"
    LEANING = "leaning"
    OPEN = "open"


@dataclass(frozen=True)
class Answer:
    """The question of one task and finetuning size, or of one training set, and what the tables answer.

    sure: how sure the answer is; confidence says why.
    """

    id: str
    question: str
    answer: str
    sure: Sure
    confidence: str
    why: Sequence[str] = ()
    would_change: Sequence[str] = ()
    table: Table | None = None

    @property
    def badge(self) -> str:
        return {Sure.CLEAR: "clear", Sure.ONE_SEED: "clear for one seed", Sure.LEANING: "leaning",
                Sure.OPEN: "not decided"}[self.sure]  # fmt: skip


_FIXED = (
    *("answer", "palette", "alignment", "noise", "cost", "provenance", "predictions", "trunks"),
    *("made-by", "made-from", "made-text", "study", "words"),
)
"""The ids of sections that every page has once."""


_LONGEST = 120
"""Bytes of a name, which is that of a file too."""


@dataclass
class Names:
    """Names for elements and files, each given once, whatever tasks are called."""

    taken: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_FIXED, 1))

    def unused(self, *words: object) -> str:
        """A name of letters, digits, `-` and `_` like these words, in any script."""
        whole = "-".join(re.sub(r"[^\w]+", "-", str(word)).strip("-") or "x" for word in words)
        stem = found = _cut(whole, _LONGEST)
        number = 1
        while found in self.taken:
            number = self.taken[stem] = max(number, self.taken[stem]) + 1
            suffix = f"-{number}"
            found = _cut(stem, _LONGEST - len(suffix)) + suffix
        self.taken[found] = 1
        return found


def _cut(stem: str, most: int) -> str:
    """The beginning of a name, in at most so many bytes."""
    return stem.encode()[:most].decode(errors="ignore")


def rows_at(table: pd.DataFrame | None, **place: object) -> pd.DataFrame | None:
    """The rows with these values; None where there is no table."""
    if table is None:
        return None
    for column, value in place.items():
        table = table[table[column] == value]
    return table


def columns_of(frame: pd.DataFrame, wanted: Mapping[str, Column]) -> list[Column]:
    """Those of the columns that the frame has, and that hold anything."""
    return [column for name, column in wanted.items() if name in frame and frame[name].notna().any()]
