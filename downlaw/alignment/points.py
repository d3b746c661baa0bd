"""What each mixture gained over no pretraining, and its verdict: to be predicted by measures of alignment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from downlaw.laws import METRICS, Curve
from downlaw.laws.curves import curves_by_metric
from downlaw.laws.valuation import read_verdicts

LOWER_IS_BETTER = frozenset({"cross_entropy"})

POINT_COLUMNS = (
    *("task", "finetune_pairs", "metric", "mixture", "pretrain_tokens"),
    *("score", "baseline", "gain", "verdict", "reason"),
)


def points(
    runs: pd.DataFrame, verdicts: pd.DataFrame | None = None, metrics: Iterable[str] = tuple(METRICS)
) -> pd.DataFrame:
    """The gain of every mixture, columns POINT_COLUMNS, one row for each task, finetuning size, metric and
    mixture of a table of runs.

    gain: over the baseline, in units of the metric and positive where pretraining helps, at the largest Dp
    that any mixture of that task, size and metric has finished; empty for a mixture that has not, or without
    a baseline, as `reason` says. verdict: empty where there is none. Raises TableError.
    """
    words = read_verdicts(verdicts)
    rows = []
    for metric, found in curves_by_metric(runs, metrics, None, None):
        alike: dict[tuple[str, int], list[Curve]] = {}
        for curve in found:
            alike.setdefault((curve.task, curve.finetune_pairs), []).append(curve)
        for same in alike.values():
            rows += [
                row | {"verdict": words.get((row["task"], row["finetune_pairs"], row["mixture"], metric))}
                for row in _gains(same)
            ]
    table = pd.DataFrame(rows, columns=list(POINT_COLUMNS))
    return table.sort_values(["task", "finetune_pairs"], kind="stable", ignore_index=True)


def _gains(same: list[Curve]) -> Iterator[dict[str, object]]:
    """Of curves that differ in the mixture alone."""
    largest = max((point.pretrain_tokens for curve in same for point in curve.points), default=None)
    for curve in same:
        row = {
            "task": curve.task,
            "finetune_pairs": curve.finetune_pairs,
            "metric": curve.metric,
            "mixture": curve.mixture,
            "pretrain_tokens": largest,
            "baseline": curve.baseline.value if curve.baseline else np.nan,
        }
        last = curve.points[-1] if curve.points else None
        if last is None or last.pretrain_tokens != largest:
            row["reason"] = f"no finished run at Dp = {largest:,}" if largest else "no finished run"
        else:
            row["score"] = last.value
            if curve.baseline is None:
                row["reason"] = "no finished baseline"
            else:
                gain = last.value - curve.baseline.value
                row["gain"] = -gain if curve.metric in LOWER_IS_BETTER else gain
        yield row
