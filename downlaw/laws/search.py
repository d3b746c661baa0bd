"""The fast search: closed-form weights over a grid of shapes, then a descent on the stated objective.

Variable projection (Golub and Pereyra 1973) finds the starts, the descent finishes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .descent import CHUNK, MAX_ITERATIONS, polish, solve
from .families import Family, Floats
from .problems import Problems, products


def grid_of_shapes(family: Family) -> Floats:
    """Every combination of the shapes' grids, shape (shapes, combinations)."""
    if not family.shapes:
        return np.zeros((0, 1))
    return np.array(np.meshgrid(*(shape.grid for shape in family.shapes), indexing="ij")).reshape(
        len(family.shapes), -1
    )


def projected(problems: Problems, shapes: Floats) -> Floats:
    """The weights that fit best for given shapes, by weighted least squares: points (parameters, problems).

    Residuals on logarithms of a sum of columns are taken relative to the observed value, which is what they
    are to first order. Weights below their bound are put on it, and the others solved anew.
    """
    family, shape = problems.family, problems.observed.shape
    columns = [np.broadcast_to(c, shape) for c in family.columns(problems.inputs, shapes)]
    goal, emphasis = problems.observed, np.broadcast_to(problems.weights, shape)
    if family.link == "log":
        goal = np.log(goal)
    elif problems.objective.scale == "log":
        emphasis = emphasis / goal**2
    low = np.array(family.weight_low)
    fixed = np.zeros((len(columns), problems.count), dtype=bool)
    weights = np.zeros_like(fixed, dtype=float)
    for _ in range(1 + int(np.isfinite(low).sum())):
        held = sum(np.where(fixed[i], low[i], 0.0) * column for i, column in enumerate(columns))
        right = [(emphasis * column * (goal - held)).sum(axis=0) for column in columns]
        matrix = products(emphasis, columns)
        weights = solve(matrix, right, [1e-12 * row[-1] for row in matrix], fixed)
        weights = np.where(fixed, np.where(np.isfinite(low), low, 0.0)[:, None], weights)
        below = ~fixed & (weights < low[:, None])
        if not below.any():
            break
        fixed |= below & (weights - low[:, None] == (weights - low[:, None]).min(axis=0))
    return np.vstack([np.maximum(weights, low[:, None]), shapes])


@dataclass(frozen=True)
class Profile:
    """The best that can be reached with given shapes, over a grid of them.

    grid: (shapes, combinations). points: (parameters, problems, combinations). values: (problems,
    combinations).
    """

    family: Family
    grid: Floats
    points: Floats
    values: Floats

    @classmethod
    def of(cls, problems: Problems, grid: Floats | None = None, *, exact: bool = True) -> Profile:
        """Over `grid`, the family's own by default. exact: polish the weights on the stated objective;
        otherwise they are what least squares gives, which is enough to find starts."""
        grid = grid_of_shapes(problems.family) if grid is None else grid
        size, family = grid.shape[1], problems.family
        points = np.empty((family.n_parameters, problems.count, size))
        values = np.empty((problems.count, size))
        together = max(1, 4 * CHUNK // size)
        for first in range(0, problems.count, together):
            part = np.arange(first, min(first + together, problems.count))
            each = problems.take(np.repeat(part, size))
            with np.errstate(all="ignore"):
                found = projected(each, np.tile(grid, part.size))
                reached = each.value(found)
            if exact:
                found, reached = polish(each, found, frozen=range(family.n_weights, family.n_parameters))
            points[:, part] = found.reshape(-1, part.size, size)
            values[part] = np.where(np.isnan(reached), math.inf, reached).reshape(-1, size)
        return cls(family, grid, points, values)

    def lowest(self, keep: int) -> Floats:
        """The most promising starts of each problem: points (parameters, problems, keep).

        With one shape the local minima along the grid come first, then whatever else is lowest.
        """
        later = np.zeros_like(self.values, dtype=bool)
        if len(self.grid) == 1:
            walled = np.pad(self.values, ((0, 0), (1, 1)), constant_values=math.inf)
            later = (self.values > walled[:, :-2]) | (self.values > walled[:, 2:])
        order = np.lexsort((self.values, later), axis=1)[:, :keep]
        return np.take_along_axis(self.points, order[None], axis=2)

    def settles(self, points: Floats, limit: Floats, far: float) -> np.ndarray:
        """Whether the data fix every shape of each problem's optimum, `points` (parameters, problems).

        They do not where the profile of a shape is as low as `limit`, (problems,), at an end of its grid or
        further from the optimum than the share `far` of the grid.
        """
        settled = np.ones(points.shape[1], dtype=bool)
        for number, shape in enumerate(self.family.shapes):
            steps = np.array(shape.grid)
            profile = np.array([self.values[:, self.grid[number] == step].min(axis=1) for step in steps])
            place = np.interp(points[self.family.n_weights + number], steps, np.arange(steps.size))
            distance = np.abs(np.arange(steps.size)[:, None] - place) / (steps.size - 1)
            low = profile <= limit
            settled &= ~(low & (distance > far)).any(axis=0) & ~low[0] & ~low[-1]
        return settled


def best_of(
    problems: Problems, candidates: Floats, max_iterations: int = MAX_ITERATIONS
) -> tuple[Floats, Floats]:
    """Polish every candidate, (parameters, problems, starts), and keep each problem's lowest end."""
    many = candidates.shape[2]
    each = problems.take(np.repeat(np.arange(problems.count), many))
    points, values = polish(each, candidates.reshape(len(candidates), -1), max_iterations=max_iterations)
    values = np.where(np.isnan(values), math.inf, values).reshape(problems.count, many)
    lowest = values.argmin(axis=1)
    points = points.reshape(len(candidates), problems.count, many)
    return (
        np.take_along_axis(points, lowest[None, :, None], axis=2)[:, :, 0],
        np.take_along_axis(values, lowest[:, None], axis=1)[:, 0],
    )
