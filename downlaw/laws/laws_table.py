"""From a table of runs to the table of laws, and to the table of predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from .bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES
from .curves import Curve, curves_by_metric
from .families import FAMILIES
from .fit import DEFAULT_N_FIT, Method
from .fitted import FittedCurve, fit_curves, leave_last_out_errors
from .tables import METRICS, FittedMetric, TableError, read_table

COEFFICIENTS = tuple(
    dict.fromkeys(
        parameter.name
        for family in FAMILIES.values()
        if family.inputs == ("pretrain_tokens",)
        for parameter in family.parameters
    )
)
PLACE = ("track", "task", "finetune_pairs", "mixture", "metric")
LAW_COLUMNS = (
    *(*PLACE, "law", "role"),
    *(column for name in COEFFICIENTS for column in (name, f"{name}_low", f"{name}_high")),
    *("n_fit", "n_held_out", "n_diverged", "n_missing", "spearman", "delta"),
    *("objective", "fit_error", "held_out_error", "leave_last_out_error", "best"),
    *("on_bound", "noise", "noise_sd", "misfit_p", "interval_level", "interval_status", "status"),
)
PREDICTION_COLUMNS = (
    *(*PLACE, "law", "fitted", "n_fit", "pretrain_tokens", "observed", "predicted", "low", "high"),
    *("measured_low", "measured_high", "noise", "interval_level", "interval_status", "status"),
)
BUDGETS_AHEAD = (2, 4, 8)
"""Extrapolations that are made unasked: these multiples of a curve's largest Dp."""


def fit_runs(
    runs: pd.DataFrame,
    *,
    n_fit: int = DEFAULT_N_FIT,
    metrics: Mapping[str, FittedMetric] = METRICS,
    resamples: pd.DataFrame | None = None,
    relative_noise: float | None = None,
    method: Method = "fast",
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
) -> pd.DataFrame:
    """The laws of a table of runs: for each curve its law, then its rivals, columns LAW_COLUMNS, what does
    not exist empty.

    Rows are ordered by task, finetuning size and mixture, then metric. Metrics without a single number are
    passed over. Intervals need a noise level (see curves). `best` marks, for each curve, the family with the
    lowest leave-last-out error. Raises TableError.
    """
    rows: list[dict[str, object]] = []
    for metric, same in curves_by_metric(runs, metrics, resamples, relative_noise):
        how = metrics[metric]
        columns = []
        for law in (how.law, *how.rivals):
            rival = replace(how, law=law, rivals=())
            quiet = [replace(curve, noise=None) for curve in same] if law != how.law else same
            fitted = fit_curves(quiet, rival, n_fit=n_fit, method=method, samples=samples)
            columns.append((law, fitted, leave_last_out_errors(same, rival)))
        for number, curve in enumerate(same):
            errors = [ahead[number] for _, _, ahead in columns]
            best = _lowest(errors)
            for place, (law, fitted, _) in enumerate(columns):
                row = _law_row(fitted[number], level)
                row |= {
                    "role": "law" if law == how.law else "rival",
                    "leave_last_out_error": errors[place],
                    "best": place == best,
                    "spearman": _spearman(curve),
                }
                if law != how.law:
                    row |= {"noise": None, "noise_sd": None, "interval_status": None}
                rows.append(row)
    return _ordered(rows, LAW_COLUMNS)


def predict_runs(
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
    """The predictions of a table of runs, columns PREDICTION_COLUMNS.

    First what the law of the `n_fit` smallest Dp says of the held-out points, beside what was observed
    (`fitted` is "smallest"); then what the law of all points says of `budgets`, in pretraining tokens, by
    default twice, four and eight times a curve's largest Dp (`fitted` is "all"). low, high: of the law;
    measured_low, measured_high: of a measurement there. Raises TableError, and ValueError for a budget that
    is not positive.
    """
    if budgets is not None and not all(budget > 0 for budget in budgets):
        raise ValueError(f"budgets must be positive numbers of tokens, not {list(budgets)}")
    rows: list[dict[str, object]] = []
    for metric, same in curves_by_metric(runs, metrics, resamples, relative_noise):
        how = metrics[metric]
        smallest = fit_curves(same, how, n_fit=n_fit, samples=samples)
        everything = fit_curves(same, how, n_fit=None, samples=samples)
        for tested, whole in zip(smallest, everything, strict=True):
            curve, first = tested.curve, tested.fit.n_fit
            rows += _prediction_rows(
                tested, "smallest", curve.tokens[first:].astype(int), curve.values[first:], level
            )
            ahead = budgets
            if ahead is None:
                ahead = [times * int(curve.tokens[-1]) for times in BUDGETS_AHEAD] if curve.points else []
            rows += _prediction_rows(whole, "all", ahead, [math.nan] * len(ahead), level)
    return _ordered(rows, PREDICTION_COLUMNS)


def read_laws(path: str | Path) -> pd.DataFrame:
    """Read a table of laws as fit_runs returned it; raises TableError where it is no such table."""
    laws = read_table(path)
    for column in LAW_COLUMNS:
        if column not in laws.columns:
            raise TableError(f"{path}: column {column!r} is missing; fit the runs again")
    return laws


def _place(fitted: FittedCurve) -> dict[str, object]:
    curve = fitted.curve
    return {
        "track": "transfer",
        "task": curve.task,
        "finetune_pairs": curve.finetune_pairs,
        "mixture": curve.mixture,
        "metric": curve.metric,
        "law": fitted.fit.family.name,
    }


def _law_row(fitted: FittedCurve, level: float) -> dict[str, object]:
    fit, curve = fitted.fit, fitted.curve
    row = _place(fitted) | {
        "n_fit": fit.n_fit,
        "n_held_out": fit.n_held_out,
        "n_diverged": curve.n_diverged,
        "n_missing": curve.n_missing,
        "delta": fit.minimised.delta,
        "objective": fit.objective,
        "fit_error": fit.fit_error,
        "held_out_error": fit.held_out_error,
        "on_bound": "; ".join(fit.on_bound) or None,
        "interval_status": fitted.interval_status,
        "status": str(fit.status),
    }
    if curve.noise is not None and curve.points:
        row |= {"noise": curve.noise.source, "noise_sd": float(np.median(curve.point_noise.sd))}
    if fitted.spread is not None:
        row |= {"interval_level": level, "misfit_p": fitted.spread.misfit_p}
    row |= {name: value for name, value in fit.parameters.items() if math.isfinite(value)}
    for name, ends in fitted.parameter_intervals(level).items():
        for side, end in zip(("low", "high"), ends, strict=True):
            if math.isfinite(end):
                row[f"{name}_{side}"] = end
    return row


def _prediction_rows(
    fitted: FittedCurve, which: str, tokens: Sequence[int], observed: Sequence[float], level: float
) -> list[dict[str, object]]:
    noise = fitted.curve.noise
    shared = _place(fitted) | {
        "fitted": which,
        "n_fit": fitted.fit.n_fit,
        "noise": noise.source if noise else None,
        "interval_level": level if fitted.spread else None,
        "interval_status": fitted.interval_status,
        "status": str(fitted.fit.status),
    }
    predicted = fitted.predict(list(tokens), level).assign(observed=list(observed))
    return [shared | row for row in predicted.to_dict("records")]


def _lowest(errors: Sequence[float]) -> int | None:
    known = [(error, place) for place, error in enumerate(errors) if math.isfinite(error)]
    return min(known)[1] if known else None


def _spearman(curve: Curve) -> float:
    """Rank correlation of the metric with Dp over all points; NaN below three points and where all are
    equal."""
    if len(curve.points) < 3 or np.ptp(curve.values) == 0:
        return math.nan
    return float(np.corrcoef(np.arange(len(curve.points)), pd.Series(curve.values).rank())[0, 1])


def _ordered(rows: list[dict[str, object]], columns: Sequence[str]) -> pd.DataFrame:
    """By task, finetuning size and mixture; metrics, families and points as they came."""
    table = pd.DataFrame(rows, columns=list(columns))
    return table.sort_values(["task", "finetune_pairs", "mixture"], kind="stable", ignore_index=True)
