"""The published procedures: a local search from every point of a stated grid of starts.

Huber loss is minimised by L-BFGS-B, as in Hoffmann et al. 2022 and Isik et al. 2024, squares by a
trust-region least-squares search, as in Gadre et al. 2024. The paper of Isik et al. states no grid; ours is
SHARES times a few values of each shape.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import numpy as np
from scipy.optimize import least_squares, minimize

from .families import Family, Floats
from .problems import Problems, bounds

try:
    from threadpoolctl import threadpool_limits
except ImportError:  # it is not needed for the numbers, only for the speed
    threadpool_limits = None

SHARES = (0.05, 0.2, 0.4, 0.6, 0.9)
"""How much of the metric the columns after the first make up at a start (of its logarithm's slope, for a
family of logarithms)."""

VALUES_A_SHAPE = 5
MAX_ITERATIONS = 300
NEAR_A_BOUND = 1e-3


def grid_of_starts(family: Family, observed: Floats) -> Floats:
    """The stated grid of starts for observed values, (n,): points (parameters, starts)."""
    level = float(np.log(observed).mean() if family.link == "log" else observed.mean())
    rest = family.n_weights - 1
    found = []
    for share in SHARES if rest else SHARES[:1]:
        if family.link == "log":
            weights = [level, *[share] * rest]
        else:
            weights = [level * (1 - share), *[level * share / rest] * rest] if rest else [level]
        found.append(weights)
    shapes = []
    for shape in family.shapes:
        picked = np.linspace(0, len(shape.grid) - 1, VALUES_A_SHAPE).round().astype(int)
        shapes.append(np.array(shape.grid)[picked])
    combined = np.array(np.meshgrid(*shapes, indexing="ij")).reshape(len(shapes), -1) if shapes else None
    if combined is None:
        return np.array(found).T
    weights = np.repeat(np.array(found).T, combined.shape[1], axis=1)
    return np.vstack([weights, np.tile(combined, len(found))])


def search(problems: Problems) -> tuple[Floats, Floats]:
    """The lowest end of each problem over all starts: points (parameters, problems), objectives
    (problems,)."""
    points, values = [], []
    with _one_blas_thread(), np.errstate(all="ignore"):
        for number in range(problems.count):
            one = problems.take(np.array([number]))
            starts = grid_of_starts(problems.family, one.observed[:, 0])
            ends = [_descend(one, start) for start in starts.T]
            best = min(range(len(ends)), key=lambda i: ends[i][1])
            points.append(ends[best][0])
            values.append(ends[best][1])
    return np.array(points).T, np.array(values)


def _descend(one: Problems, start: Floats) -> tuple[Floats, float]:
    low, high = (bound[:, 0] for bound in bounds(one.family))
    if np.isinf(one.objective.delta):
        end = least_squares(
            lambda point: _finite(one.residuals(point[:, None])[:, 0] * np.sqrt(one.weights[:, 0])),
            np.clip(start, low + 1e-9, high - 1e-9),
            bounds=(low, high),
            jac=lambda point: np.column_stack(
                [each[:, 0] * np.sqrt(one.weights[:, 0]) for each in one.linearised(point[:, None])[1]]
            ),
            x_scale="jac",
            xtol=1e-14,
            ftol=1e-14,
            gtol=1e-14,
            max_nfev=20 * MAX_ITERATIONS,
        )
        return _onto_bounds(one, end.x, low, high)
    unit = one.objective.delta**2

    def loss(point: Floats) -> tuple[float, Floats]:
        residuals, derivatives = one.linearised(point[:, None])
        value = float(one.objective.of(residuals, one.weights)[0])
        if not np.isfinite(value):
            return 1e10, np.zeros_like(point)
        pull = one.weights * np.clip(residuals, -one.objective.delta, one.objective.delta)
        return value / unit, np.array([(pull * each).sum() for each in derivatives]) / unit

    end = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)),
        options={"maxiter": MAX_ITERATIONS, "maxfun": 10 * MAX_ITERATIONS, "ftol": 1e-14, "gtol": 1e-8},
    )
    return end.x, float(one.value(end.x[:, None])[0])


def _onto_bounds(one: Problems, point: Floats, low: Floats, high: Floats) -> tuple[Floats, float]:
    """The point, with each parameter that ended just short of a bound on it where that is no worse: the
    trust-region search stays inside its bounds."""
    value = float(one.value(point[:, None])[0])
    for number, bound in enumerate(np.where(point - low < high - point, low, high)):
        if abs(point[number] - bound) < NEAR_A_BOUND:
            moved = np.where(np.arange(point.size) == number, bound, point)
            reached = float(one.value(moved[:, None])[0])
            if reached <= value:
                point, value = moved, reached
    return point, value


def _finite(residuals: Floats) -> Floats:
    return np.where(np.isfinite(residuals), residuals, 1e6)


def _one_blas_thread() -> AbstractContextManager:
    """Keeps L-BFGS from handing its tiny matrices to several threads: on busy cores that costs tenfold."""
    return threadpool_limits(1, user_api="blas") if threadpool_limits else nullcontext()
