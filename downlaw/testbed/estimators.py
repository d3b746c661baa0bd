"""Estimators: what predicts the loss and the error of runs from the runs in the budget.

Each takes the rows that the loss law may read, those that the error law may read, and the designs of the runs
to predict, and gives an Estimate. It never sees a loss or an error of the runs to predict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from downlaw.laws import FAMILIES, Fit, Objective, fit_law

from . import pooled
from .errors import TestbedError
from .table import TRAINING_SETS

LOSS = "loss_c4_val"
ERRORS = ("error_17", "error_46")
METRICS = (LOSS, *ERRORS)
SEED = 1


@dataclass(frozen=True)
class Estimate:
    """predictions: one row for each run to predict, with METRIC, METRIC_low and METRIC_high for each of
    METRICS; low and high are NaN where an estimator gives no interval. coefficients: law, training_set,
    coefficient, value; the training set is empty where all share the value."""

    predictions: pd.DataFrame
    coefficients: pd.DataFrame


Estimator = Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame], Estimate]


def paper(loss_runs: pd.DataFrame, error_runs: pd.DataFrame, wanted: pd.DataFrame) -> Estimate:
    """The procedure of Gadre et al. 2024: both laws by least squares, for each training set alone.

    The error law is fitted to measured losses, and predicts from the loss law's. It has no intervals: five
    points and four coefficients leave no noise level to be had.
    """
    parts, coefficients = [], []
    for training_set in TRAINING_SETS:
        ours, rows, error_rows = (
            table[table["training_set"] == training_set] for table in (wanted, loss_runs, error_runs)
        )
        law = _least_squares("overtraining_law", training_set, rows[["flops", "multiplier"]], rows[LOSS])
        losses = law.predict(ours[["flops", "multiplier"]].to_numpy(dtype=float))
        part = pd.DataFrame({LOSS: losses}, index=ours.index)
        coefficients += _coefficients(LOSS, law, training_set)
        for error in ERRORS:
            law = _least_squares("error_law", training_set, error_rows[LOSS], error_rows[error])
            part[error] = law.predict(losses)
            coefficients += _coefficients(error, law, training_set)
        parts.append(part)
    predictions = pd.concat(parts).reindex(wanted.index)
    for metric in METRICS:
        predictions[[f"{metric}_low", f"{metric}_high"]] = np.nan
    return Estimate(predictions, _table(coefficients))


def downlaw(loss_runs: pd.DataFrame, error_runs: pd.DataFrame, wanted: pd.DataFrame) -> Estimate:
    """Laws that share parameters over the training sets, with 90% intervals; see downlaw.testbed.pooled."""
    rng = np.random.default_rng(SEED)
    law = pooled.fit_loss_law(loss_runs, loss_runs[LOSS])
    draws = {LOSS: pooled.draw_losses(law, loss_runs, loss_runs[LOSS], wanted, rng)}
    coefficients = _shared(LOSS, law)
    # The error's budget pays for one more loss, so the losses that errors are predicted from use it too.
    law = pooled.fit_loss_law(error_runs, error_runs[LOSS])
    losses = pooled.draw_losses(law, error_runs, error_runs[LOSS], wanted, rng)
    coefficients += _shared(f"{LOSS} for errors", law)
    for error in ERRORS:
        error_law = pooled.fit_error_law(error_runs, error_runs[LOSS], error_runs[error])
        draws[error] = pooled.draw_errors(error_law, error_runs, error_runs[LOSS], wanted, losses, rng)
        coefficients += _shared(error, error_law)
    predictions = pd.DataFrame(index=wanted.index)
    for metric, drawn in draws.items():
        predictions[metric] = drawn.best
        predictions[f"{metric}_low"], predictions[f"{metric}_high"] = drawn.interval()
    return Estimate(predictions, _table(coefficients))


ESTIMATORS: dict[str, Estimator] = {"paper": paper, "downlaw": downlaw}


def _least_squares(family: str, training_set: str, inputs: pd.DataFrame, values: pd.Series) -> Fit:
    fit = fit_law(
        FAMILIES[family],
        inputs.to_numpy(dtype=float),
        values.to_numpy(dtype=float),
        objective=Objective.least_squares(),
        n_fit=None,
        method="paper",
    )
    if not fit.parameters:
        raise TestbedError(f"the {family} cannot be fitted to the runs of {training_set}: {fit.status}")
    return fit


def _coefficients(metric: str, law: Fit, training_set: str) -> list[tuple[str, str, str, float]]:
    return [(metric, training_set, name, value) for name, value in law.parameters.items()]


def _shared(metric: str, law: pooled.LossLaw | pooled.ErrorLaw) -> list[tuple[str, str, str, float]]:
    if isinstance(law, pooled.LossLaw):
        shared, own = {"alpha": law.alpha, "B": law.data_factor}, {"E": law.floors, "A": law.factors}
    else:
        shared, own = {"eps": law.ceiling, "gamma": law.gamma}, {"k": law.factors}
    rows = [(metric, "", name, value) for name, value in shared.items()]
    for name, values in own.items():
        rows += [
            (metric, each, name, float(value)) for each, value in zip(TRAINING_SETS, values, strict=True)
        ]
    return rows


def _table(coefficients: list[tuple[str, str, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(coefficients, columns=["law", "training_set", "coefficient", "value"])
