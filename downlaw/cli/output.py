"""Tables on standard output: for people on a terminal, as CSV in a pipe, as JSON on request."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from downlaw.files import write_aside
from downlaw.report.labels import METRIC_LABELS, NOISE_LABELS, short_count

from .errors import CommandError, note
from .tables import Input

WIDTH = 100
"""Columns that a table for people takes at most, on a terminal that is as wide."""

_ENDINGS = (".csv", ".parquet", ".json")


@dataclass(frozen=True)
class Output:
    """Where a command's table goes. Raises CommandError for options that contradict each other."""

    as_json: bool = False
    as_csv: bool = False
    file: Path | None = None

    def __post_init__(self) -> None:
        if self.as_json + self.as_csv + (self.file is not None) > 1:
            raise CommandError("--json, --csv and --output: give one of them")
        if self.file is not None and self.file.suffix not in _ENDINGS:
            raise CommandError(f"--output {self.file}: the name must end in {', '.join(_ENDINGS)}")

    def write(
        self,
        table: pd.DataFrame,
        view: Callable[[pd.DataFrame], RenderableType],
        *,
        records: Callable[[], Any] | None = None,
    ) -> None:
        """Write a table. view: how people see it. records: what JSON gets, its rows where none are given."""
        if self.file is not None:
            self._write_file(table, records)
            note(f"{self.file}: written")
        elif self.as_json:
            print(_json(table, records))
        elif self.as_csv or not on_terminal():
            print(table.to_csv(index=False), end="")
        else:
            console = Console(markup=False, emoji=False)  # an interval may look like markup: [inf, inf]
            console.print(view(table), width=min(WIDTH, console.width))

    def _write_file(self, table: pd.DataFrame, records: Callable[[], Any] | None) -> None:
        with write_aside(self.file) as aside:
            if self.file.suffix == ".csv":
                table.to_csv(aside, index=False)
            elif self.file.suffix == ".json":
                aside.write_text(_json(table, records) + "\n", encoding="utf-8")
            else:
                try:
                    table.to_parquet(aside, index=False)
                except ImportError:
                    raise CommandError(
                        f"{self.file}: Parquet needs the package pyarrow; install it, or write .csv"
                    ) from None


def on_terminal() -> bool:
    return sys.stdout.isatty()


def as_printed(found: pd.DataFrame, given: Input) -> pd.DataFrame:
    """A table as files and pipes get it: a finetuning size that nobody gave is empty."""
    if given.pairs_known:
        return found
    return found.assign(finetune_pairs=pd.Series(pd.NA, index=found.index, dtype="Int64"))


def heading(task: str, pairs: int, metric: str, given: Input) -> str:
    """What a table for people is about."""
    size = f", finetuned on {pairs:,} pairs" if given.pairs_known else ""
    return f"{task}{size}: {METRIC_LABELS[metric].name}"


def tell_of_noise(rows: pd.DataFrame) -> None:
    """Say what to do where laws have no intervals for want of a noise."""
    unknown = rows["interval_status"] == "noise unknown"
    if unknown.any():
        note("no intervals where the noise is unknown; --noise 0.02 says that it is 2% of the metric")


def noise_of(rows: pd.DataFrame) -> str:
    """Where the noise of curves is known from, in words."""
    sources = rows["noise"].dropna().unique()
    words = " or ".join(NOISE_LABELS.get(each, each) for each in sources)
    return f"noise: {words}" if words else "noise unknown"


def table_for_people(columns: dict[str, str]) -> Table:
    """An empty table; columns: "left", "right" or "fold" (left, and gives way first) by heading."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading, side in columns.items():
        folds = side == "fold"
        table.add_column(
            heading,
            justify="right" if side == "right" else "left",
            no_wrap=not folds,
            overflow="fold" if folds else "ellipsis",
            min_width=12 if folds else None,  # as long as "unidentified"
        )
    return table


def titled(title: str, table: Table, caption: str) -> RenderableType:
    """A table between lines that may be wider than it; columns in which nothing stands are left out."""
    table.columns = [column for column in table.columns if any(column.cells)]
    return Group(Text(title, style="bold"), table, Text(f"{caption}\n", style="dim"))


def number(value: Any, decimals: int | None = None) -> str:
    """A number in a few digits, empty where there is none; decimals: None for three significant digits."""
    if value is None or pd.isna(value):
        return ""
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if decimals is not None:
        return f"{value:.{decimals}f}"
    size = abs(value)
    if not size:
        return "0"
    if not 1e-3 <= size < 1e5:
        return f"{value:.1e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    places = max(0, 2 - math.floor(math.log10(size)))
    return f"{value:.{min(places, 4)}f}"


def count(tokens: Any) -> str:
    """A number of tokens in a few digits: 33k, 1.3M, 2B, 1.9T; empty where there is none."""
    if tokens is None or pd.isna(tokens):
        return ""
    return short_count(tokens)


def with_interval(value: Any, low: Any, high: Any, decimals: int | None = None) -> str:
    """`0.41 [0.37, 0.46]`, without brackets where there is no interval."""
    middle = number(value, decimals)
    if not middle or (pd.isna(low) and pd.isna(high)):
        return middle
    return f"{middle} [{number(low, decimals) or '?'}, {number(high, decimals) or '?'}]"


def percent(error: Any) -> str:
    """A mean |ln predicted - ln observed| as a share of the metric: 0.02 is 2.0%."""
    return "" if error is None or pd.isna(error) else f"{100 * math.expm1(error):.1f}%"


def _json(table: pd.DataFrame, records: Callable[[], Any] | None = None) -> str:
    """A list with an object a row, or what `records` gives; what is missing or not finite is null."""
    if records is None:
        rows = table.to_dict("records")
        value = [{name: _plain(cell) for name, cell in row.items()} for row in rows]
    else:
        value = records()
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
