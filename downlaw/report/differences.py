"""Which differences of BLEU are beyond the noise of the test set, and what they came from, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from downlaw.metrics.comparisons import MIXTURES, MORE_TOKENS, NOISE

from .labels import METRIC_LABELS, short_count, with_interval

METRIC = "bleu"
"""The metric that can be taken apart."""


def differences_said(comparisons: pd.DataFrame) -> Iterator[str]:
    """The differences between mixtures at the largest Dp that two of them have in common, and every fall of a
    mixture's score from one Dp to the next that is beyond the noise.

    comparisons: of one task and finetuning size, as compare_runs returned them.
    """
    here = comparisons[comparisons["metric"] == METRIC]
    between = here[here["comparison"] == MIXTURES]
    for row in between[between["pretrain_tokens_a"] == between["pretrain_tokens_a"].max()].itertuples():
        yield _between(row)
    grown = here[here["comparison"] == MORE_TOKENS]
    for row in grown[(grown["difference"] < 0) & (grown["p_value"] < NOISE)].itertuples():
        before = f"{row.score_b:.1f} at Dp = {short_count(row.pretrain_tokens_b)}"
        after = f"{row.score_a:.1f} at {short_count(row.pretrain_tokens_a)}"
        name = METRIC_LABELS[METRIC].name
        yield f"{name} with {row.mixture_a} fell from {before} to {after} (p = {row.p_value:.2g}): {row.why}."


def _between(row: Any) -> str:
    name = METRIC_LABELS[METRIC].name
    where = f"At Dp = {short_count(row.pretrain_tokens_a)}, {name} with {row.mixture_a}"
    size = with_interval(METRIC, row.difference, row.low, row.high)
    if row.p_value >= NOISE:
        return (
            f"{where} differs from that with {row.mixture_b} by {size}, which noise of the test set explains "
            f"(p = {row.p_value:.2g})."
        )
    return f"{where} differs from that with {row.mixture_b} by {size} (p = {row.p_value:.2g}): {row.why}."
