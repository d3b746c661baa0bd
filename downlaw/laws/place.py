"""Where a fit lies in the coordinates of the search, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .families import Chart, Family, Floats
from .objective import Objective
from .problems import bounds


@dataclass(frozen=True)
class Place:
    """Where a fit lies in the search's own coordinates. unit: what the metric was divided by."""

    chart: Chart
    unit: float
    points: Floats
    """(parameters,) of one fit, (parameters, samples) of a batch."""

    def predict(self, family: Family, inputs: ArrayLike) -> Floats:
        """The metric, shape (m,) or (samples, m), at inputs (m,) or (m, inputs); NaN where undefined."""
        points = self.points if self.points.ndim == 2 else self.points[:, None]
        columns = [x[:, None] for x in family.coordinates(family.split(inputs))]
        scaled = self.chart.scaled(columns)
        with np.errstate(all="ignore"):
            terms = family.columns(scaled, points[family.n_weights :])
            total = sum(w * c for w, c in zip(points, terms, strict=False)) + 0 * scaled[0]
            values = np.exp(total) if family.link == "log" else total * self.unit
        values = np.where(np.isfinite(values), values, math.nan)
        return values[:, 0] if self.points.ndim == 1 else values.T

    def published(self, family: Family) -> dict[str, Floats]:
        """The parameters of the formula, one number or one a sample; not finite where they do not exist."""
        weights, shapes = self.points[: family.n_weights], self.points[family.n_weights :]
        if family.link == "identity":
            weights = weights * self.unit
        with np.errstate(all="ignore"):
            return family.published(weights, shapes, self.chart)


def takes_logs(family: Family, objective: Objective) -> bool:
    """Whether values have to be positive."""
    return objective.scale == "log" or family.link == "log"


def unit_of(family: Family, values: Floats) -> float:
    """What values of a sum of columns are divided by, so that weights are of the size of 1."""
    if family.link == "log":
        return 1.0
    return float(np.abs(values).mean()) or 1.0


def at_bounds(family: Family, points: Floats) -> np.ndarray:
    """Which parameters of points, (parameters,) or (parameters, samples), lie on a bound of their range:
    (parameters, samples)."""
    low, high = bounds(family)
    points = points if points.ndim == 2 else points[:, None]
    room = np.where(np.isfinite(high - low), high - low, 1.0)
    return (points - low <= 1e-6 * room) | (high - points <= 1e-6 * room)


def names_on_bound(family: Family, point: Floats) -> tuple[str, ...]:
    """The weights and shapes of a point, (parameters,), that lie on a bound of their range."""
    names = [*family.weight_names, *(shape.name for shape in family.shapes)]
    return tuple(name for name, on in zip(names, at_bounds(family, point)[:, 0], strict=True) if on)
