"""Does a curve rise, fall or fluctuate beyond its noise? A test of order, and the slope of a straight line.

All numbers are changes of ln(metric). Errors come from joint draws of the noise (see Noise), so that what
the points of a curve have in common, such as one test set, cancels in their differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .families import Floats
from .noise import Noise

LEAST_OWN_VARIANCE = 1e-3
"""Least variance of a point in a weight, as a share of the mean over the points: no point counts as exact."""

TIE = 1e-9
"""Statistics that differ by less than this share are the same, whatever rounding says."""


def isotonic(values: ArrayLike, weights: ArrayLike) -> Floats:
    """The non-decreasing sequences nearest to `values`, (samples, n), in weighted least squares: same shape.

    By the max-min formula (Robertson, Wright and Dykstra 1988, Theorem 1.4.4), for all samples at once.
    weights: positive, (n,).
    """
    table, weights = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    n = table.shape[1]
    mass = np.concatenate([[0.0], np.cumsum(weights)])
    sums = np.concatenate([np.zeros((len(table), 1)), np.cumsum(table * weights, axis=1)], axis=1)
    nearest = np.full(table.shape, -np.inf)
    for i in range(n):
        for j in range(i + 1):
            means = (sums[:, i + 1 :] - sums[:, [j]]) / (mass[i + 1 :] - mass[j])
            nearest[:, i] = np.maximum(nearest[:, i], means.min(axis=1))
    return nearest


def own_weights(noise: Noise) -> Floats:
    """Inverse variances of what each point's error has not in common with the others, shape (n,), mean 1.

    Raises ValueError for noise that moves all points alike, or not at all.
    """
    own = noise.draws - noise.draws.mean(axis=1, keepdims=True)
    variance = own.var(axis=0)
    if not variance.mean() > 0:
        raise ValueError("the noise does not tell the points apart: all move alike, or none moves")
    weights = 1 / np.maximum(variance, LEAST_OWN_VARIANCE * variance.mean())
    return weights / weights.mean()


@dataclass(frozen=True)
class Line:
    """A straight line over ln(Dp) through the points of a curve, by weighted least squares.

    ends: shape (2, n): times the points' ln(metric) it is the line at the smallest and the largest Dp.
    """

    ends: Floats

    @classmethod
    def through(cls, tokens: ArrayLike, weights: ArrayLike) -> Line:
        """Of points at `tokens`, shape (n,), at least two of them distinct; weights: (n,)."""
        x, w = np.log(np.asarray(tokens, dtype=float)), np.asarray(weights, dtype=float)
        share = w / w.sum()
        centred = x - share @ x
        slope = share * centred / (share @ centred**2)
        return cls(np.stack([share + slope * centred.min(), share + slope * centred.max()]))

    @property
    def change(self) -> Floats:
        """Times the points' ln(metric) it is the change from the smallest to the largest Dp, shape (n,)."""
        return self.ends[1] - self.ends[0]


def interval(estimate: float, errors: Floats, level: float) -> tuple[float, float]:
    """Lower and upper end for what was measured as `estimate` with draws of its error, (draws,)."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    tail = (1 - level) / 2
    low, high = np.quantile(errors, [tail, 1 - tail])
    return float(estimate - high), float(estimate - low)


def p_monotone(tokens: ArrayLike, values: ArrayLike, noise: Noise) -> Floats:
    """P-values of the hypothesis that the true curve never falls, one for each row of `values`, (curves, n).

    values: the metric at growing `tokens`, (n,). Two statistics are taken: the weighted squared distance of
    ln(metric) to its isotonic regression, which sees dips anywhere, and the fall of a straight line, which
    sees a steady decline; p is that of the smaller of their two p-values (Tippett 1931), by the same draws
    of `noise`, at least 1 / (draws + 1). Draws are taken around a level curve. No other non-decreasing curve
    gives larger values of either statistic, draw by draw: adding one moves a curve towards the
    non-decreasing ones, and lifts its slope. So the test keeps its level whatever the noise and its
    correlation. Raises ValueError as own_weights does.
    """
    weights = own_weights(noise)
    line = Line.through(tokens, weights)

    def statistics(logs: Floats) -> Floats:
        distance = (weights * (logs - isotonic(logs, weights)) ** 2).sum(axis=1)
        return np.stack([distance, -logs @ line.change])

    drawn = statistics(noise.draws)
    logs = np.log(np.asarray(values, dtype=float))
    measured = statistics(logs - logs.mean(axis=1, keepdims=True))
    smaller = _p_values(measured, drawn).min(axis=0)
    smaller_drawn = _p_values(drawn, drawn).min(axis=0)
    return _share_at_most(smaller, smaller_drawn)


def _p_values(statistics: Floats, drawn: Floats) -> Floats:
    """Share of draws with a statistic at least as large, the one measured counted in; both (kinds, any)."""
    found = []
    for measured, null in zip(statistics, drawn, strict=True):
        ordered = np.sort(null)
        least = measured - TIE * np.abs(ordered).max()
        larger = len(ordered) - np.searchsorted(ordered, least)
        found.append((1 + larger) / (1 + len(ordered)))
    return np.stack(found)


def _share_at_most(measured: Floats, drawn: Floats) -> Floats:
    ordered = np.sort(drawn)
    return (1 + np.searchsorted(ordered, measured * (1 + TIE), side="right")) / (1 + len(ordered))
