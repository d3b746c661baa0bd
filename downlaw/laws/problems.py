"""Problems of one family that are solved side by side, with their residuals and derivatives.

Curves, starts and bootstrap samples lie along the last axis of every array, points along the first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .families import Family, Floats
from .objective import Objective


@dataclass
class Problems:
    """Problems of one family and objective that are solved side by side.

    inputs: scaled inputs, one array (n, problems) or (n, 1) each. observed: (n, problems), metric values,
    divided by their scale (see unit_of). weights: of the points, (n, problems) or (n, 1).
    """

    family: Family
    objective: Objective
    inputs: tuple[Floats, ...]
    observed: Floats
    weights: Floats

    @property
    def count(self) -> int:
        return self.observed.shape[1]

    def take(self, chosen: np.ndarray) -> Problems:
        """Some of the problems, with repetitions if wanted."""

        def some(array: Floats) -> Floats:
            return array if array.shape[1] == 1 else np.ascontiguousarray(array[:, chosen])

        return Problems(
            self.family,
            self.objective,
            tuple(map(some, self.inputs)),
            np.ascontiguousarray(self.observed[:, chosen]),
            some(self.weights),
        )

    def residuals(self, point: Floats) -> Floats:
        """Residuals (n, problems) at points (parameters, problems); NaN where the law is undefined."""
        return self._residuals(self._columns(point), point)

    def value(self, point: Floats) -> Floats:
        """The objective, shape (problems,)."""
        with np.errstate(all="ignore"):
            return self.objective.of(self.residuals(point), self.weights)

    def linearised(self, point: Floats) -> tuple[Floats, list[Floats]]:
        """Residuals (n, problems), and their derivatives to each parameter, (n, problems) each."""
        family, shapes = self.family, point[self.family.n_weights :]
        columns = self._columns(point)
        derivatives = [np.broadcast_to(column, self.observed.shape) for column in columns]
        for slopes in family.slopes(self.inputs, shapes):
            derivatives.append(
                sum(weight * slope for weight, slope in zip(point, slopes, strict=False)) + self._zeros()
            )
        if family.link == "identity" and self.objective.scale == "log":
            inverse = 1 / self._sum(columns, point)
            derivatives = [each * inverse for each in derivatives]
        elif family.link == "log" and self.objective.scale == "linear":
            predicted = np.exp(self._sum(columns, point))
            derivatives = [each * predicted for each in derivatives]
        return self._residuals(columns, point), derivatives

    def curvature(self, point: Floats, pull: Floats, derivatives: Sequence[Floats]) -> list[list[Floats]]:
        """Second derivatives of the residuals, each times its `pull`, (n, problems), and summed: lower
        triangle, entries (problems,)."""
        family = self.family
        first, shapes = family.n_weights, point[family.n_weights :]
        columns = self._columns(point)
        onto = {"log": {"log": 1.0}, "linear": {"identity": 1.0}}[self.objective.scale].get(family.link)
        total = self._sum(columns, point) if onto is None else None
        factor = pull if onto else pull / total if self.objective.scale == "log" else pull * np.exp(total)
        outer = 0.0 if onto else -pull if self.objective.scale == "log" else pull / np.exp(total)
        matrix = products(outer + 0 * pull, derivatives)
        slopes = family.slopes(self.inputs, shapes)
        for i, slope in enumerate(slopes):
            for j in range(first):
                matrix[first + i][j] = matrix[first + i][j] + (factor * slope[j]).sum(axis=0)
            for j in range(i + 1):
                step = 1e-5 * np.maximum(1.0, np.abs(shapes[j]))
                ahead, behind = (
                    family.slopes(self.inputs, [s + sign * step * (k == j) for k, s in enumerate(shapes)])[i]
                    for sign in (1, -1)
                )
                bend = sum(w * (a - b) for w, a, b in zip(point, ahead, behind, strict=False)) / (2 * step)
                matrix[first + i][first + j] = matrix[first + i][first + j] + (factor * bend).sum(axis=0)
        return matrix

    def _columns(self, point: Floats) -> tuple[Floats | float, ...]:
        return self.family.columns(self.inputs, point[self.family.n_weights :])

    def _zeros(self) -> Floats:
        return np.zeros((self.observed.shape[0], 1))

    def _sum(self, columns: Sequence[Floats | float], point: Floats) -> Floats:
        total = sum(weight * column for weight, column in zip(point, columns, strict=False))
        return total + self._zeros()

    def _residuals(self, columns: Sequence[Floats | float], point: Floats) -> Floats:
        total = self._sum(columns, point)
        if self.objective.scale == "log":
            if self.family.link == "identity":
                total = np.log(np.where(total > 0, total, np.nan))
            return total - np.log(self.observed)
        return (np.exp(total) if self.family.link == "log" else total) - self.observed


def bounds(family: Family) -> tuple[Floats, Floats]:
    """Lower and upper bounds of (weights, shapes), shape (parameters, 1) each."""
    low = [*family.weight_low, *(shape.low for shape in family.shapes)]
    high = [*(math.inf for _ in family.weight_low), *(shape.high for shape in family.shapes)]
    return np.array(low)[:, None], np.array(high)[:, None]


def products(weights: Floats | float, arrays: Sequence[Floats]) -> list[list[Floats]]:
    """Weighted products of every two arrays (n, problems), summed over points: lower triangle."""
    weighted = [weights * each for each in arrays]
    return [[(a * b).sum(axis=0) for b in arrays[: i + 1]] for i, a in enumerate(weighted)]
