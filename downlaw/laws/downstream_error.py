"""The error law of the over-training track: average top-1 error over loss.

Gadre et al. 2024 (arXiv:2403.08540), Eq. 5 and section 3: fitted to measured losses of small runs, and read
at the losses that the loss law predicts for the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .cells import Cells, Scores
from .families import FAMILIES, Floats
from .fit import Method
from .noise import Noise
from .overtraining import CellLaw, LossLaw, runs_read

ERROR_LAW = "error_law"
NOT_FITTABLE = "not fittable"
"""The status of an error law that has nothing to be fitted to; the reason says why."""

FEWEST_TASKS = 2
DEFAULT_MARGIN = 0.05

TASK_COLUMNS = (
    *("training_set", "task", "chance", "best_fitted_error", "best_fitted_run"),
    *("margin", "enters", "reason"),
)


def choose_tasks(cells: Cells, tasks: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Which tasks enter the average error of a training set: columns TASK_COLUMNS, one row a task.

    tasks: `task` and `chance`. A task enters where the best cell that the error law is fitted to has an error
    of at most chance - margin. Runs to be predicted have no say: a task chosen because they do well at it
    would make them easier to predict.
    """
    rows = []
    for task, chance in tasks[["task", "chance"]].itertuples(index=False, name=None):
        errors = np.where(cells.grid["error_fit"], cells.average_error([task]).values, math.nan)
        row = {"training_set": cells.training_set, "task": task, "chance": chance, "margin": margin}
        if np.isnan(errors).all():
            rows.append(row | {"enters": False, "reason": "no run that the error law is fitted to has it"})
            continue
        best = int(np.nanargmin(errors))
        below = chance - errors[best]
        enters = bool(below >= margin - 1e-9)
        rows.append(
            row
            | {"best_fitted_error": errors[best], "best_fitted_run": cells.grid["run"].iloc[best]}
            | {
                "enters": enters,
                "reason": f"the best fitted run is {abs(below):.3f} {'below' if below >= 0 else 'above'}"
                f" chance, {'at least' if enters else 'not'} {margin:g} below",
            }
        )
    return pd.DataFrame(rows, columns=list(TASK_COLUMNS))


@dataclass(frozen=True)
class DownstreamLaw:
    """The error law of one training set.

    losses: the loss law that held-out cells are predicted from. held_out: cells that neither law was fitted
    to, (n,). predicted: the error at every cell from its predicted loss, (n,). draws: the same of each
    sample, (samples, n), with the spread of both laws; None without intervals. flops: of all runs that both
    laws read.
    """

    tasks: tuple[str, ...]
    losses: LossLaw
    law: CellLaw
    scores: Scores
    fitted: np.ndarray
    held_out: np.ndarray
    predicted: Floats
    draws: Floats | None
    flops: float

    @classmethod
    def of(cls, cells: Cells, tasks: tuple[str, ...], losses: LossLaw, *, method: Method) -> DownstreamLaw:
        """Fit the error law to the cells with `error_fit` that have a loss, and test it on cells that are in
        neither fit."""
        scores, meant = cells.average_error(tasks), cells.grid["error_fit"].to_numpy()
        fitted = meant & scores.known & losses.scores.known
        measured = losses.scores.values[fitted]
        law = CellLaw.of(FAMILIES[ERROR_LAW], measured, scores.values[fitted], method=method)
        noise = None
        if law.fit.place is not None and losses.draws is not None and scores.noise:
            of_losses, of_errors = losses.scores.noise.at(fitted), scores.noise.at(fitted)
            if of_losses and of_errors:
                noise = with_noisy_losses(law, measured, of_losses, of_errors)
        if noise is not None:
            law = law.spread_by(measured, noise, cells.samples)
        known = np.isfinite(losses.predicted)
        predicted = np.full(len(cells.grid), math.nan)
        predicted[known] = law.predict(losses.predicted[known])
        held_out = losses.held_out & ~meant
        law = law.tested_on(predicted[held_out], scores.values[held_out])
        draws = None
        if law.spread is not None and losses.draws is not None:
            draws = error_draws(law, losses.draws)
        read = runs_read(cells, losses.scores, losses.fitted), runs_read(cells, scores, fitted)
        flops = float(pd.concat(read, axis=1).max(axis=1).sum())
        return cls(tasks, losses, law, scores, fitted, held_out, predicted, draws, flops)


def with_noisy_losses(law: CellLaw, losses: Floats, of_losses: Noise, of_errors: Noise) -> Noise:
    """Noise of ln(error), draw by draw, that also holds what the noise of the measured losses does to it.

    losses: (n,), where the law was fitted. A loss measured too high shows the error of a better model: a
    point that is off along the loss is, to first order, one that is off along the error. Where the law of
    such a loss has no positive error, the noise of that loss is left out.
    """
    true = losses * np.exp(-of_losses.draws)
    with np.errstate(all="ignore"):
        moved = np.log(law.fit.predict(true.ravel()).reshape(true.shape) / law.fit.predict(losses))
    moved = np.where(np.isfinite(moved), moved, 0.0)
    rows = np.arange(len(moved)) % len(of_errors.draws)
    return Noise(of_errors.draws[rows] + moved, of_errors.source)


def error_draws(law: CellLaw, losses: Floats) -> Floats:
    """The error law of sample b at the losses of draw b: losses and result (samples, m).

    An error is no less than 0 and no more than 1, whatever a sample says far from its points.
    """
    parameters = {name: drawn[:, None] for name, drawn in law.spread.parameters.items()}
    with np.errstate(all="ignore"):
        errors = law.fit.family.formula_at((losses,), parameters)
    return np.clip(errors, 0.0, 1.0)
