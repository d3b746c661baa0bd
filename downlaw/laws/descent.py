"""The descent of many problems together: damped Gauss-Newton and Newton steps within bounds (Levenberg 1944,
Marquardt 1963)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .families import Floats
from .problems import Problems, bounds, products

CHUNK = 8192
"""Problems polished together: few enough for their arrays to stay in a processor's cache."""

MAX_ITERATIONS = 2000
"""Steps of a polish; few problems need more than thirty."""

TOLERANCE = 1e-13
"""The polish of a problem ends when a step lowers its objective by less than this share ..."""

HOPELESS_DAMPING = 1e12
"""... or when only steps damped this much would lower it at all."""


def polish(
    problems: Problems, start: Floats, *, frozen: Sequence[int] = (), max_iterations: int = MAX_ITERATIONS
) -> tuple[Floats, Floats]:
    """Follow each problem from its start, (parameters, problems), down to a minimum within bounds.

    `frozen` parameters stay as they are. Returns the points and their objectives.
    """
    points, values = start.copy(), np.empty(problems.count)
    for first in range(0, problems.count, CHUNK):
        part = np.arange(first, min(first + CHUNK, problems.count))
        points[:, part], values[part] = _polish(problems.take(part), start[:, part], frozen, max_iterations)
    return points, values


def _polish(
    problems: Problems, start: Floats, frozen: Sequence[int], max_iterations: int
) -> tuple[Floats, Floats]:
    low, high = bounds(problems.family)
    final, final_value = np.clip(start, low, high), np.empty(problems.count)
    alive, here, point = np.arange(problems.count), problems, final.copy()
    value = here.value(point)
    final_value[:] = value
    damping = np.full((2, problems.count), 1e-3)
    settled = np.zeros(problems.count, dtype=int)
    with np.errstate(all="ignore"):
        for _ in range(max_iterations):
            model = _quadratic(here, point)
            fixed = ((point <= low) & (model.gradient > 0)) | ((point >= high) & (model.gradient < 0))
            fixed[list(frozen)] = True
            best, best_value = point, value
            for each, matrix in enumerate(model.matrices):
                ridge = [damping[each] * scale for scale in model.scales]
                moved = np.clip(point + solve(matrix, -model.gradient, ridge, fixed), low, high)
                reached = here.value(moved)
                success = reached < value
                damping[each] = np.where(success, np.maximum(damping[each] * 0.1, 1e-14), damping[each] * 10)
                best = np.where(reached < best_value, moved, best)
                best_value = np.minimum(best_value, np.where(success, reached, value))
            used = damping[: len(model.matrices)].min(axis=0)
            idle = (best_value < value) & (value - best_value <= TOLERANCE * value) & (used < 1)
            settled = np.where(idle, settled + 1, np.where(best_value < value, 0, settled))
            point, value = best, best_value
            final[:, alive], final_value[alive] = point, value
            going = (used < HOPELESS_DAMPING) & (settled < 2) & (value > 1e-30) & np.isfinite(value)
            if not going.any():
                break
            if going.mean() < 0.7:
                alive, here = alive[going], here.take(np.flatnonzero(going))
                point, value = point[:, going], value[going]
                damping, settled = damping[:, going], settled[going]
    return final, final_value


@dataclass
class _Model:
    """A quadratic model of the objective at a point: lower triangles of the matrix, entries (problems,)."""

    gradient: Floats
    matrices: list[list[list[Floats]]]
    scales: list[Floats]
    """The diagonal of the reweighted matrix, which is positive and what damping is measured in."""


def _quadratic(problems: Problems, point: Floats) -> _Model:
    """The models that a step may come from.

    Beyond delta the Huber loss has no curvature of its own. Reweighted least squares keeps such points with
    the weight delta / |r|: safe far from the optimum, slow near it. There Newton's method is right, with the
    curvature of the law itself: at an optimum with few residuals inside delta there is no other.
    """
    residuals, derivatives = problems.linearised(point)
    delta = problems.objective.delta
    pull = problems.weights * np.clip(residuals, -delta, delta)
    gradient = np.array([(pull * each).sum(axis=0) for each in derivatives])
    size = np.abs(residuals)
    reweighted = problems.weights * (delta / np.maximum(size, delta) if math.isfinite(delta) else 1.0)
    matrices = [products(reweighted, derivatives)]
    scales = [row[i] for i, row in enumerate(matrices[0])]
    if (size > delta).any():
        inside = products(np.where(size <= delta, problems.weights, 0.0), derivatives)
        bent = problems.curvature(point, pull, derivatives)
        matrices.append(
            [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(inside, bent, strict=True)]
        )
    return _Model(gradient, matrices, scales)


def solve(
    matrix: list[list[Floats]], right: Sequence[Floats], ridge: Sequence[Floats], fixed: np.ndarray
) -> Floats:
    """Solve symmetric systems by Cholesky's method, one problem a place of the last axis.

    matrix: lower triangle, matrix[i][j] of shape (problems,) for j <= i. right: one array a row. ridge: what
    is added to the diagonal, and takes its place where the matrix is not positive. fixed: (rows, problems),
    unknowns that are 0.
    """
    size = len(right)
    root: list[list[Floats]] = [[] for _ in range(size)]
    solution: list[Floats] = []
    for i in range(size):
        for j in range(i):
            entry = np.where(fixed[i] | fixed[j], 0.0, matrix[i][j])
            root[i].append((entry - sum(root[i][k] * root[j][k] for k in range(j))) / root[j][j])
        diagonal = matrix[i][i] + ridge[i]
        pivot = diagonal - sum(root[i][k] ** 2 for k in range(i))
        sound = pivot > 1e-14 * np.abs(diagonal)
        root[i].append(np.sqrt(np.where(fixed[i], 1.0, np.where(sound, pivot, np.abs(diagonal) + 1e-300))))
    for i in range(size):
        goal = np.where(fixed[i], 0.0, right[i])
        solution.append((goal - sum(root[i][k] * solution[k] for k in range(i))) / root[i][i])
    for i in reversed(range(size)):
        later = sum(root[k][i] * solution[k] for k in range(i + 1, size))
        solution[i] = (solution[i] - later) / root[i][i]
    return np.array(solution)
