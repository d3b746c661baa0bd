"""Fits of a family to curves: which points are fitted, what the data settle, and what they do not."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtri

from . import paper
from .families import Chart, Family, Floats
from .objective import Objective
from .place import Place, names_on_bound, takes_logs, unit_of
from .problems import Problems, bounds
from .search import Profile, best_of

DEFAULT_N_FIT = 4
FAST_STARTS = 8

FLAT_CHANGE = 1e-4
"""A law whose ln(metric) changes by less than this over all fitted points is called flat."""

MIN_SPAN = math.log(1.5)
"""Fitted points must span at least this much in the logarithm of their first input."""

SETTLED_LEVEL = 0.683
"""Shapes count as equally good when the likelihood ratio cannot tell them apart at this level: within one
standard error, with the noise estimated from the fit itself ..."""

OTHER_SHAPE = 0.2
"""... and as different laws when they lie this share of the shape's grid apart."""

STATIONARY = 1e-4
"""Largest gradient at an optimum, as a share of what it would be if no two residuals cancelled."""

Method = Literal["fast", "paper"]


class Status(StrEnum):
    """What became of a fit, the most serious first. Each fit has exactly one."""

    UNDEFINED = "undefined for this family"
    UNDERDETERMINED = "underdetermined"
    SHORT_SPAN = "span too short"
    NOT_CONVERGED = "not converged"
    FLAT = "flat"
    UNIDENTIFIED = "unidentified"
    INTERPOLATED = "interpolated"
    NO_HELD_OUT = "no held-out points"
    OK = "ok"


@dataclass(frozen=True)
class Fit:
    """A family fitted to one curve. Numbers that do not exist are NaN, and `parameters` is then empty.

    objective: summed loss over the fitted points, as `minimised` states. fit_error, held_out_error: mean
    |ln(predicted) - ln(observed)| over the fitted and over the held-out points. on_bound: the parameters and
    shapes that ended on a bound of their range.
    """

    family: Family
    status: Status
    n_fit: int
    n_held_out: int
    minimised: Objective
    parameters: dict[str, float] = field(default_factory=dict)
    objective: float = math.nan
    fit_error: float = math.nan
    held_out_error: float = math.nan
    on_bound: tuple[str, ...] = ()
    place: Place | None = field(default=None, repr=False)

    def predict(self, inputs: ArrayLike) -> Floats:
        """The fitted law at inputs, (m,) or (m, inputs); raises ValueError where nothing was fitted."""
        if self.place is None:
            raise ValueError(f"the {self.family.name} was not fitted here: {self.status}")
        return self.place.predict(self.family, inputs)


def fit_law(
    family: Family,
    inputs: ArrayLike,
    values: ArrayLike,
    *,
    objective: Objective | None = None,
    n_fit: int | None = DEFAULT_N_FIT,
    method: Method = "fast",
    weights: ArrayLike | None = None,
) -> Fit:
    """Fit `family` to one curve: `values` of a metric, shape (n,), at distinct positive `inputs`, shape (n,)
    or (n, inputs), in any order.

    The `n_fit` points with the smallest first input are fitted, the others held out; None fits all. method:
    "fast" or "paper", the same objective either way. weights: of the points, (n,). What the data cannot
    settle is said in the status. Raises ValueError for inputs that are not positive, finite and distinct,
    for values that are not finite, and for an `n_fit` or weights that are not positive.
    """
    curve = (inputs, values) if weights is None else (inputs, values, weights)
    return fit_many(family, [curve], objective=objective, n_fit=n_fit, method=method)[0]


def fit_many(
    family: Family,
    curves: Sequence[tuple[ArrayLike, ...]],
    *,
    objective: Objective | None = None,
    n_fit: int | None = DEFAULT_N_FIT,
    method: Method = "fast",
) -> list[Fit]:
    """Fit `family` to many curves at once, (inputs, values) or (inputs, values, weights) each.

    Every fit is what fit_law gives for its curve alone; together they are much faster.
    """
    objective = objective or Objective()
    checked = [_Curve.of(family, objective, n_fit, *curve) for curve in curves]
    fits: dict[int, Fit] = {}
    alike: dict[int, list[int]] = defaultdict(list)
    for number, curve in enumerate(checked):
        hindrance = curve.hindrance()
        if hindrance is None:
            alike[curve.n_fit].append(number)
        else:
            fits[number] = Fit(family, hindrance, curve.n_fit, curve.n_held_out, objective)
    for numbers in alike.values():
        group = [checked[number] for number in numbers]
        problems = Problems(
            family,
            objective,
            tuple(np.column_stack(each) for each in zip(*(curve.scaled for curve in group), strict=True)),
            np.column_stack([curve.values[: curve.n_fit] / curve.unit for curve in group]),
            np.column_stack([curve.weights[: curve.n_fit] for curve in group]),
        )
        found = _search(problems, method)
        stationary = _stationary(problems, found.points)
        for place, number in enumerate(numbers):
            fits[number] = checked[number].fit(
                found.points[:, place], bool(found.identified[place]), bool(stationary[place])
            )
    return [fits[number] for number in range(len(checked))]


@dataclass(frozen=True)
class _Curve:
    """One curve, checked and ordered by its first input."""

    family: Family
    objective: Objective
    inputs: tuple[Floats, ...]
    values: Floats
    weights: Floats
    n_fit: int

    @classmethod
    def of(
        cls,
        family: Family,
        objective: Objective,
        n_fit: int | None,
        inputs: ArrayLike,
        values: ArrayLike,
        weights: ArrayLike | None = None,
    ) -> _Curve:
        columns, values = family.split(inputs), np.asarray(values, dtype=float)
        n = columns[0].size
        weights = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
        if values.shape != (n,) or weights.shape != (n,):
            raise ValueError(
                f"{n} inputs need as many values and weights, not {values.shape}, {weights.shape}"
            )
        if not family.measured_inputs and len(np.unique(np.column_stack(columns), axis=0)) != n:
            raise ValueError(f"{', '.join(family.inputs)}: two points are the same; average the seeds first")
        if not np.all(np.isfinite(values)):
            raise ValueError("values must be finite")
        if not np.all(np.isfinite(weights) & (weights > 0)):
            raise ValueError("weights must be positive and finite")
        if n_fit is not None and n_fit < 1:
            raise ValueError(f"n_fit must be positive, not {n_fit}")
        order = np.argsort(columns[0], kind="stable")
        return cls(
            family,
            objective,
            tuple(column[order] for column in columns),
            values[order],
            weights[order],
            n if n_fit is None else min(n_fit, n),
        )

    @property
    def n_held_out(self) -> int:
        return self.values.size - self.n_fit

    @property
    def fitted(self) -> tuple[Floats, ...]:
        return tuple(column[: self.n_fit] for column in self.inputs)

    @property
    def chart(self) -> Chart:
        return self.family.chart(self.fitted)

    @property
    def scaled(self) -> tuple[Floats, ...]:
        return self.chart.scaled(self.family.coordinates(self.fitted))

    @property
    def unit(self) -> float:
        return unit_of(self.family, self.values[: self.n_fit])

    def hindrance(self) -> Status | None:
        """Why nothing can be fitted, None where something can."""
        if takes_logs(self.family, self.objective) and np.any(self.values <= 0):
            return Status.UNDEFINED
        if self.n_fit < self.family.n_parameters:
            return Status.UNDERDETERMINED
        spread = [np.ptp(x) for x in self.family.coordinates(self.fitted)]
        if len(spread) > 1 and min(spread) < 1e-9:
            return Status.UNDERDETERMINED
        if self.family.inputs[0] == "pretrain_tokens" and self.n_fit > 1 and spread[0] < MIN_SPAN:
            return Status.SHORT_SPAN
        return None

    def fit(self, point: Floats, identified: bool, stationary: bool) -> Fit:
        outcome = (self.n_fit, self.n_held_out, self.objective)
        if not stationary:
            return Fit(self.family, Status.NOT_CONVERGED, *outcome)
        family, place = self.family, Place(self.chart, self.unit, point)
        predicted = place.predict(family, np.column_stack(self.inputs))
        with np.errstate(all="ignore"):
            errors = np.abs(np.log(predicted) - np.log(self.values))
            change = np.ptp(np.log(predicted[: self.n_fit]))
            residuals = self.objective.target(predicted) - self.objective.target(self.values)
        total = float(self.objective.of(residuals[: self.n_fit], self.weights[: self.n_fit]))
        on_bound = names_on_bound(family, point)
        if change < FLAT_CHANGE and family.n_parameters > 1:
            status = Status.FLAT
        elif on_bound or not identified:
            status = Status.UNIDENTIFIED
        elif self.n_fit == family.n_parameters:
            status = Status.INTERPOLATED
        else:
            status = Status.OK if self.n_held_out else Status.NO_HELD_OUT
        published = {name: float(value) for name, value in place.published(family).items()}
        return Fit(
            family,
            status,
            *outcome,
            parameters={} if status is Status.FLAT else published,
            objective=total,
            fit_error=float(errors[: self.n_fit].mean()),
            held_out_error=float(errors[self.n_fit :].mean()) if self.n_held_out else math.nan,
            on_bound=on_bound,
            place=place,
        )


@dataclass(frozen=True)
class _Found:
    """The optimum of each problem: points (parameters, problems), objectives, and whether the data fix every
    shape there."""

    points: Floats
    reached: Floats
    identified: np.ndarray


def _search(problems: Problems, method: Method) -> _Found:
    """Find each problem's optimum, and judge it by the profile of its objective over the shapes (the profile
    likelihood of Venzon and Moolgavkar 1988, with the F distribution for the estimated noise)."""
    profile = Profile.of(problems)
    if method == "paper":
        points, reached = paper.search(problems)
    else:
        points, reached = best_of(problems, profile.lowest(FAST_STARTS))
    freedom = problems.observed.shape[0] - problems.family.n_parameters
    slack = fdtri(1, freedom, SETTLED_LEVEL) / freedom if freedom else 0.0
    limit = reached * (1 + slack) + 1e-12 * min(problems.objective.delta, 1.0) ** 2
    return _Found(points, reached, profile.settles(points, limit, OTHER_SHAPE))


def _stationary(problems: Problems, points: Floats) -> np.ndarray:
    """Whether the gradient vanishes at each point, but for what pushes against a bound, beside the largest it
    could be there. Exact fits are stationary whatever rounding says."""
    with np.errstate(all="ignore"):
        residuals, derivatives = problems.linearised(points)
        delta = problems.objective.delta
        pull = problems.weights * np.clip(residuals, -delta, delta)
        gradient = np.array([(pull * each).sum(axis=0) for each in derivatives])
        strongest = np.minimum(delta, np.abs(residuals).max(axis=0))
        largest = np.array(
            [(problems.weights * np.abs(each) * strongest).sum(axis=0) for each in derivatives]
        )
    low, high = bounds(problems.family)
    held = ((points <= low) & (gradient > 0)) | ((points >= high) & (gradient < 0))
    exact = np.abs(residuals).max(axis=0) < 1e-9
    return np.all(held | (np.abs(gradient) <= STATIONARY * largest), axis=0) | exact
