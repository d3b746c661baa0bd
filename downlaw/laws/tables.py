"""From a table of runs to curves, and from curves to a table of laws.

A table of runs has one row for each finetuned model. Needed are `task`, `finetune_pairs`, `mixture`,
`pretrain_tokens` and at least one metric; `selected`, `status` and the seeds are read where they are there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from .families import FAMILIES, Floats
from .fit import DEFAULT_N_FIT, fit_law


@dataclass(frozen=True)
class FittedMetric:
    """How a metric is fitted: the name of its family, and the Huber threshold on its logarithm."""

    law: str
    delta: float


METRICS: dict[str, FittedMetric] = {
    "cross_entropy": FittedMetric("power_law", 1e-3),
    "bleu": FittedMetric("log_law", 0.1),
    "chrf": FittedMetric("log_law", 0.1),
    "comet": FittedMetric("log_law", 0.1),
}
"""The law and the delta of every metric, as in Isik et al. 2024 (chrF is treated as they treat BLEU)."""

COEFFICIENTS = ("A", "alpha", "beta", "E")
LAW_COLUMNS = (
    *("track", "task", "finetune_pairs", "mixture", "metric", "law", "ln_A"),
    *(column for name in COEFFICIENTS for column in (name, f"{name}_low", f"{name}_high")),
    *("n_fit", "n_held_out", "n_diverged", "n_missing", "spearman", "delta"),
    *("objective", "fit_error", "held_out_error", "status"),
)

_TEXT = ("task", "mixture", "status")
_KEYS = ("task", "finetune_pairs", "mixture", "pretrain_tokens")
_SEEDS = ("pretraining_seed", "finetuning_seed")


class TableError(ValueError):
    """A table of runs that cannot be read as one; the message names the column and the line."""


@dataclass(frozen=True)
class Point:
    """The selected runs of one curve at one Dp.

    value: mean of the metric over `n_seeds` runs. low, high: with one run, its own interval over test
    segments (NaN where the table has none); with more, the smallest and the largest run.
    """

    pretrain_tokens: int
    value: float
    low: float
    high: float
    n_seeds: int


@dataclass(frozen=True)
class Curve:
    """The selected, finished runs of one (task, finetuning size, mixture) over pretraining tokens, for one
    metric.

    points: by growing Dp, all above 0. baseline: the runs without pretraining, never part of the curve.
    n_diverged: runs of any learning rate that did not finish. n_missing: selected and finished runs that
    lack the metric.
    """

    task: str
    finetune_pairs: int
    mixture: str
    metric: str
    points: tuple[Point, ...]
    baseline: Point | None
    n_diverged: int
    n_missing: int

    @property
    def tokens(self) -> Floats:
        """Pretraining tokens of the points, shape (n,)."""
        return np.array([point.pretrain_tokens for point in self.points], dtype=float)

    @property
    def values(self) -> Floats:
        """The metric at the points, shape (n,)."""
        return np.array([point.value for point in self.points], dtype=float)


def read_runs(path: str | Path) -> pd.DataFrame:
    """Read and check a CSV table of runs; raises TableError with the file, the line and the column of what
    is wrong."""
    return check_runs(_read_csv(path), str(path))


def read_laws(path: str | Path) -> pd.DataFrame:
    """Read a CSV table of laws as fit_runs returned it; raises TableError where it is no such table."""
    laws = _read_csv(path)
    for column in LAW_COLUMNS:
        if column not in laws.columns:
            raise TableError(f"{path}: column {column!r} is missing; fit the runs again")
    return laws


def _read_csv(path: str | Path) -> pd.DataFrame:
    """A CSV table in which text stays text, also where it looks like a number or like a missing value."""
    try:
        return pd.read_csv(
            path,
            keep_default_na=False,
            na_values=[""],
            dtype=dict.fromkeys(_TEXT, str),
            float_precision="round_trip",
        )
    except pd.errors.EmptyDataError as error:
        raise TableError(f"{path}: the file is empty; a table begins with a line of column names") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not a CSV table: {error}") from error


def check_runs(runs: pd.DataFrame, name: str = "runs") -> pd.DataFrame:
    """A copy of a table of runs with numbers as numbers and all optional columns; rows and their order are
    kept.

    Lines in messages count the line of column names as 1. Raises TableError for a missing column, text in a
    number column, an infinite number, a negative or fractional count, a Dp of 0 with a mixture or a mixture
    without a Dp, a mark in `selected` that is neither true nor false, and two selected runs in one place.
    """
    for column in _KEYS:
        if column not in runs.columns:
            raise TableError(
                f"{name}: column {column!r} is missing; there are {', '.join(map(str, runs.columns))}"
            )
    metrics = [metric for metric in METRICS if metric in runs.columns]
    if not metrics:
        raise TableError(f"{name}: no metric to fit; one of the columns {', '.join(METRICS)} is needed")
    runs = runs.reset_index(drop=True)
    for column, default in (("status", "ok"), ("selected", True), *((seed, 0) for seed in _SEEDS)):
        if column not in runs.columns:
            runs[column] = default
    runs["mixture"] = runs["mixture"].fillna("").astype(str)
    for column in ("task", "status"):
        _refuse(runs[column].isna(), name, f"{column} is empty")
        runs[column] = runs[column].astype(str)
    for column in ("pretrain_tokens", "finetune_pairs", *_SEEDS):
        runs[column] = _counts(runs[column], name, may_be_empty=column in _SEEDS)
    for column in (bound for metric in metrics for bound in (metric, f"{metric}_low", f"{metric}_high")):
        if column in runs.columns:
            runs[column] = _numbers(runs[column], name)
    runs["selected"] = _flags(runs["selected"], name)
    baseline = runs["pretrain_tokens"] == 0
    _refuse(baseline & (runs["mixture"] != ""), name, "pretrain_tokens is 0, yet a mixture is named")
    _refuse(~baseline & (runs["mixture"] == ""), name, "the mixture is empty, yet pretrain_tokens is above 0")
    kept = runs[runs["selected"] & (runs["status"] == "ok")]
    again = kept.duplicated([*_KEYS, *_SEEDS])
    _refuse(
        again, name, "a second selected run with the same task, sizes, mixture and seeds; select one of them"
    )
    return runs


def curves(runs: pd.DataFrame, metric: str) -> list[Curve]:
    """Every curve of `metric` in a table of runs, by task, finetuning size and mixture (see check_runs for
    errors)."""
    runs = check_runs(runs)
    if metric not in runs.columns:
        raise TableError(f"runs: column {metric!r} is missing")
    kept = runs[runs["selected"] & (runs["status"] == "ok")]
    pretrained = runs[runs["pretrain_tokens"] > 0]
    found = []
    for (task, pairs, mixture), rows in pretrained.groupby(["task", "finetune_pairs", "mixture"], sort=True):
        place = (kept["task"] == task) & (kept["finetune_pairs"] == pairs)
        mine = kept[place & (kept["mixture"] == mixture)]
        baseline = list(_points(kept[place & (kept["pretrain_tokens"] == 0)], metric))
        found.append(
            Curve(
                task=str(task),
                finetune_pairs=int(pairs),
                mixture=str(mixture),
                metric=metric,
                points=tuple(_points(mine, metric)),
                baseline=baseline[0] if baseline else None,
                n_diverged=int((rows["status"] != "ok").sum()),
                n_missing=int(mine[metric].isna().sum()),
            )
        )
    return found


def fit_runs(
    runs: pd.DataFrame, *, n_fit: int = DEFAULT_N_FIT, metrics: Mapping[str, FittedMetric] = METRICS
) -> pd.DataFrame:
    """The laws of a table of runs: one row for each curve and metric, columns LAW_COLUMNS, what does not
    exist empty.

    Rows are ordered by task, finetuning size and mixture, then metric. Metrics without a single number are
    passed over. The intervals of the coefficients stay empty as long as no noise level is known. Raises
    TableError.
    """
    runs = check_runs(runs)
    rows = []
    present = [metric for metric in metrics if metric in runs.columns and runs[metric].notna().any()]
    for same_place in zip(*(curves(runs, metric) for metric in present), strict=True):
        for curve in same_place:
            rows.append(_law_row(curve, metrics[curve.metric], n_fit))
    return pd.DataFrame(rows, columns=list(LAW_COLUMNS))


def _law_row(curve: Curve, how: FittedMetric, n_fit: int) -> dict[str, object]:
    fit = fit_law(FAMILIES[how.law], curve.tokens, curve.values, delta=how.delta, n_fit=n_fit)
    return {
        "track": "transfer",
        "task": curve.task,
        "finetune_pairs": curve.finetune_pairs,
        "mixture": curve.mixture,
        "metric": curve.metric,
        "law": how.law,
        **fit.coefficients,
        "A": _exp_if_representable(fit.coefficients.get("ln_A", math.nan)),
        "n_fit": fit.n_fit,
        "n_held_out": fit.n_held_out,
        "n_diverged": curve.n_diverged,
        "n_missing": curve.n_missing,
        "spearman": _spearman(curve),
        "delta": fit.delta,
        "objective": fit.objective,
        "fit_error": fit.fit_error,
        "held_out_error": fit.held_out_error,
        "status": str(fit.status),
    }


def _exp_if_representable(value: float) -> float:
    return math.exp(value) if abs(value) < 700 else math.nan


def _spearman(curve: Curve) -> float:
    """Rank correlation of the metric with Dp over all points; NaN below three points and where all are
    equal."""
    if len(curve.points) < 3 or np.ptp(curve.values) == 0:
        return math.nan
    return float(spearmanr(curve.tokens, curve.values).statistic)


def _points(rows: pd.DataFrame, metric: str) -> Iterator[Point]:
    rows = rows[rows[metric].notna()]
    for tokens, same in rows.groupby("pretrain_tokens", sort=True):
        values = same[metric]
        if len(same) > 1:
            low, high = values.min(), values.max()
        else:
            low, high = (
                same[b].iloc[0] if b in same else math.nan for b in (f"{metric}_low", f"{metric}_high")
            )
        yield Point(int(tokens), float(values.mean()), float(low), float(high), len(same))


def _refuse(wrong: pd.Series, name: str, problem: str) -> None:
    if wrong.any():
        raise TableError(f"{name}, line {wrong[wrong].index[0] + 2}: {problem}")


def _numbers(column: pd.Series, name: str) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    text = numbers.isna() & column.notna()
    if text.any():
        _refuse(text, name, f"{column.name} is {column[text].iloc[0]!r}, not a number")
    _refuse(np.isinf(numbers), name, f"{column.name} is not finite")
    return numbers


def _counts(column: pd.Series, name: str, *, may_be_empty: bool) -> pd.Series:
    numbers = _numbers(column, name)
    if not may_be_empty:
        _refuse(numbers.isna(), name, f"{column.name} is empty")
    numbers = numbers.fillna(0)
    _refuse(numbers < 0, name, f"{column.name} is negative")
    _refuse(numbers % 1 != 0, name, f"{column.name} is not a whole number")
    return numbers.astype("int64")


def _flags(column: pd.Series, name: str) -> pd.Series:
    words = column.astype(str).str.lower()
    _refuse(~words.isin(["true", "false"]), name, "selected is neither true nor false")
    return words == "true"
