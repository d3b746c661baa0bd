"""Reading back what the laws' tables hold, as far as figures and summaries need it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from downlaw.contamination import SCORES_COLUMNS
from downlaw.laws import LM_LAW_COLUMNS, LM_LINE_COLUMNS, LM_PREDICTION_COLUMNS, TASK_COLUMNS, TableError
from downlaw.laws.relations import RELATION_COLUMNS
from downlaw.laws.tables import read_table
from downlaw.metrics.comparisons import COMPARISON_COLUMNS

from .lines import LINE_COLUMNS

_CURVE = ("task", "finetune_pairs", "mixture", "metric")
VERDICTS_NEEDED = (*_CURVE, "verdict", "reason")
VALUATIONS_NEEDED = (
    *(*_CURVE, "question", "budget_flops", "pretrain_tokens"),
    *("predicted", "predicted_low", "predicted_high", "best_mixture", "share_best"),
    *("difference", "difference_low", "difference_high", "baseline"),
    *("answer", "verdict", "noise", "interval_level"),
)
"""The columns that are read; a table of an earlier version may lack others."""

LM_TEXT = ("training_set", "evaluation_set", "metric", "law", "model", "tasks", "task", "status", "reason")
"""Columns of the over-training track that stay text, whatever their names look like."""


def read_lines(path: str | Path) -> pd.DataFrame:
    """A table as law_lines returned it; raises TableError where it is no such table."""
    return _read(path, LINE_COLUMNS)


def read_verdicts(path: str | Path) -> pd.DataFrame:
    """A table as verdict_runs returned it; raises TableError where a column that is shown is missing."""
    return _read(path, VERDICTS_NEEDED)


def read_valuations(path: str | Path) -> pd.DataFrame:
    """A table as value_runs returned it; raises TableError where a column that is shown is missing."""
    return _read(path, VALUATIONS_NEEDED)


def read_relations(path: str | Path) -> pd.DataFrame:
    """A table as relate_runs returned it; raises TableError where it is no such table."""
    table = _read(path, RELATION_COLUMNS)
    return table.astype({"holds": "boolean"})


def read_comparisons(path: str | Path) -> pd.DataFrame:
    """A table as compare_runs returned it; raises TableError where it is no such table."""
    return _read(path, COMPARISON_COLUMNS, "compare the runs again")


def read_contamination_scores(path: str | Path) -> pd.DataFrame:
    """A table as score_without_seen returned it; raises TableError where it is no such table."""
    return _read(path, SCORES_COLUMNS, "compare the runs again")


def read_lm_laws(path: str | Path) -> pd.DataFrame:
    """The laws of fit_lm_runs as a table; raises TableError where it is no such table."""
    return _read(path, LM_LAW_COLUMNS, text=LM_TEXT)


def read_lm_predictions(path: str | Path) -> pd.DataFrame:
    """The predictions of fit_lm_runs as a table; raises TableError where it is no such table."""
    return _read(path, LM_PREDICTION_COLUMNS, text=LM_TEXT).astype({"inside": "boolean"})


def read_lm_lines(path: str | Path) -> pd.DataFrame:
    """The lines of fit_lm_runs as a table; raises TableError where it is no such table."""
    return _read(path, LM_LINE_COLUMNS, text=LM_TEXT)


def read_lm_tasks(path: str | Path) -> pd.DataFrame:
    """The tasks of fit_lm_runs as a table; raises TableError where it is no such table."""
    return _read(path, TASK_COLUMNS, text=LM_TEXT)


def _read(
    path: str | Path,
    columns: Sequence[str],
    remedy: str = "fit the runs again",
    text: Sequence[str] | None = None,
) -> pd.DataFrame:
    table = read_table(path) if text is None else read_table(path, text)
    for column in columns:
        if column not in table.columns:
            raise TableError(f"{path}: column {column!r} is missing; {remedy}")
    return table
