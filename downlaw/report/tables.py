"""Reading back what the laws' tables hold, as far as figures and summaries need it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from downlaw.laws import TableError
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


def _read(path: str | Path, columns: Sequence[str], remedy: str = "fit the runs again") -> pd.DataFrame:
    table = read_table(path)
    for column in columns:
        if column not in table.columns:
            raise TableError(f"{path}: column {column!r} is missing; {remedy}")
    return table
