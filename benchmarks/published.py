"""The published procedure in plain SciPy: Huber loss on logarithms, minimised by L-BFGS-B over the published
parameters from every start of a grid (Isik et al. 2024, section 4; Hoffmann et al. 2022, section 3.3).

Written as one would to have it work well: analytic gradients, amplitudes and floors searched as logarithms as
Hoffmann et al. do, and the objective in units of delta^2, without which L-BFGS-B takes the small losses of a
small delta for convergence. Neither paper's code was published, and Isik et al. do not list their starts.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from importlib.metadata import version
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]

TIGHT = {"maxiter": 1000, "maxfun": 10_000, "ftol": 1e-14, "gtol": 1e-9}
"""Tolerances that let a search end at an optimum and not before; SciPy's own are 2.2e-9 and 1e-5."""


class PublishedLaw(ABC):
    """A law in the parameters that are searched.

    grid: values of each to start from, in all combinations. bounds: of each, as SciPy takes them.
    """

    grid: ClassVar[tuple[tuple[float, ...], ...]]
    bounds: ClassVar[tuple[tuple[float | None, float | None], ...]]

    @abstractmethod
    def log_predict(self, point: Floats, log_inputs: Floats) -> tuple[Floats, Floats] | None:
        """ln(metric) at ln(inputs), (n,) or (n, 2), and its derivatives to the parameters, one row each;
        None where the law is undefined."""

    @abstractmethod
    def parameters(self, point: Floats) -> dict[str, float]:
        """The parameters by their published names."""


class LogLaw(PublishedLaw):
    """Isik et al. 2024, Eq. 1, over (ln A, alpha, beta). The paper does not say its grid; this one covers
    scores from 0.05 to 100 over tokens from 3e4 to 2e11. Starts where the law is undefined are left out."""

    grid = (
        (-300.0, -100.0, -30.0, -10.0, -3.0, -1.0, 0.0, 1.0, 3.0, 10.0),
        (0.01, 0.1, 0.3, 1.0, 3.0, 10.0),
        (0.1, 0.5, 1.0, 2.0, 4.0),
    )
    bounds = ((None, None), (1e-12, None), (0.0, None))

    def log_predict(self, point: Floats, log_inputs: Floats) -> tuple[Floats, Floats] | None:
        ln_a, alpha, beta = point
        argument = ln_a + alpha * log_inputs
        if argument.min() <= 0:
            return None
        logs, share = np.log(argument), beta / argument
        return beta * logs, np.array([share, share * log_inputs, logs])

    def parameters(self, point: Floats) -> dict[str, float]:
        return dict(zip(("ln_A", "alpha", "beta"), map(float, point), strict=True))


class PowerLaw(PublishedLaw):
    """Isik et al. 2024, Eq. 3, over (ln A, alpha, ln E), with the grid of Hoffmann et al. 2022 (D.3) for one
    power term: 150 starts."""

    grid = (
        (0.0, 5.0, 10.0, 15.0, 20.0, 25.0),
        (0.0, 0.5, 1.0, 1.5, 2.0),
        (-1.0, -0.5, 0.0, 0.5, 1.0),
    )
    bounds = ((None, None), (0.0, None), (None, None))

    def log_predict(self, point: Floats, log_inputs: Floats) -> tuple[Floats, Floats]:
        ln_a, alpha, ln_e = point
        power = ln_a - alpha * log_inputs
        total = np.logaddexp(power, ln_e)
        share = np.exp(power - total)
        return total, np.array([share, -share * log_inputs, np.exp(ln_e - total)])

    def parameters(self, point: Floats) -> dict[str, float]:
        return {"ln_A": float(point[0]), "alpha": float(point[1]), "E": math.exp(point[2])}


class Chinchilla(PublishedLaw):
    """Hoffmann et al. 2022, Eq. 3, over (ln A, alpha, ln B, beta, ln E), from their 4,500 starts (D.3)."""

    grid = (
        (0.0, 5.0, 10.0, 15.0, 20.0, 25.0),
        (0.0, 0.5, 1.0, 1.5, 2.0),
        (0.0, 5.0, 10.0, 15.0, 20.0, 25.0),
        (0.0, 0.5, 1.0, 1.5, 2.0),
        (-1.0, -0.5, 0.0, 0.5, 1.0),
    )
    bounds = ((None, None), (0.0, None), (None, None), (0.0, None), (None, None))

    def log_predict(self, point: Floats, log_inputs: Floats) -> tuple[Floats, Floats]:
        (ln_a, alpha, ln_b, beta, ln_e), (log_n, log_d) = point, log_inputs.T
        by_size, by_data = ln_a - alpha * log_n, ln_b - beta * log_d
        total = np.logaddexp(np.logaddexp(by_size, by_data), ln_e)
        share_n, share_d = np.exp(by_size - total), np.exp(by_data - total)
        floor = np.exp(ln_e - total)
        return total, np.array([share_n, -share_n * log_n, share_d, -share_d * log_d, floor])

    def parameters(self, point: Floats) -> dict[str, float]:
        return {
            "A": math.exp(point[0]),
            "alpha": float(point[1]),
            "B": math.exp(point[2]),
            "beta": float(point[3]),
            "E": math.exp(point[4]),
        }


LAWS: dict[str, PublishedLaw] = {"log_law": LogLaw(), "power_law": PowerLaw(), "chinchilla": Chinchilla()}


def scipy_version() -> str:
    """The version of what minimises here."""
    return f"SciPy {version('scipy')}"


def grid(law_name: str) -> Floats:
    """Every start of a law, shape (starts, parameters)."""
    return np.array(list(itertools.product(*LAWS[law_name].grid)))


def huber_objective(
    point: Floats, law: PublishedLaw, log_inputs: Floats, log_values: Floats, delta: float
) -> tuple[float, Floats]:
    """Summed Huber loss of ln(predicted) - ln(observed) in units of delta^2, and its gradient.

    Where the law is undefined the value is so high that a line search turns back.
    """
    predicted = law.log_predict(point, log_inputs)
    if predicted is None:
        return 1e10, np.zeros_like(point)
    logs, jacobian = predicted
    residuals = (logs - log_values) / delta
    size = np.abs(residuals)
    inside = np.minimum(size, 1.0)
    return float((inside * (size - 0.5 * inside)).sum()), jacobian @ np.clip(residuals, -1.0, 1.0) / delta


def fit(
    law_name: str, inputs: Floats, values: Floats, delta: float, options: dict[str, float] | None = None
) -> dict[str, float]:
    """The parameters of the best end over all starts; `options` for L-BFGS-B, SciPy's own where None.

    Raises ValueError where no search ends at a number.
    """
    law, log_inputs, log_values = LAWS[law_name], np.log(inputs), np.log(values)
    arguments = (law, log_inputs, log_values, delta)
    best = None
    with np.errstate(all="ignore"):
        for start in grid(law_name):
            if law.log_predict(start, log_inputs) is None:
                continue
            end = minimize(
                huber_objective, start, arguments, "L-BFGS-B", True, bounds=law.bounds, options=options
            )
            if math.isfinite(end.fun) and (best is None or end.fun < best.fun):
                best = end
    if best is None:
        raise ValueError("no search ended at a number")
    return law.parameters(best.x)
