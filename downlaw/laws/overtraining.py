"""The loss law of the over-training track: fitted to small runs of one training set, tested on the others.

Gadre et al. 2024 (arXiv:2403.08540), sections 3 and 4: least squares on a handful of chosen runs, every other
run predicted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .bootstrap import DEFAULT_SAMPLES, Bootstrap, bootstrap
from .cells import CellNoise, Cells, Scores
from .families import FAMILIES, Family, Floats
from .fit import Fit, Method, Status, fit_law, fit_many
from .fitted import NOISE_UNKNOWN
from .noise import Noise
from .objective import Objective

LOSS_LAW, LOSS_RIVAL = "overtraining_law", "chinchilla"
INPUTS = {LOSS_LAW: ["flops", "multiplier"], LOSS_RIVAL: ["params", "tokens"]}
"""Columns of a grid of cells that each law is a function of."""


@dataclass(frozen=True)
class CellLaw:
    """A law fitted to some cells. spread: None where there is no law or the noise is unknown."""

    fit: Fit
    spread: Bootstrap | None

    @classmethod
    def of(
        cls,
        family: Family,
        inputs: ArrayLike,
        values: ArrayLike,
        noise: Noise | None = None,
        *,
        method: Method = "fast",
        samples: int = DEFAULT_SAMPLES,
    ) -> CellLaw:
        """Fit by least squares to all of `values`, (n,), at `inputs`, (n,) or (n, inputs), and again to
        `samples` draws of `noise`, of n columns, where that is known. Raises ValueError as fit_law does."""
        fit = fit_law(family, inputs, values, objective=Objective.least_squares(), n_fit=None, method=method)
        if fit.place is None or noise is None:
            return cls(fit, None)
        return cls(fit, None).spread_by(inputs, noise, samples)

    def spread_by(self, inputs: ArrayLike, noise: Noise, samples: int = DEFAULT_SAMPLES) -> CellLaw:
        """The same law with the intervals that `noise` of its points gives it.

        A law whose shape ends on its bound in many samples is unidentified, as in fit_curves.
        """
        spread = bootstrap(self.fit, inputs, noise, samples=samples)
        fit = self.fit
        if fit.status in (Status.OK, Status.NO_HELD_OUT, Status.INTERPOLATED) and not spread.identified:
            fit = replace(fit, status=Status.UNIDENTIFIED)
        return CellLaw(fit, replace(spread, fit=fit))

    def tested_on(self, predicted: Floats, observed: Floats) -> CellLaw:
        """The same law with its error on held-out cells, (m,) each, NaN where one was not observed."""
        known = np.isfinite(observed)
        if self.fit.place is not None:
            known &= np.isfinite(predicted)
        with np.errstate(all="ignore"):
            errors = np.abs(np.log(predicted[known]) - np.log(observed[known]))
        status = self.fit.status
        if known.any() and status is Status.NO_HELD_OUT:
            status = Status.OK
        fit = replace(
            self.fit,
            status=status,
            n_held_out=int(known.sum()),
            held_out_error=float(errors.mean()) if known.any() else math.nan,
        )
        return CellLaw(fit, replace(self.spread, fit=fit) if self.spread else None)

    @property
    def interval_status(self) -> str:
        """Why there are intervals or none: "ok", "noise unknown", or the status of a fit without a law."""
        if self.spread is not None:
            return "ok"
        return NOISE_UNKNOWN if self.fit.place is not None else str(self.fit.status)

    def predict(self, inputs: ArrayLike) -> Floats:
        """The law at inputs, (m,) or (m, inputs); NaN where there is none."""
        if self.fit.place is None:
            return np.full(len(np.asarray(inputs)), math.nan)
        return self.fit.predict(inputs)

    def draws(self, inputs: ArrayLike) -> Floats | None:
        """The law of each sample at inputs, (samples, m); None without intervals."""
        return self.spread.predict(inputs) if self.spread is not None else None


@dataclass(frozen=True)
class LossLaw:
    """The loss law of one training set on one evaluation set.

    fitted, held_out: which rows of the grid of cells were fitted and which the law has to predict, (n,).
    predicted: the law at every cell, (n,). draws: the law of each sample there, (samples, n); None without
    intervals. A cell that is meant for the fit but has no value is in neither.
    """

    evaluation: str
    law: CellLaw
    scores: Scores
    fitted: np.ndarray
    held_out: np.ndarray
    predicted: Floats
    draws: Floats | None

    @classmethod
    def of_sets(
        cls,
        cells: Cells,
        evaluations: Sequence[str],
        *,
        family: str = LOSS_LAW,
        intervals: bool = True,
        method: Method = "fast",
    ) -> list[LossLaw]:
        """Fit the family to the cells with `loss_fit` and test it on all others, for each evaluation set."""
        meant = cells.grid["loss_fit"].to_numpy()
        inputs = cells.grid[INPUTS[family]].to_numpy(float)
        scores = [cells.loss(evaluation) for evaluation in evaluations]
        fitted = [meant & each.known for each in scores]
        fits = fit_many(
            FAMILIES[family],
            [(inputs[chosen], each.values[chosen]) for each, chosen in zip(scores, fitted, strict=True)],
            objective=Objective.least_squares(),
            n_fit=None,
            method=method,
        )
        found = []
        for evaluation, each, chosen, fit in zip(evaluations, scores, fitted, fits, strict=True):
            law, noise = CellLaw(fit, None), each.noise.at(chosen) if each.noise and intervals else None
            if fit.place is not None and noise is not None:
                law = law.spread_by(inputs[chosen], noise, cells.samples)
            predicted = law.predict(inputs)
            law = law.tested_on(predicted[~meant], each.values[~meant])
            found.append(cls(evaluation, law, each, chosen, ~meant, predicted, law.draws(inputs)))
        return found


def measurement_draws(draws: Floats, noise: CellNoise) -> Floats:
    """What new measurements of cells may be beside what is predicted of them: (samples, n), NaN where a
    cell's noise is not known.

    draws: the law of each sample at the cells. Each cell has its own noise: of the seeds that it has, on the
    evaluation that all share.
    """
    # The law of sample b carries the errors of draw b. What it gets wrong of a measurement is its own error
    # less the measurement's: what both share, as an evaluation that came out easy, cancels.
    return draws * np.exp(-noise.draws[: len(draws)])


def runs_read(cells: Cells, scores: Scores, chosen: np.ndarray) -> pd.Series:
    """FLOPs of the runs, seeds counted one by one, behind chosen cells: by position in the grid."""
    flops = cells.grid["flops"].to_numpy(float) * scores.n_seeds
    return pd.Series(flops[chosen], index=np.flatnonzero(chosen))
