"""Laws and their intervals at as many Dp as a figure needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from downlaw.laws import (
    METRICS,
    FittedCurve,
    FittedMetric,
    fit_curves,
)
from downlaw.laws.bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES
from downlaw.laws.curves import curves_by_metric
from downlaw.laws.fit import DEFAULT_N_FIT
from downlaw.laws.laws_table import BUDGETS_AHEAD

LINE_COLUMNS = (
    *("task", "finetune_pairs", "mixture", "metric", "law", "fitted"),
    *("pretrain_tokens", "predicted", "low", "high", "interval_level"),
)
POINTS_A_DOUBLING = 16


def law_lines(
    runs: pd.DataFrame,
    *,
    n_fit: int = DEFAULT_N_FIT,
    budgets: Sequence[int] | None = None,
    metrics: Mapping[str, FittedMetric] = METRICS,
    resamples: pd.DataFrame | None = None,
    relative_noise: float | None = None,
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
) -> pd.DataFrame:
    """Every law of a table of runs at many Dp, with its interval where the noise is known, columns
    LINE_COLUMNS.

    `fitted` is "smallest" for the law of the `n_fit` smallest Dp, from the smallest to the largest Dp of its
    curve, and "all" for the law of all points, from there to the largest of `budgets`; the options are those
    of predict_runs. A law that is flat, or that could not be fitted, has no rows. Raises TableError.
    """
    tables = []
    for metric, same in curves_by_metric(runs, metrics, resamples, relative_noise):
        found = [curve for curve in same if curve.points]
        for fitted, n in (("smallest", n_fit), ("all", None)):
            for each in fit_curves(found, metrics[metric], n_fit=n, samples=samples):
                first, last = each.curve.tokens[[0, -1]]
                if fitted == "all":
                    first, last = last, max(budgets or [BUDGETS_AHEAD[-1] * last])
                if each.fit.parameters and first < last:
                    tables.append(_line(each, first, last, level).assign(fitted=fitted))
    if not tables:
        return pd.DataFrame(columns=list(LINE_COLUMNS))
    return pd.concat(tables, ignore_index=True)[list(LINE_COLUMNS)]


def _line(fitted: FittedCurve, first: float, last: float, level: float) -> pd.DataFrame:
    count = 1 + max(1, round(POINTS_A_DOUBLING * np.log2(last / first)))
    tokens = np.geomspace(first, last, count)
    # Where the fitted points end, the line changes from solid to dashed.
    tokens = np.union1d(tokens, [t for t in fitted.curve.tokens[: fitted.fit.n_fit] if first <= t <= last])
    table = fitted.predict(list(tokens), level)
    curve = fitted.curve
    return table.assign(
        task=curve.task,
        finetune_pairs=curve.finetune_pairs,
        mixture=curve.mixture,
        metric=curve.metric,
        law=fitted.fit.family.name,
        interval_level=level if fitted.spread else np.nan,
    )
