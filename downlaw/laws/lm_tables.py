"""Reading and checking the tables of the over-training track: decoder-only models over size and tokens.

A table of runs is long: one row for each run, evaluation and metric. A table of resamples has the same scores
on evaluations whose items were drawn anew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .tables import TableError, counts, flags, numbers, read_table, refuse

CELL = ("training_set", "model", "multiplier_asked")
"""What seeds are averaged within."""

LOSS, ERROR = "cross_entropy", "error"
"""The metrics that are fitted: of evaluation sets, and of tasks."""

_TEXT = ("run", "training_set", "model", "status", "kind", "evaluation", "metric")
_FLAGS = {"loss_fit": "loss law", "error_fit": "error law"}
_NEEDED = ("training_set", "model", "params", "tokens", "kind", "evaluation", "metric", "value")
_DESIGN = ("params", "tokens", "multiplier", "flops", *_FLAGS)
"""What all seeds of a cell have in common."""


def read_lm_runs(path: str | Path) -> pd.DataFrame:
    """Read and check a table of runs of the over-training track, CSV or Parquet; raises TableError with the
    file, the line and the column of what is wrong."""
    return check_lm_runs(read_table(path, _TEXT), str(path))


def check_lm_runs(runs: pd.DataFrame, name: str = "lm_runs") -> pd.DataFrame:
    """A copy of a table of runs with numbers as numbers and all optional columns; rows and their order, and
    columns that are not read, are kept.

    Needed: training_set; model; params (N, with embeddings); tokens (D); loss_fit and error_fit (whether the
    loss law and the error law are fitted to the run); kind ("set" or "task"); evaluation; metric; value
    (`cross_entropy` in nats a token, `error` between 0 and 1); for errors of tasks chance, the error of
    guessing. Optional: seed (1), status ("ok"; anything else has diverged), multiplier (D / N),
    multiplier_asked (multiplier), flops (6ND), run, params_without_embedding, low and high. A run that
    diverged may have one row without kind, evaluation, metric and value.

    Lines in messages count the line of column names as 1. Raises TableError for a missing column, text in a
    number column, a size or cross-entropy that is not positive, an error outside 0 to 1, seeds of one cell
    that differ in size or flags, two cells of the same size, and a score that is there twice.
    """
    for column in _NEEDED:
        if column not in runs.columns:
            raise TableError(
                f"{name}: column {column!r} is missing; there are {', '.join(map(str, runs.columns))}"
            )
    for column, law in _FLAGS.items():
        if column not in runs.columns:
            raise TableError(
                f"{name}: column {column!r} is missing; write true for the runs that the {law} is fitted to,"
                " false for those that it has to predict"
            )
    runs = runs.reset_index(drop=True)
    if "status" not in runs.columns:
        runs["status"] = "ok"
    for column in ("training_set", "model", "status"):
        refuse(runs[column].isna(), name, f"{column} is empty")
        runs[column] = runs[column].astype(str)
    for column in _FLAGS:
        runs[column] = flags(runs[column], name)
    _sizes(runs, name)
    _scores(runs, name)
    _cells(runs, name)
    return runs


def read_lm_resamples(path: str | Path) -> pd.DataFrame:
    """Read and check a table of resamples of the over-training track, Parquet or CSV; raises TableError where
    it is no such table."""
    return check_lm_resamples(read_table(path, _TEXT), str(path))


def check_lm_resamples(resamples: pd.DataFrame, name: str = "lm_resamples") -> pd.DataFrame:
    """A copy of a table of resamples with its columns in order and of the right type.

    Columns: training_set, model, multiplier_asked, seed, evaluation, metric, resample (0, 1, ...: the same
    drawn items for all runs on one evaluation), value. Raises TableError for a missing column, text in a
    number column, and a run that has a resample twice.
    """
    columns = [*CELL, "seed", "evaluation", "metric", "resample", "value"]
    for column in columns:
        if column not in resamples.columns:
            raise TableError(f"{name}: column {column!r} is missing; score the runs again with resamples")
    table = resamples[columns].reset_index(drop=True)
    for column in ("training_set", "model", "evaluation", "metric"):
        refuse(table[column].isna(), name, f"{column} is empty")
        table[column] = table[column].astype(str)
    for column in ("multiplier_asked", "value"):
        table[column] = numbers(table[column], name)
    for column in ("seed", "resample"):
        table[column] = counts(table[column], name, may_be_empty=False)
    refuse(table.duplicated(columns[:-1]), name, "a run has the same resample of a metric a second time")
    return table


def _sizes(runs: pd.DataFrame, name: str) -> None:
    """Sizes and seeds as numbers, with those that follow from others."""
    if "seed" not in runs.columns:
        runs["seed"] = 1
    runs["seed"] = counts(runs["seed"], name, may_be_empty=False)
    for column in ("params", "tokens"):
        runs[column] = counts(runs[column], name, may_be_empty=False)
    # A run that diverged at its first update has read nothing.
    refuse(runs["params"] == 0, name, "params is 0")
    refuse((runs["tokens"] == 0) & (runs["status"] == "ok"), name, "tokens is 0")
    sizes = {
        "multiplier": runs["tokens"] / runs["params"],
        "flops": 6.0 * runs["params"] * runs["tokens"],
    }
    for column, computed in sizes.items():
        given = numbers(runs[column], name) if column in runs.columns else pd.Series(np.nan, runs.index)
        runs[column] = given.fillna(computed)
        refuse((runs[column] <= 0) & (runs["status"] == "ok"), name, f"{column} is not positive")
    column = "multiplier_asked"
    asked = numbers(runs[column], name) if column in runs.columns else pd.Series(np.nan, runs.index)
    runs[column] = asked.fillna(runs["multiplier"])
    # It is the size of a run that diverged before it had read any, so it has to be there.
    refuse(runs[column] <= 0, name, f"{column} is not positive")
    if "run" not in runs.columns:
        parts = zip(*(runs[each] for each in (*CELL, "seed")), strict=True)
        runs["run"] = [f"{data}-{model}-{asked:g}-{seed}" for data, model, asked, seed in parts]
    runs["run"] = runs["run"].astype(str)


def _scores(runs: pd.DataFrame, name: str) -> None:
    """Values of known kinds and metrics, each in its range."""
    for column in ("value", "chance"):
        runs[column] = numbers(runs[column], name) if column in runs.columns else np.nan
    scored = runs["value"].notna()
    refuse(scored & ~runs["kind"].isin(["set", "task"]), name, "kind is neither 'set' nor 'task'")
    for column in ("evaluation", "metric"):
        refuse(scored & runs[column].isna(), name, f"{column} is empty, yet there is a value")
        runs[column] = runs[column].astype(object).where(runs[column].notna(), None)
    loss = scored & (runs["kind"] == "set") & (runs["metric"] == LOSS)
    error = scored & (runs["kind"] == "task") & (runs["metric"] == ERROR)
    if scored.any() and not (loss | error).any():
        raise TableError(
            f"{name}: nothing to fit; needed is the metric {LOSS!r} of evaluation sets (kind 'set')"
        )
    refuse(loss & (runs["value"] <= 0), name, "a cross-entropy is not positive")
    for column in ("value", "chance"):
        outside = error & ~runs[column].between(0, 1) & runs[column].notna()
        refuse(outside, name, f"{column} of an error is not between 0 and 1")
    refuse(
        error & runs["chance"].isna(),
        name,
        "chance is empty; write the error of guessing, such as 0.75 for one answer of four",
    )
    for task, same in runs[error].groupby("evaluation", sort=False):
        other = runs.index.isin(same.index[same["chance"] != same["chance"].iloc[0]])
        refuse(pd.Series(other, runs.index), name, f"chance of the task {task} is not what it was above")
    again = runs[scored].duplicated([*CELL, "seed", "evaluation", "metric"])
    refuse(
        again.reindex(runs.index, fill_value=False),
        name,
        "the same run, evaluation and metric a second time; number repetitions in the column seed",
    )


def _cells(runs: pd.DataFrame, name: str) -> None:
    """Seeds of a cell agree, and no two cells of a training set are one point of a law."""
    finished = runs[runs["status"] == "ok"]
    first = finished.groupby(list(CELL), sort=False)[list(_DESIGN)].transform("first")
    for column in _DESIGN:
        wrong = (finished[column] != first[column]).reindex(runs.index, fill_value=False)
        refuse(
            wrong, name, f"{column} differs from that of the same training set, model and multiplier above"
        )
    cells = finished.drop_duplicates(list(CELL))
    for pair in (["params", "tokens"], ["flops", "multiplier"]):
        again = cells.duplicated(["training_set", *pair]).reindex(runs.index, fill_value=False)
        refuse(
            again,
            name,
            f"another model or multiplier asked of this training set has the same {' and '.join(pair)}, and"
            " no law can tell them apart; give them one name and different seeds",
        )
