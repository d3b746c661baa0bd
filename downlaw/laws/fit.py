"""Fits of a family to one curve by the published procedure of Isik et al. 2024 (arXiv:2402.04177, section 4).

Huber loss on the logarithm of the metric, minimised by L-BFGS-B from every point of a stated grid of
starts, on the smallest token counts only. The larger ones are held out, and tell how well the law
extrapolates.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import OptimizeResult, minimize
from scipy.special import huber

from .families import MAX_SLOPE, Chart, Family, Floats

try:
    from threadpoolctl import threadpool_limits
except ImportError:  # it is not needed for the numbers, only for the speed
    threadpool_limits = None

DEFAULT_N_FIT = 4
FLAT_CHANGE = 1e-4
"""A law whose ln(metric) changes by less than this over all fitted points is called flat."""

SAME_OBJECTIVE = 0.01
"""Two optima whose objectives differ by at most this share count as equally good ..."""

OTHER_BEND = 0.1
"""... and as different laws when their bends lie this far apart."""


STATIONARY = 1e-5
"""Largest gradient at an optimum, as a share of what it would be if no two residuals cancelled."""


class Status(StrEnum):
    """What became of a fit, the most serious first. Each fit has exactly one."""

    UNDEFINED = "undefined for this family"
    UNDERDETERMINED = "underdetermined"
    NOT_CONVERGED = "not converged"
    FLAT = "flat"
    UNIDENTIFIED = "unidentified"
    INTERPOLATED = "interpolated"
    NO_HELD_OUT = "no held-out points"
    OK = "ok"


@dataclass(frozen=True)
class Fit:
    """A family fitted to one curve. Numbers that do not exist are NaN, and `coefficients` is then empty.

    objective: summed Huber loss of ln(predicted) - ln(observed) over the fitted points.
    fit_error, held_out_error: mean |ln(predicted) - ln(observed)| over the fitted and over the held-out
    points.
    """

    family: Family
    status: Status
    n_fit: int
    n_held_out: int
    delta: float
    coefficients: dict[str, float] = field(default_factory=dict)
    objective: float = math.nan
    fit_error: float = math.nan
    held_out_error: float = math.nan

    def predict(self, tokens: ArrayLike) -> Floats:
        """The fitted law at each token count (same shape); raises ValueError where there are no
        coefficients."""
        if not self.coefficients:
            raise ValueError(f"the {self.family.name} has no coefficients here: {self.status}")
        return self.family.predict(tokens, self.coefficients)


def fit_law(
    family: Family,
    tokens: ArrayLike,
    values: ArrayLike,
    *,
    delta: float,
    n_fit: int = DEFAULT_N_FIT,
    max_iterations: int = 300,
) -> Fit:
    """Fit `family` to one curve: `values` of a metric, shape (n,), at distinct positive `tokens`, shape
    (n,), any order.

    The `n_fit` points with the fewest tokens are fitted, the others held out. `delta` is the Huber
    threshold on ln values. What the data cannot settle is said in the status. Raises ValueError for tokens
    that are not positive, finite and distinct, for values that are not finite, and for a `delta` or `n_fit`
    that is not positive.
    """
    tokens, values = _checked(tokens, values, delta, n_fit)
    n_fit = min(n_fit, tokens.size)
    outcome = {"family": family, "n_fit": n_fit, "n_held_out": tokens.size - n_fit, "delta": delta}
    if np.any(values <= 0):
        return Fit(status=Status.UNDEFINED, **outcome)
    if n_fit < len(family.coefficients):
        return Fit(status=Status.UNDERDETERMINED, **outcome)

    log_tokens, log_values = np.log(tokens), np.log(values)
    chart = Chart.over(tokens[:n_fit])
    ends = _ends(family, chart, log_tokens[:n_fit], log_values[:n_fit], delta, max_iterations)
    best = ends[0]
    if not best.success and not _stationary(
        best.x, family, chart, log_tokens[:n_fit], log_values[:n_fit], delta
    ):
        return Fit(status=Status.NOT_CONVERGED, **outcome)

    errors = np.abs(family.log_predict(best.x, log_tokens, chart)[0] - log_values)
    coefficients = family.coefficients_at(best.x, chart)
    exist = all(math.isfinite(value) for value in coefficients.values())
    if np.ptp(family.log_predict(best.x, log_tokens[:n_fit], chart)[0]) < FLAT_CHANGE:
        status, exist = Status.FLAT, False
    elif not exist or _on_a_bound(family, best.x) or _equally_good_elsewhere(ends):
        status = Status.UNIDENTIFIED
    elif n_fit == len(family.coefficients):
        status = Status.INTERPOLATED
    else:
        status = Status.OK if n_fit < tokens.size else Status.NO_HELD_OUT
    return Fit(
        status=status,
        coefficients=coefficients if exist else {},
        objective=float(huber(delta, errors[:n_fit]).sum()),
        fit_error=float(errors[:n_fit].mean()),
        held_out_error=float(errors[n_fit:].mean()) if n_fit < tokens.size else math.nan,
        **outcome,
    )


def huber_objective(
    point: Floats, family: Family, chart: Chart, log_tokens: Floats, log_values: Floats, delta: float
) -> tuple[float, Floats]:
    """Summed Huber loss of ln(predicted) - ln(observed), in units of delta^2, and its gradient to the
    coordinates.

    The unit makes the loss of a residual as large as delta 1/2, so that the optimizer's tolerances mean the
    same for every delta.
    """
    predicted, jacobian = family.log_predict(point, log_tokens, chart)
    residuals = (predicted - log_values) / delta
    return float(huber(1.0, residuals).sum()), jacobian.T @ np.clip(residuals, -1.0, 1.0) / delta


def _checked(tokens: ArrayLike, values: ArrayLike, delta: float, n_fit: int) -> tuple[Floats, Floats]:
    tokens, values = np.asarray(tokens, dtype=float), np.asarray(values, dtype=float)
    if tokens.ndim != 1 or tokens.shape != values.shape:
        raise ValueError(
            f"tokens and values must be lists of one length, not {tokens.shape} and {values.shape}"
        )
    if not np.all(np.isfinite(tokens) & (tokens > 0)):
        raise ValueError(
            "tokens must be positive and finite; a baseline without pretraining is not part of a curve"
        )
    if np.unique(tokens).size != tokens.size:
        raise ValueError("tokens must be distinct; average the seeds of a point first")
    if not np.all(np.isfinite(values)):
        raise ValueError("values must be finite")
    if not delta > 0 or n_fit < 1:
        raise ValueError(f"delta and n_fit must be positive, not {delta} and {n_fit}")
    order = np.argsort(tokens)
    return tokens[order], values[order]


def _ends(
    family: Family, chart: Chart, log_tokens: Floats, log_values: Floats, delta: float, max_iterations: int
) -> list[OptimizeResult]:
    """Where the search ended from each start, the lowest objective first."""

    def search(start: Floats) -> OptimizeResult:
        return minimize(
            huber_objective,
            start,
            args=(family, chart, log_tokens, log_values, delta),
            method="L-BFGS-B",
            jac=True,
            bounds=family.bounds,
            options={"maxiter": max_iterations, "maxfun": 10 * max_iterations, "ftol": 1e-14, "gtol": 1e-8},
        )

    with _one_blas_thread():
        return sorted(map(search, family.starts(float(log_values.mean()))), key=lambda end: end.fun)


def _one_blas_thread() -> AbstractContextManager:
    """Keeps L-BFGS from handing its tiny matrices to several threads: on busy cores that costs tenfold."""
    return threadpool_limits(1, user_api="blas") if threadpool_limits else nullcontext()


def _stationary(
    point: Floats, family: Family, chart: Chart, log_tokens: Floats, log_values: Floats, delta: float
) -> bool:
    """Whether the gradient vanishes, but for what pushes against a bound, beside the largest it could be
    here.

    The optimizer's own word is not enough: with small deltas it reports a failed line search at the very
    optimum.
    """
    gradient = huber_objective(point, family, chart, log_tokens, log_values, delta)[1]
    largest = np.abs(family.log_predict(point, log_tokens, chart)[1]).sum(axis=0) / delta
    low, high = np.array(family.bounds).T
    free = ~(((point <= low) & (gradient > 0)) | ((point >= high) & (gradient < 0)))
    return bool(np.all(np.abs(gradient[free]) <= STATIONARY * largest[free]))


def _on_a_bound(family: Family, point: Floats) -> bool:
    _, slope, bend = point
    low, high = family.bend_bounds
    return slope >= MAX_SLOPE or min(bend - low, high - bend) <= 1e-6 * (high - low)


def _equally_good_elsewhere(ends: list[OptimizeResult]) -> bool:
    """Whether another start ended as low as the best one (within a share, or both at 0) but with another
    bend."""
    limit = ends[0].fun * (1 + SAME_OBJECTIVE) + 1e-12
    return any(end.fun <= limit and abs(end.x[2] - ends[0].x[2]) > OTHER_BEND for end in ends)
