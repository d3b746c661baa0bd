"""What laws of several mixtures say of one question: numbers with their draws, row by row comparable.

Row b of every set of draws belongs to the same resampled test set where mixtures share one, so a difference
taken row by row keeps nothing of what the mixtures have in common.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from .bootstrap import spread
from .curves import Curve
from .families import Family, Floats
from .fit import Status
from .fitted import FittedCurve
from .place import Place

SEARCHED_AHEAD = 1000.0
"""The Dp that reaches a target is searched up to this multiple of a curve's largest Dp."""

BISECTIONS = 60


@dataclass(frozen=True)
class Estimate:
    """A number, and the same number for every draw of the noise: shape (samples,), None where the noise is
    not known. Infinite draws are those beyond what was searched, NaN ones those of which nothing is known."""

    value: float
    draws: Floats | None = None

    def minus(self, other: Estimate) -> Estimate:
        """The difference, row by row."""
        both = self.draws is not None and other.draws is not None
        with np.errstate(invalid="ignore"):
            return Estimate(self.value - other.value, self.draws - other.draws if both else None)

    def interval(self, level: float) -> tuple[float, float]:
        """Lower and upper end of the central share `level` of the draws; NaN without draws, infinite where
        the end lies beyond what was searched. A NaN draw could be anything, and widens both ends."""
        if self.draws is None:
            return math.nan, math.nan
        unknown = np.isnan(self.draws)
        low, _ = spread(np.where(unknown, -np.inf, self.draws)[:, None], level)
        _, high = spread(np.where(unknown, np.inf, self.draws)[:, None], level)
        return float(low[0]), float(high[0])


def lower_is_better(metric: str) -> bool:
    """Whether a metric is a loss: its name ends in cross_entropy. All others are scores."""
    return metric.endswith("cross_entropy")


def says_something(fitted: FittedCurve) -> bool:
    """Whether a fit has a law to ask. A flat one has none: a constant is no ground for an extrapolation."""
    return fitted.fit.place is not None and fitted.fit.status is not Status.FLAT


def at_tokens(fitted: FittedCurve, tokens: float) -> Estimate:
    """The law of a curve at one Dp."""
    drawn = fitted.spread.predict([tokens])[:, 0] if fitted.spread else None
    return Estimate(float(fitted.fit.predict([tokens])[0]), drawn)


def baseline_of(fitted: FittedCurve) -> Estimate | None:
    """The score without pretraining, with draws from its own noise; None where it was not measured."""
    curve = fitted.curve
    if curve.baseline is None:
        return None
    value, drawn = curve.baseline.value, None
    if fitted.spread is not None and curve.baseline_noise is not None:
        samples = len(fitted.spread.samples.objective)
        drawn = value * np.exp(curve.baseline_noise.sample(samples)[:, 0])
    return Estimate(value, drawn)


def ln_tokens_to_reach(fitted: FittedCurve, target: float) -> Estimate:
    """ln(Dp) at which the law of a curve reaches a target.

    Minus infinity where it is there at the smallest Dp of the curve already, infinity where it is not at
    SEARCHED_AHEAD times the largest one. By bisection on ln(Dp), as every law moves one way only.
    """
    family, tokens = fitted.fit.family, fitted.curve.tokens
    ends = math.log(tokens.min()), math.log(tokens.max() * SEARCHED_AHEAD)
    falls = lower_is_better(fitted.curve.metric)
    value = _ln_tokens(family, fitted.fit.place, target, ends, falls)
    if fitted.spread is None:
        return Estimate(float(value[0]))
    return Estimate(float(value[0]), _ln_tokens(family, fitted.spread.samples.place, target, ends, falls))


def _ln_tokens(family: Family, place: Place, target: float, ends: tuple[float, float], falls: bool) -> Floats:
    """ln(Dp) where each of the laws at a place, (samples,), reaches a target between the ends."""
    points = place.points if place.points.ndim == 2 else place.points[:, None]
    each = Place(place.chart, place.unit, points)

    def reached(ln_tokens: Floats) -> np.ndarray:
        values = _one_each(family, each, ln_tokens)
        return values <= target if falls else values >= target

    low, high = (np.full(points.shape[1], end) for end in ends)
    already, never = reached(low), ~reached(high)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        there = reached(middle)
        low, high = np.where(there, low, middle), np.where(there, middle, high)
    return np.where(already, -np.inf, np.where(never, np.inf, high))


def _one_each(family: Family, place: Place, ln_tokens: Floats) -> Floats:
    """Law i of a batch at its own ln(Dp) i, (samples,)."""
    scaled = place.chart.scaled(family.coordinates((np.exp(ln_tokens),)))
    with np.errstate(all="ignore"):
        columns = family.columns(scaled, place.points[family.n_weights :])
        total = sum(weight * column for weight, column in zip(place.points, columns, strict=False))
        return np.exp(total) if family.link == "log" else total * place.unit


def best_of(estimates: Sequence[Estimate], metric: str) -> int:
    """The position of the best of several scores of a metric."""
    values = [estimate.value for estimate in estimates]
    return int(np.argmin(values) if lower_is_better(metric) else np.argmax(values))


def shares_best(estimates: Sequence[Estimate], metric: str) -> list[float]:
    """In which share of the draws each of several scores is the best; NaN unless all have draws."""
    if any(estimate.draws is None for estimate in estimates):
        return [math.nan] * len(estimates)
    drawn = np.array([estimate.draws for estimate in estimates])
    first = np.argmin(drawn, axis=0) if lower_is_better(metric) else np.argmax(drawn, axis=0)
    return [float(np.mean(first == number)) for number in range(len(estimates))]


def with_comparable_rows(curves: Sequence[Curve]) -> list[Curve]:
    """The curves with their draws in an order that makes rows comparable.

    Draws from test segments stay: row b is the same test set in all of them. All others, from intervals,
    from a given noise or from seeds, tell nothing of what two curves have in common; they are shuffled, each
    curve in its own order, and count as independent. Differences then come out too wide rather than too
    narrow.
    """
    ordered = []
    for curve in curves:
        noise = curve.noise
        if noise is not None and "segments" not in noise.source:
            name = f"{curve.task} {curve.finetune_pairs} {curve.mixture} {curve.metric}"
            order = np.random.default_rng(crc32(name.encode())).permutation(len(noise.draws))
            noise = replace(noise, draws=noise.draws[order])
        ordered.append(replace(curve, noise=noise))
    return ordered
