"""Families of scaling laws: how a metric may depend on pretraining tokens.

A family is one short class. Besides its formula it says how it is best searched: in three coordinates that
the data fix almost independently of each other, in any unit of the tokens or the metric. They describe
ln(metric) over ln(tokens) at the centre of the fitted points: its *level*, its *slope*, and its *bend*, the
rate at which the slope dies out. The coefficients of the published formula follow from them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import exprel

Floats = NDArray[np.float64]

MAX_SLOPE = 10.0
"""Steepest change of ln(metric) for one unit of ln(tokens) that a fit may reach."""


@dataclass(frozen=True)
class Coefficient:
    """One coefficient of a published formula: its name, the open or closed range it may take, and its
    unit."""

    name: str
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class Chart:
    """Where a family's coordinates are anchored: the centre of ln(tokens) over the fitted points, and the
    distance from there down to the smallest of them (both without unit, natural logarithm)."""

    centre: float
    reach: float

    @classmethod
    def over(cls, tokens: ArrayLike) -> Chart:
        """The chart of fitted points at these token counts (any shape, all positive, at least two
        distinct)."""
        log_tokens = np.log(np.asarray(tokens, dtype=float))
        centre = float(log_tokens.mean())
        return cls(centre, centre - float(log_tokens.min()))


class Family(ABC):
    """A law for a positive metric of pretraining tokens.

    Every family is searched in the coordinates (level, slope, bend). Slopes have the family's own sign, so
    that a slope of 0 is the constant law: a metric that moves the wrong way with more pretraining ends
    there.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    coefficients: ClassVar[tuple[Coefficient, ...]]
    bend_bounds: ClassVar[tuple[float, float]]
    start_slopes: ClassVar[tuple[float, ...]] = (0.01, 0.03, 0.1, 0.3, 1.0)
    start_bends: ClassVar[tuple[float, ...]]

    @abstractmethod
    def predict(self, tokens: ArrayLike, coefficients: Mapping[str, float]) -> Floats:
        """The metric at each token count (same shape as `tokens`). Values where the formula is undefined
        are NaN."""

    @abstractmethod
    def log_predict(self, point: Floats, log_tokens: Floats, chart: Chart) -> tuple[Floats, Floats]:
        """ln(metric), shape (n,), at ln(tokens), shape (n,), and its derivatives to (level, slope, bend),
        shape (n, 3)."""

    @abstractmethod
    def coefficients_at(self, point: Floats, chart: Chart) -> dict[str, float]:
        """The coefficients of the formula at a point (level, slope, bend); not finite where they do not
        exist."""

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """Bounds of (level, slope, bend)."""
        return (-math.inf, math.inf), (0.0, MAX_SLOPE), self.bend_bounds

    def starts(self, level: float) -> Floats:
        """Starts of the search, shape (len(start_slopes) * len(start_bends), 3), all at the given level."""
        return np.array([(level, slope, bend) for slope in self.start_slopes for bend in self.start_bends])


class LogLaw(Family):
    """The log-law for translation scores, Isik et al. 2024 (arXiv:2402.04177), Eq. 1.

    With x = ln(tokens): ln f = beta ln(alpha) + beta ln(x + c), c = ln(A) / alpha. The bend is reach /
    (centre + c), which keeps x + c positive down to the smallest fitted point as long as it is below 1, and
    turns the law into a pure power of the tokens as it nears 0, where A, alpha and beta are no longer
    fixed.
    """

    name = "log_law"
    formula = "f(Dp) = (ln(A * Dp^alpha))^beta"
    source = "Isik et al. 2024, arXiv:2402.04177, Eq. 1"
    coefficients = (
        Coefficient("ln_A", -math.inf, math.inf, "none"),
        Coefficient("alpha", 0.0, math.inf, "1 / ln(tokens)"),
        Coefficient("beta", 0.0, math.inf, "none"),
    )
    bend_bounds = (1e-3, 0.9999)
    start_bends = (0.05, 0.25, 0.5, 0.75, 0.95)

    def predict(self, tokens: ArrayLike, coefficients: Mapping[str, float]) -> Floats:
        argument = coefficients["ln_A"] + coefficients["alpha"] * np.log(np.asarray(tokens, dtype=float))
        with np.errstate(divide="ignore"):
            logs = np.log(np.where(argument > 0, argument, np.nan))
        return np.exp(coefficients["beta"] * logs)

    def log_predict(self, point: Floats, log_tokens: Floats, chart: Chart) -> tuple[Floats, Floats]:
        level, slope, bend = point
        rate = bend / chart.reach
        offset = log_tokens - chart.centre
        logs = np.log1p(rate * offset)
        values = level + slope / rate * logs
        to_bend = slope / rate * (offset / (1 + rate * offset) - logs / rate) / chart.reach
        return values, np.column_stack([np.ones_like(offset), logs / rate, to_bend])

    def coefficients_at(self, point: Floats, chart: Chart) -> dict[str, float]:
        level, slope, bend = point
        rate = bend / chart.reach
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            beta = np.float64(slope) / rate
            alpha = np.exp(level / beta) * rate
            ln_a = alpha * (1 / rate - chart.centre)
        return {"ln_A": float(ln_a), "alpha": float(alpha), "beta": float(beta)}


class PowerLaw(Family):
    """The power law with a floor for downstream cross-entropy, Isik et al. 2024 (arXiv:2402.04177), Eq. 3.

    The bend is reach * (alpha - slope), that is reach * alpha times the floor's share in the metric at the
    centre. It is 0 where there is no floor.
    """

    name = "power_law"
    formula = "L(Dp) = E + A / Dp^alpha"
    source = "Isik et al. 2024, arXiv:2402.04177, Eq. 3"
    coefficients = (
        Coefficient("ln_A", -math.inf, math.inf, "ln(metric's unit * tokens^alpha)"),
        Coefficient("alpha", 0.0, math.inf, "none"),
        Coefficient("E", 0.0, math.inf, "metric's unit"),
    )
    bend_bounds = (0.0, 5.0)
    start_bends = (0.0, 0.25, 0.5, 1.0, 2.0)

    def predict(self, tokens: ArrayLike, coefficients: Mapping[str, float]) -> Floats:
        log_tokens = np.log(np.asarray(tokens, dtype=float))
        return coefficients["E"] + np.exp(coefficients["ln_A"] - coefficients["alpha"] * log_tokens)

    def log_predict(self, point: Floats, log_tokens: Floats, chart: Chart) -> tuple[Floats, Floats]:
        level, slope, _ = point
        alpha, share = self._alpha_and_share(point, chart)
        offset = log_tokens - chart.centre
        with np.errstate(divide="ignore"):
            relative = np.logaddexp(np.log1p(-share), np.log(share) - alpha * offset)
        # exp(relative) = 1 - slope * fallen, whose derivative loses all digits at a very small alpha.
        fallen = offset * exprel(-alpha * offset)
        if alpha > 1e-5:
            fallen_by_alpha = (offset * np.exp(-alpha * offset) - fallen) / alpha
        else:
            fallen_by_alpha = -(offset**2) / 2
        scale = -np.exp(-relative)
        to_slope = scale * (fallen + slope * fallen_by_alpha)
        to_bend = scale * slope * fallen_by_alpha / chart.reach
        return level + relative, np.column_stack([np.ones_like(offset), to_slope, to_bend])

    def coefficients_at(self, point: Floats, chart: Chart) -> dict[str, float]:
        alpha, share = self._alpha_and_share(point, chart)
        with np.errstate(divide="ignore"):
            ln_a = point[0] + np.log(share) + alpha * chart.centre
        return {"ln_A": float(ln_a), "alpha": float(alpha), "E": float((1 - share) * np.exp(point[0]))}

    @staticmethod
    def _alpha_and_share(point: Floats, chart: Chart) -> tuple[float, float]:
        """The exponent, and the share of what pretraining can still reduce in the metric at the centre."""
        _, slope, bend = point
        alpha = slope + bend / chart.reach
        return alpha, slope / alpha if alpha > 0 else 1.0


FAMILIES: dict[str, Family] = {family.name: family for family in (LogLaw(), PowerLaw())}
"""Every family by its name, as in the `law` column of a table of laws."""
