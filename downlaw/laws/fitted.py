"""Laws fitted to curves, with what their noise says of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES, Bootstrap, bootstrap
from .curves import Curve
from .families import FAMILIES
from .fit import DEFAULT_N_FIT, Fit, Method, Status, fit_many
from .objective import Objective
from .tables import FittedMetric

NOISE_UNKNOWN = "noise unknown"
LEAST_POINTS_BEFORE = 4
"""Points that a law sees at least before it predicts the next one, in a comparison of families."""


@dataclass(frozen=True)
class FittedCurve:
    """A curve and a law fitted to its `fit.n_fit` smallest Dp.

    spread: None where there is no law or the noise is unknown.
    """

    curve: Curve
    fit: Fit
    spread: Bootstrap | None

    @property
    def interval_status(self) -> str:
        """Why there are intervals or none: "ok", "noise unknown", or the status of a fit without a law."""
        if self.spread is not None:
            return "ok"
        return NOISE_UNKNOWN if self.fit.place is not None else str(self.fit.status)

    def parameter_intervals(self, level: float = DEFAULT_LEVEL) -> dict[str, tuple[float, float]]:
        """Lower and upper end of each parameter; empty where there is no interval."""
        if self.spread is None or not self.fit.parameters:
            return {}
        return self.spread.parameter_intervals(level)

    def predict(self, tokens: Sequence[float], level: float = DEFAULT_LEVEL) -> pd.DataFrame:
        """The law at pretraining tokens, (m,): columns pretrain_tokens, predicted, low and high of the law,
        measured_low and measured_high of a new measurement; what does not exist is NaN."""
        m = len(tokens)
        table = pd.DataFrame({"pretrain_tokens": np.asarray(tokens)})
        empty = np.full(m, math.nan)
        table["predicted"] = self.fit.predict(tokens) if self.fit.place else empty
        intervals = [(empty, empty), (empty, empty)]
        if self.spread is not None and m:
            intervals = [
                self.spread.interval(tokens, level),
                self.spread.measurement_interval(tokens, level),
            ]
        names = [("low", "high"), ("measured_low", "measured_high")]
        for pair, ends in zip(names, intervals, strict=True):
            for name, end in zip(pair, ends, strict=True):
                table[name] = end
        return table


def fit_curves(
    curves: Sequence[Curve],
    how: FittedMetric,
    *,
    n_fit: int | None = DEFAULT_N_FIT,
    method: Method = "fast",
    samples: int = DEFAULT_SAMPLES,
) -> list[FittedCurve]:
    """Fit a metric's law to each curve, and again to `samples` draws of its noise where that is known.

    n_fit: the smallest Dp fitted, None for all. A law whose shape ends on its bound in many samples is
    unidentified, whatever its own fit looked like.
    """
    family, objective = FAMILIES[how.law], Objective.huber_on_logs(how.delta)
    fits = fit_many(
        family,
        [(curve.tokens, curve.values) for curve in curves],
        objective=objective,
        n_fit=n_fit,
        method=method,
    )
    fitted = []
    for curve, fit in zip(curves, fits, strict=True):
        spread = None
        if fit.place is not None and curve.noise is not None:
            first = slice(0, fit.n_fit)
            spread = bootstrap(fit, curve.tokens[first], curve.noise.at(first), samples=samples)
            if fit.status in (Status.OK, Status.NO_HELD_OUT, Status.INTERPOLATED) and not spread.identified:
                fit = replace(fit, status=Status.UNIDENTIFIED)
        fitted.append(FittedCurve(curve, fit, spread))
    return fitted


def leave_last_out_errors(curves: Sequence[Curve], how: FittedMetric) -> list[float]:
    """For each curve the mean |ln predicted - ln observed| of points predicted from all points before them.

    The first point predicted has LEAST_POINTS_BEFORE before it, or is the last one of a shorter curve, for
    every family alike: the errors of families on one curve compare. NaN where a prediction does not exist.
    """
    family, objective = FAMILIES[how.law], Objective.huber_on_logs(how.delta)
    places, parts = [], []
    for number, curve in enumerate(curves):
        n = len(curve.points)
        for before in range(min(LEAST_POINTS_BEFORE, n - 1), n):
            if before >= 1:
                places.append((number, before))
                parts.append((curve.tokens[: before + 1], curve.values[: before + 1], before))
    errors: list[list[float]] = [[] for _ in curves]
    for before in sorted({part[2] for part in parts}):
        chosen = [i for i, part in enumerate(parts) if part[2] == before]
        fits = fit_many(family, [parts[i][:2] for i in chosen], objective=objective, n_fit=before)
        for i, fit in zip(chosen, fits, strict=True):
            errors[places[i][0]].append(fit.held_out_error if fit.place else math.nan)
    return [float(np.mean(each)) if each else math.nan for each in errors]
