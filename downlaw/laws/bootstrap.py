"""Intervals of parameters, curves and predictions, from a noise level that is known.

A parametric bootstrap (Efron and Tibshirani 1993, chapter 6): the fitted law plus a draw of the noise is a
curve that might have been measured, and is fitted as the measured one was. Residuals of the fit itself are
never resampled: with a handful of points and three parameters they are far too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .batch import BatchFit, fit_batch
from .families import Floats
from .fit import Fit
from .noise import Noise

DEFAULT_SAMPLES = 1000
DEFAULT_LEVEL = 0.9

MEASUREMENTS_A_SAMPLE = 20
"""New measurements drawn around the law of each sample."""

ON_BOUND_SHARE = 0.05
"""A shape that ends on its bound in more than this share of the samples is not fixed by the data."""


@dataclass(frozen=True)
class Bootstrap:
    """A fit, and the fits of `samples` curves that might have been measured instead.

    Row b of all bootstraps of curves with common noise belongs to the same draw, so that differences between
    laws can be taken row by row.
    """

    fit: Fit
    samples: BatchFit
    noise: Noise

    @property
    def parameters(self) -> dict[str, Floats]:
        """The parameters of each sample, one array (samples,) a parameter."""
        return self.samples.parameters

    def predict(self, inputs: ArrayLike) -> Floats:
        """The law of each sample at inputs, (m,) or (m, inputs): shape (samples, m)."""
        return self.samples.predict(inputs)

    def interval(self, inputs: ArrayLike, level: float = DEFAULT_LEVEL) -> tuple[Floats, Floats]:
        """Where the law itself lies at inputs, (m,) or (m, inputs): lower and upper ends, (m,) each."""
        return spread(self.predict(inputs), level)

    def measurement_interval(self, inputs: ArrayLike, level: float = DEFAULT_LEVEL) -> tuple[Floats, Floats]:
        """Where a new measurement would lie: the law's own spread and, on top of it, the noise of a point
        like the last one of the curve, independent of the others."""
        drawn = np.repeat(self.predict(inputs), MEASUREMENTS_A_SAMPLE, axis=0)
        rng = np.random.default_rng(1)
        fresh = rng.choice(self.noise.draws[:, -1], size=drawn.shape)
        return spread(drawn * np.exp(fresh), level)

    def parameter_intervals(self, level: float = DEFAULT_LEVEL) -> dict[str, tuple[float, float]]:
        """Lower and upper end of each parameter; infinite ends where samples are."""
        found = {}
        for name, drawn in self.parameters.items():
            low, high = spread(np.where(np.isnan(drawn), np.inf, drawn)[:, None], level)
            found[name] = float(low[0]), float(high[0])
        return found

    @property
    def misfit_p(self) -> float:
        """The share of samples that their own law describes no better than the fitted law its curve.

        A small one says that the points scatter more than the noise explains: the law, or the noise level, is
        wrong, and the intervals are too narrow. NaN where the law goes through every point.
        """
        if self.noise.draws.shape[1] <= self.fit.family.n_parameters:
            return math.nan
        return float((self.samples.objective >= self.fit.objective * (1 - 1e-9)).mean())

    @property
    def identified(self) -> bool:
        """Whether nearly all samples keep off the bounds of the shapes."""
        return float(self.samples.shape_on_bound.mean()) <= ON_BOUND_SHARE


def bootstrap(
    fit: Fit,
    inputs: ArrayLike,
    noise: Noise,
    *,
    weights: ArrayLike | None = None,
    samples: int = DEFAULT_SAMPLES,
) -> Bootstrap:
    """Refit curves drawn from a fitted law and its noise.

    inputs: those that were fitted, (n,) or (n, inputs), in the order of `noise`, whose draws have n columns.
    Raises ValueError where the fit has no law or the noise has another number of points.
    """
    curve = fit.predict(inputs)
    if noise.draws.shape[1] != curve.size:
        raise ValueError(f"the noise of {noise.draws.shape[1]} points does not fit {curve.size} inputs")
    drawn = curve * np.exp(noise.sample(samples))
    refitted = fit_batch(
        fit.family, inputs, drawn, objective=fit.minimised, weights=weights, near=fit, n_starts=2
    )
    return Bootstrap(fit, refitted, noise)


def spread(drawn: Floats, level: float) -> tuple[Floats, Floats]:
    """The central share `level` of samples, (samples, m): lower and upper ends, (m,) each."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0, method="nearest")
    return low, high
