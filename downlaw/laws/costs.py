"""What pretraining and finetuning cost, from the FLOPs in a table of runs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .tables import TableError


def flops_column(runs: pd.DataFrame, column: str) -> pd.Series | None:
    """A column of FLOPs as numbers, None where the table lacks it; raises TableError for text and for a
    negative number."""
    if column not in runs.columns:
        return None
    numbers = pd.to_numeric(runs[column], errors="coerce").astype(float)
    wrong = (numbers.isna() & runs[column].notna()) | (numbers < 0) | np.isinf(numbers)
    if wrong.any():
        line = int(np.flatnonzero(wrong)[0])
        found = runs[column].iloc[line]
        raise TableError(f"runs, line {line + 2}: {column} is {found!r}, not a number of FLOPs")
    return numbers


def flops_per_token(runs: pd.DataFrame, given: float | None = None) -> dict[str, float]:
    """FLOPs of pretraining a token, for each mixture that has them: from its run with the largest Dp, or the
    `given` number for all.

    runs: as check_runs returns them. Raises TableError as flops_column does, ValueError where the given
    number is not positive.
    """
    mixtures = sorted(set(runs["mixture"]) - {""})
    if given is not None:
        if not 0 < given < math.inf:
            raise ValueError(f"flops_per_token must be positive, not {given}")
        return dict.fromkeys(mixtures, float(given))
    flops = flops_column(runs, "pretrain_flops")
    if flops is None:
        return {}
    known = runs.assign(flops=flops)[(runs["pretrain_tokens"] > 0) & (flops > 0)]
    last = known.sort_values("pretrain_tokens", kind="stable").drop_duplicates("mixture", keep="last")
    rates = last["flops"] / last["pretrain_tokens"]
    return dict(zip(last["mixture"], rates.astype(float), strict=True))


def require_flops_per_token(rates: dict[str, float], runs: pd.DataFrame, purpose: str) -> None:
    """Raise TableError unless every mixture that has a finished run has FLOPs a token."""
    if "pretrain_flops" not in runs.columns and not rates:
        raise TableError(
            f"runs: column 'pretrain_flops' is missing, and {purpose} needs it;"
            " add it, or give flops_per_token (about 6 x parameters)"
        )
    lacking = sorted(set(runs.loc[runs["status"] == "ok", "mixture"]) - {""} - set(rates))
    if lacking:
        raise TableError(
            f"runs: pretrain_flops is empty for {', '.join(lacking)}, and {purpose} needs it;"
            " fill it in, or give flops_per_token"
        )
