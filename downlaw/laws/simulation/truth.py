"""Random laws of each family over a span of Dp, and curves measured on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..families import FAMILIES, Family, Floats
from ..objective import Objective
from ..place import Place

SMALLEST_DP = 1e8
SPAN = 32.0
"""Largest over smallest Dp of a simulated curve, however many points it has."""


@dataclass(frozen=True)
class Truth:
    """How laws of one family are drawn. shapes, weights: the ranges they are drawn from, uniformly.

    A family of logarithms has the weights (level, slope); in a sum they are shares of the metric at the
    smallest Dp, of about 1.
    """

    law: str
    delta: float
    weights: tuple[tuple[float, float], ...]
    shapes: tuple[tuple[float, float], ...]

    @property
    def family(self) -> Family:
        return FAMILIES[self.law]

    @property
    def objective(self) -> Objective:
        return Objective.huber_on_logs(self.delta)

    def draw(self, tokens: Floats, rng: np.random.Generator) -> Place:
        """A random law over these Dp, shape (n,)."""
        point = [rng.uniform(*ends) for ends in (*self.weights, *self.shapes)]
        return Place(self.family.chart((tokens,)), 1.0, np.array(point))


TRUTHS = {
    "log_law": Truth("log_law", 0.1, ((2.0, 3.5), (0.2, 1.0)), ((0.2, 0.9),)),
    "power_law": Truth("power_law", 1e-3, ((0.5, 2.0), (0.2, 2.0)), ((0.3, 1.5),)),
}
"""Scores from 7 to 33 at the centre that rise by 20% to 100% over half the span; cross-entropies of which a
tenth to four fifths can still go, with exponents of about 0.17 to 0.9."""


def tokens_of(points: int, span: float = SPAN) -> Floats:
    """Dp of a simulated curve, evenly spaced in ln(Dp), shape (points,)."""
    return SMALLEST_DP * np.geomspace(1.0, span, points)
