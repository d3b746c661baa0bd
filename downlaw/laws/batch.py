"""One family fitted to many samples of one curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .families import Family, Floats
from .fit import Fit
from .objective import Objective
from .place import Place, at_bounds, takes_logs, unit_of
from .problems import Problems
from .search import Profile, best_of, grid_of_shapes

SAMPLE_ITERATIONS = 40
"""Steps that one of many samples may take. Of the slowest kind, a power law under a delta far below the
noise, 3 in 1,000 then end more than 0.1% above their optimum, in half the time."""


@dataclass(frozen=True)
class BatchFit:
    """One family fitted to many sets of values at the same inputs."""

    family: Family
    place: Place
    objective: Floats
    """(samples,), the objective of each."""

    @property
    def parameters(self) -> dict[str, Floats]:
        """The parameters of the formula, one array (samples,) each; not finite where they do not exist."""
        return self.place.published(self.family)

    def predict(self, inputs: ArrayLike) -> Floats:
        """The fitted laws at inputs, (m,) or (m, inputs): shape (samples, m)."""
        return self.place.predict(self.family, inputs)

    @property
    def shape_on_bound(self) -> Floats:
        """Whether a shape ended on a bound of its range, (samples,)."""
        return at_bounds(self.family, self.place.points)[self.family.n_weights :].any(axis=0)


def fit_batch(
    family: Family,
    inputs: ArrayLike,
    values: ArrayLike,
    *,
    objective: Objective | None = None,
    weights: ArrayLike | None = None,
    near: Fit | None = None,
    n_starts: int = 2,
) -> BatchFit:
    """Fit `family` to many sets of `values`, shape (samples, n), at the same `inputs`, (n,) or (n, inputs).

    near: a fit of the same inputs that the samples scatter around, one more start. Raises ValueError as
    fit_law does, for values that the family is undefined for, and for fewer points than parameters.
    """
    objective, table = objective or Objective(), np.asarray(values, dtype=float)
    columns = family.split(inputs)
    if table.ndim != 2 or table.shape[1] != columns[0].size or not np.all(np.isfinite(table)):
        raise ValueError(f"values must be finite and of shape (samples, {columns[0].size})")
    if takes_logs(family, objective) and np.any(table <= 0):
        raise ValueError(f"the {family.name} is undefined for values that are not positive")
    if columns[0].size < family.n_parameters:
        raise ValueError(f"{columns[0].size} points do not determine {family.n_parameters} parameters")
    chart = near.place.chart if near and near.place else family.chart(columns)
    unit = near.place.unit if near and near.place else unit_of(family, table)
    emphasis = np.ones(columns[0].size) if weights is None else np.asarray(weights, dtype=float)
    scaled = tuple(x[:, None] for x in chart.scaled(family.coordinates(columns)))
    observed = np.ascontiguousarray(table.T / unit)
    problems = Problems(family, objective, scaled, observed, emphasis[:, None])
    candidates = Profile.of(problems, _thinned(grid_of_shapes(family)), exact=False).lowest(n_starts)
    if near and near.place:
        again = np.broadcast_to(near.place.points[:, None, None], (len(candidates), len(table), 1))
        candidates = np.concatenate([again, candidates], axis=2)
    points, reached = best_of(problems, candidates, SAMPLE_ITERATIONS)
    factor = unit**2 if objective.scale == "linear" else 1.0
    return BatchFit(family, Place(chart, unit, points), reached * factor)


def _thinned(grid: Floats) -> Floats:
    """About a dozen of the grid's combinations, for samples that scatter around a known fit."""
    return grid[:, :: max(1, grid.shape[1] // 12)]
