"""Synthetic curves of known laws, easy and hard, that fitters are compared on.

The formulas are written out here and nothing of downlaw is used, so that no fitter judges itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
T = TypeVar("T")

NOISES = (0.0, 0.001, 0.01, 0.05)
"""Standard deviations of ln(metric) that curves are made with, in turn."""

TOKEN_GRIDS = tuple(
    first * ratio ** np.arange(points)
    for points, first, ratio in ((5, 1e9, 4.0), (6, 1e7, 2.0), (8, 32_768.0, 2.0), (12, 1e8, 2.0))
)
"""Pretraining tokens of the curves over one input; those with few points use FEW_TOKENS."""

FEW_TOKENS = 32_768 * 2.0 ** np.arange(4)

GADRE_DESIGN = np.array([(11e6, 20), (79e6, 20), (154e6, 20), (411e6, 20), (11e6, 320)])
"""Parameters and token multipliers of the five runs that Gadre et al. fit their loss law on."""


@dataclass(frozen=True)
class Curve:
    """One curve to fit.

    kind: what makes it easy or hard. noise: standard deviation of ln(metric). inputs: (n,) or (n, 2), as the
    law takes them. values: (n,). truth: the parameters of the law it was drawn from, empty where the curve
    was changed beyond noise.
    """

    name: str
    law: str
    kind: str
    noise: float
    inputs: Floats
    values: Floats
    truth: dict[str, float] = field(default_factory=dict)


def predict(law: str, inputs: Floats, parameters: Mapping[str, float]) -> Floats:
    """The formula of a law at inputs (n,) or (n, 2), from its published parameters; NaN where undefined."""
    p, x = parameters, np.asarray(inputs, dtype=float).T
    with np.errstate(all="ignore"):
        if law == "log_law":
            argument = p["ln_A"] + p["alpha"] * np.log(x)
            return np.where(argument > 0, argument, np.nan) ** p["beta"]
        if law == "power_law":
            return p["E"] + np.exp(p["ln_A"] - p["alpha"] * np.log(x))
        if law == "chinchilla":
            return p["E"] + p["A"] * x[0] ** -p["alpha"] + p["B"] * x[1] ** -p["beta"]
        if law == "overtraining_law":
            return p["E"] + (p["a"] * x[1] ** p["eta"] + p["b"] * x[1] ** -p["eta"]) * x[0] ** -p["eta"]
        if law == "error_law":
            return p["eps"] - np.exp(p["ln_k"] - p["gamma"] * x)
    raise ValueError(f"no formula for {law!r} here")


def curves(law: str, count: int, seed: int = 1) -> list[Curve]:
    """`count` curves of a law. Kinds and noises take turns, so that the first few hold some of each."""
    make = _MAKERS[law]
    return [make(np.random.default_rng([seed, index]), index) for index in range(count)]


def _turn(options: Sequence[T], index: int, of: int = 1) -> T:
    """The option whose turn it is, each staying for `of` curves."""
    return options[index // of % len(options)]


def _kind_and_noise(kinds: Sequence[str], index: int) -> tuple[str, float]:
    """Every kind meets every noise within as many rounds of kinds as there are noises."""
    return _turn(kinds, index), _turn(NOISES, index + index // len(kinds))


def _noisy(rng: np.random.Generator, values: Floats, noise: float, ceiling: float = math.inf) -> Floats:
    return np.minimum(values * np.exp(noise * rng.normal(size=values.size)), ceiling)


def _with_outlier(rng: np.random.Generator, values: Floats, size: float) -> Floats:
    """One inner point moved by a factor of exp(size), up or down."""
    moved, where = values.copy(), rng.integers(1, values.size - 1)
    moved[where] *= math.exp(size * rng.choice([-1.0, 1.0]))
    return moved


LOG_LAW_KINDS = (
    "ordinary",
    "few points",
    "nearly linear",
    "ordinary",
    "outlier",
    "flat",
    "near 0",
    "ordinary",
    "near 100",
    "falling",
)


def _log_law(rng: np.random.Generator, index: int) -> Curve:
    kind, noise = _kind_and_noise(LOG_LAW_KINDS, index)
    tokens = FEW_TOKENS if kind == "few points" else _turn(TOKEN_GRIDS, index, 3)
    log_tokens = np.log(tokens)
    centre, reach = log_tokens.mean(), np.ptp(log_tokens) / 2
    slope, bend, top = rng.uniform(0.1, 1.0), rng.uniform(0.1, 0.9), rng.uniform(5, 60)
    if kind == "nearly linear":
        bend = rng.uniform(0.002, 0.02)
    elif kind == "flat":
        slope = rng.uniform(0, 2e-3)
    elif kind == "near 0":
        top = rng.uniform(0.05, 0.5)
    elif kind == "near 100":
        slope, top = rng.uniform(0.002, 0.05), rng.uniform(95, 99.9)
    rate = bend / reach
    level = math.log(top) - slope / rate * math.log1p(rate * reach)
    beta = slope / rate
    truth = {}
    if abs(level / beta) < 600:  # else alpha, which is alpha^beta to the power of 1 / beta, is no number
        alpha = math.exp(level / beta) * rate
        truth = {"ln_A": alpha * (1 / rate - centre), "alpha": alpha, "beta": beta}
    values = np.exp(level + beta * np.log1p(rate * (log_tokens - centre)))
    if kind == "falling":
        values, truth = values[::-1].copy(), {}
    if kind == "outlier":
        values, truth = _with_outlier(rng, values, rng.uniform(0.3, 1.0)), {}
    return Curve(
        f"log_law {index}: {kind}", "log_law", kind, noise, tokens, _noisy(rng, values, noise, 100.0), truth
    )


POWER_LAW_KINDS = (
    "ordinary",
    "few points",
    "no floor",
    "ordinary",
    "outlier",
    "flat",
    "at the floor",
    "ordinary",
    "near 0",
    "rising",
)


def _power_law(rng: np.random.Generator, index: int) -> Curve:
    kind, noise = _kind_and_noise(POWER_LAW_KINDS, index)
    tokens = FEW_TOKENS if kind == "few points" else _turn(TOKEN_GRIDS, index, 3)
    log_tokens = np.log(tokens)
    centre, reach = log_tokens.mean(), np.ptp(log_tokens) / 2
    level, slope, bend = rng.uniform(0.5, 2.0), rng.uniform(0.02, 0.3), rng.uniform(0.1, 1.0)
    if kind == "no floor":
        bend = 0.0
    elif kind == "flat":
        slope = rng.uniform(1e-6, 1e-4)
    elif kind == "at the floor":
        slope, bend = rng.uniform(0.005, 0.02), rng.uniform(2, 4)
    elif kind == "near 0":
        level = rng.uniform(-7, -4)
    alpha = slope + bend / reach
    share = slope / alpha
    truth = {
        "ln_A": level + math.log(share) + alpha * centre,
        "alpha": alpha,
        "E": (1 - share) * math.exp(level),
    }
    values = predict("power_law", tokens, truth)
    if kind == "rising":
        values, truth = values[::-1].copy(), {}
    if kind == "outlier":
        values, truth = _with_outlier(rng, values, rng.uniform(0.03, 0.3)), {}
    return Curve(
        f"power_law {index}: {kind}", "power_law", kind, noise, tokens, _noisy(rng, values, noise), truth
    )


SMALL_NOISES = (0.001, 0.0, 0.003, 0.01)
"""Noises of losses over several inputs; the laws have up to five parameters, and are lost in more."""


def _chinchilla(rng: np.random.Generator, index: int) -> Curve:
    noise, kind = _turn(SMALL_NOISES, index), "outlier" if index % 5 == 4 else "ordinary"
    sizes, steps = _turn(((4, 4), (5, 5), (6, 4)), index, 2)
    n, d = np.meshgrid(np.geomspace(2e7, 2e9, sizes), np.geomspace(5e8, 5e10, steps), indexing="ij")
    # Around Hoffmann et al. 2022: E = 1.69, A = 406.4, B = 410.7, alpha = 0.34, beta = 0.28.
    alpha, beta = rng.uniform(0.25, 0.45), rng.uniform(0.2, 0.4)
    truth = {
        "E": rng.uniform(1.2, 1.9),
        "A": rng.uniform(0.5, 2.0) * n.min() ** alpha,
        "alpha": alpha,
        "B": rng.uniform(0.5, 2.0) * d.min() ** beta,
        "beta": beta,
    }
    inputs = np.column_stack([n.ravel(), d.ravel()])
    values = predict("chinchilla", inputs, truth)
    if kind == "outlier":
        values, truth = _with_outlier(rng, values, 0.1), {}
    name, values = f"chinchilla {index}: {kind}", _noisy(rng, values, noise)
    return Curve(name, "chinchilla", kind, noise, inputs, values, truth)


def _overtraining_law(rng: np.random.Generator, index: int) -> Curve:
    noise = _turn(SMALL_NOISES, index, 2)
    wide = [(n, m) for n in (11e6, 79e6, 154e6, 411e6) for m in (20.0, 40.0, 80.0, 160.0)]
    kind, design = _turn((("five runs", GADRE_DESIGN), ("ordinary", np.array(wide))), index)
    n, m = design.T
    truth = {
        "a": math.exp(rng.uniform(3, 6)),
        "b": math.exp(rng.uniform(3, 6)),
        "eta": rng.uniform(0.1, 0.2),
        "E": rng.uniform(1.2, 2.2),
    }
    inputs = np.column_stack([6 * n * n * m, m])
    values = _noisy(rng, predict("overtraining_law", inputs, truth), noise)
    return Curve(f"overtraining_law {index}: {kind}", "overtraining_law", kind, noise, inputs, values, truth)


def _error_law(rng: np.random.Generator, index: int) -> Curve:
    noise = _turn(SMALL_NOISES, index, 2)
    kind, points = _turn((("six runs", 6), ("ordinary", 16)), index)
    losses = np.linspace(rng.uniform(2.4, 2.9), rng.uniform(3.8, 4.8), points)
    eps, gamma = rng.uniform(0.7, 0.95), rng.uniform(0.7, 2.0)
    gain = rng.uniform(0.2, 0.4)  # how much lower the error is at the lowest loss than at the highest
    truth = {"eps": eps, "ln_k": math.log(gain) + gamma * losses[0], "gamma": gamma}
    values = _noisy(rng, predict("error_law", losses, truth), noise)
    return Curve(f"error_law {index}: {kind}", "error_law", kind, noise, losses, values, truth)


_MAKERS: dict[str, Callable[[np.random.Generator, int], Curve]] = {
    "log_law": _log_law,
    "power_law": _power_law,
    "chinchilla": _chinchilla,
    "overtraining_law": _overtraining_law,
    "error_law": _error_law,
}
