"""Reading and checking the tables that laws are fitted to.

A table of runs has one row for each finetuned model. Needed are `task`, `finetune_pairs`, `mixture`,
`pretrain_tokens` and at least one metric; `selected`, `status` and the seeds are read where they are there.
A table of resamples has the scores of selected runs on the same test sets drawn anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class FittedMetric:
    """How a metric is fitted: the name of its family, the Huber threshold on its logarithm, and the families
    it is compared with."""

    law: str
    delta: float
    rivals: tuple[str, ...] = ()


_SCORE_RIVALS = ("linear_log", "pure_power", "sigmoid", "constant")


METRICS: dict[str, FittedMetric] = {
    "cross_entropy": FittedMetric("power_law", 1e-3, ("pure_power", "linear_log", "constant")),
    "bleu": FittedMetric("log_law", 0.1, _SCORE_RIVALS),
    "chrf": FittedMetric("log_law", 0.1, _SCORE_RIVALS),
    "rouge_l": FittedMetric("log_law", 0.1, _SCORE_RIVALS),
    "comet": FittedMetric("log_law", 0.1, _SCORE_RIVALS),
    "comet_local": FittedMetric("log_law", 0.1, _SCORE_RIVALS),
}
"""The law and the delta of every metric that is fitted, as in Isik et al. 2024 (chrF and comet_local are
treated as they treat BLEU). TER falls as translations improve, and the log-law is a law of rising scores."""

_TEXT = ("task", "mixture", "status")
KEYS = ("task", "finetune_pairs", "mixture", "pretrain_tokens")
SEEDS = ("pretraining_seed", "finetuning_seed")


class TableError(ValueError):
    """A table of runs that cannot be read as one; the message names the column and the line."""


def read_runs(path: str | Path) -> pd.DataFrame:
    """Read and check a table of runs, CSV or Parquet; raises TableError with the file, the line and the
    column of what is wrong."""
    return check_runs(read_table(path), str(path))


def read_table(path: str | Path, text: Sequence[str] = _TEXT) -> pd.DataFrame:
    """A Parquet table, or a CSV table in which the columns `text` stay text, also where it looks like a
    number or like a missing value. The file's ending decides; raises TableError where it is no such table."""
    if Path(path).suffix == ".parquet":
        try:
            return pd.read_parquet(path)
        except (ValueError, ImportError) as error:  # pyarrow's own errors are ValueErrors
            raise TableError(f"{path}: not a Parquet table: {error}") from error
    try:
        return pd.read_csv(
            path,
            keep_default_na=False,
            na_values=[""],
            dtype=dict.fromkeys(text, str),
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
    for column in KEYS:
        if column not in runs.columns:
            raise TableError(
                f"{name}: column {column!r} is missing; there are {', '.join(map(str, runs.columns))}"
            )
    metrics = [metric for metric in METRICS if metric in runs.columns]
    if not metrics:
        raise TableError(f"{name}: no metric to fit; one of the columns {', '.join(METRICS)} is needed")
    runs = runs.reset_index(drop=True)
    for column, default in (("status", "ok"), ("selected", True), *((seed, 0) for seed in SEEDS)):
        if column not in runs.columns:
            runs[column] = default
    runs["mixture"] = runs["mixture"].fillna("").astype(str)
    for column in ("task", "status"):
        refuse(runs[column].isna(), name, f"{column} is empty")
        runs[column] = runs[column].astype(str)
    for column in ("pretrain_tokens", "finetune_pairs", *SEEDS):
        runs[column] = counts(runs[column], name, may_be_empty=column in SEEDS)
    for column in (bound for metric in metrics for bound in (metric, f"{metric}_low", f"{metric}_high")):
        if column in runs.columns:
            runs[column] = numbers(runs[column], name)
    runs["selected"] = flags(runs["selected"], name)
    baseline = runs["pretrain_tokens"] == 0
    refuse(baseline & (runs["mixture"] != ""), name, "pretrain_tokens is 0, yet a mixture is named")
    refuse(~baseline & (runs["mixture"] == ""), name, "the mixture is empty, yet pretrain_tokens is above 0")
    kept = runs[runs["selected"] & (runs["status"] == "ok")]
    again = kept.duplicated([*KEYS, *SEEDS])
    refuse(
        again, name, "a second selected run with the same task, sizes, mixture and seeds; select one of them"
    )
    return runs


def read_resamples(path: str | Path) -> pd.DataFrame:
    """Read and check a table of resamples, Parquet or CSV; raises TableError where it is no such table."""
    return check_resamples(read_table(path), str(path))


def check_resamples(resamples: pd.DataFrame, name: str = "resamples") -> pd.DataFrame:
    """A copy of a table of resamples with its columns in order and of the right type.

    Columns: task, finetune_pairs, mixture (empty for the baseline), pretrain_tokens, the two seeds, metric,
    resample (0, 1, ...: the same test set for all runs of a task), value. Raises TableError for a missing
    column, text in a number column, and a run that has a resample twice.
    """
    columns = [*KEYS, *SEEDS, "metric", "resample", "value"]
    for column in columns:
        if column not in resamples.columns:
            raise TableError(f"{name}: column {column!r} is missing; write the table again with `resamples`")
    table = resamples[columns].reset_index(drop=True)
    table["mixture"] = table["mixture"].astype(object).fillna("").astype(str)
    for column in ("finetune_pairs", "pretrain_tokens", *SEEDS, "resample"):
        table[column] = counts(table[column], name, may_be_empty=column in SEEDS)
    table["value"] = numbers(table["value"], name)
    refuse(table.duplicated(columns[:-1]), name, "a run has the same resample of a metric a second time")
    return table


def refuse(wrong: pd.Series, name: str, problem: str) -> None:
    """Raise TableError with the line of the first row that is `wrong`, if any is."""
    if wrong.any():
        raise TableError(f"{name}, line {wrong[wrong].index[0] + 2}: {problem}")


def numbers(column: pd.Series, name: str) -> pd.Series:
    """A column as finite numbers, NaN where it is empty; raises TableError for anything else."""
    found = pd.to_numeric(column, errors="coerce").astype(float)
    text = found.isna() & column.notna()
    if text.any():
        refuse(text, name, f"{column.name} is {column[text].iloc[0]!r}, not a number")
    refuse(np.isinf(found), name, f"{column.name} is not finite")
    return found


def counts(column: pd.Series, name: str, *, may_be_empty: bool) -> pd.Series:
    """A column as whole numbers of 0 or more, 0 where it may be empty and is; raises TableError."""
    found = numbers(column, name)
    if not may_be_empty:
        refuse(found.isna(), name, f"{column.name} is empty")
    found = found.fillna(0)
    refuse(found < 0, name, f"{column.name} is negative")
    refuse(found % 1 != 0, name, f"{column.name} is not a whole number")
    return found.astype("int64")


def flags(column: pd.Series, name: str) -> pd.Series:
    """A column of marks as booleans; raises TableError for what is neither true nor false."""
    words = column.astype(str).str.lower()
    refuse(~words.isin(["true", "false"]), name, f"{column.name} is neither true nor false")
    return words == "true"
