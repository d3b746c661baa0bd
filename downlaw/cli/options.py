"""The options that commands share, and what their values mean."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from .completion import family_names, metric_names
from .errors import CommandError

_OUTPUT = "Output"
_TABLES = "Tables that downlaw did not write"

TableArgument = Annotated[Path, typer.Argument(help="A table of runs, CSV or Parquet, or a results folder.")]
MetricsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        help="Only this metric (repeatable). All of the table by default.",
        metavar="METRIC",
        autocompletion=metric_names,
    ),
]
LawOption = Annotated[
    str | None,
    typer.Option(
        "--law",
        help="The family to fit, one of `downlaw families`.",
        metavar="FAMILY",
        autocompletion=family_names,
    ),
]
ByOption = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        help="With a family of other inputs than pretrain_tokens: one law for each value of this column"
        " (repeatable).",
        metavar="COLUMN",
    ),
]
FitPointsOption = Annotated[
    str | None,
    typer.Option(
        "--n-fit",
        help="Fit this many smallest Dp, hold out the rest; or `all`. 4 by default; all, with a family of"
        " other inputs.",
        metavar="N",
    ),
]
MethodOption = Annotated[
    Literal["fast", "paper"], typer.Option("--method", help="How the optimum is searched.")
]
NoiseOption = Annotated[
    float | None,
    typer.Option("--noise", help="Standard deviation of ln(metric): 0.02 is 2% of the metric.", metavar="SD"),
]
ResamplesOption = Annotated[
    Path | None,
    typer.Option(
        "--resamples",
        help="Scores on resampled test sets. By default resamples.parquet beside the table, where there is"
        " one and no --noise.",
        metavar="TABLE",
    ),
]
FlopsPerTokenOption = Annotated[
    str | None,
    typer.Option(
        "--flops-per-token",
        help="FLOPs of pretraining a token, about 6 x parameters, where the table has no pretrain_flops.",
        metavar="FLOPS",
    ),
]
LevelOption = Annotated[float, typer.Option("--level", help="The level of intervals.", metavar="SHARE")]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="Read a column under another name, as in pretrain_tokens=tokens (repeatable).",
        metavar="NAME=THEIRS",
        rich_help_panel=_TABLES,
    ),
]
ConstantsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Add a column that is the same in all rows, as in task=en-de (repeatable).",
        metavar="NAME=VALUE",
        rich_help_panel=_TABLES,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, with all columns.", rich_help_panel=_OUTPUT)
]
CsvOption = Annotated[
    bool,
    typer.Option(
        "--csv", help="Print CSV, with all columns; the default in a pipe.", rich_help_panel=_OUTPUT
    ),
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        help="Write to a file that ends in .csv, .parquet or .json, and print nothing.",
        metavar="FILE",
        rich_help_panel=_OUTPUT,
    ),
]

DEFAULT_TABLE = Path("results/runs.csv")
ALL_POINTS = 10**9
"""More points than any curve has."""

_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def amount(text: str, option: str) -> float:
    """A positive number with or without a unit: 2e9, 500M, 10B, 1,000,000. Raises CommandError."""
    plain = text.strip().replace(",", "").replace("_", "").lower()
    unit = plain[-1:] if plain[-1:] in "kmbt" else ""
    try:
        number = float(plain.removesuffix(unit)) * _UNITS[unit]
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise CommandError(f"{option} {text}: not a positive number such as 2e9, 500M or 10B")
    return number


def fit_points(text: str) -> int:
    """How many of the smallest Dp are fitted, ALL_POINTS for `all`. Raises CommandError."""
    if text == "all":
        return ALL_POINTS
    if not text.isdecimal() or int(text) < 1:
        raise CommandError(f"--n-fit {text}: not a positive whole number, nor `all`")
    return int(text)


def check_level(level: float) -> None:
    if not 0 < level < 1:
        raise CommandError(f"--level {level:g}: must lie between 0 and 1, as 0.9 does")


def pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """NAME=VALUE options as a mapping. Raises CommandError for one without a name, a value or with a name
    twice."""
    found: dict[str, str] = {}
    for text in texts or []:
        name, _, value = text.partition("=")
        if not name or not value:
            raise CommandError(f"{option} {text}: write it as NAME=VALUE")
        if name in found:
            raise CommandError(f"{option}: {name} is given twice")
        found[name] = value
    return found
