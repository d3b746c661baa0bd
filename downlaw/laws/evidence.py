"""What a verdict on a curve rests on, as numbers, each beside what noise alone would give.

Changes, gains and errors are differences of ln(metric): 0.02 is about 2%.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from .batch import fit_batch
from .bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES
from .curves import Curve
from .families import FAMILIES
from .fit import DEFAULT_N_FIT, Fit, fit_many
from .monotonic import Line, interval, own_weights, p_monotone
from .noise import Noise
from .objective import Objective
from .tables import FittedMetric

LEAST_POINTS = 4
"""Fewer points decide nothing: a law of three parameters and one point to test it on need four."""

ASSUMED_SEED_SHARE = 0.25
"""Where no seeds tell the spread between runs, its standard deviation is taken as this share of the margin:
for BLEU 1% of the score, or 0.25 at 25. Without it a large test set would make luck with a seed a verdict."""

ASSUMED_LOSS_SEED_SD = 0.0025
"""The same for ln(cross-entropy), which has no margin."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one curve of a score. What does not exist is NaN or None.

    n_seeds: fewest seeds of a point. noise: its source; noise_sd: median sd of ln(score) of a point.
    assumed_seed_sd: added to it for seeds, where the noise is that of the test set alone. margin: differences
    of ln(score) below it count as none. level: of all intervals; one-sided decisions err at (1 - level) / 2.
    p_monotone: of the hypothesis that the true curve never falls. fall: the largest drop from one point to a
    later one, as measured. rise: change of a straight line over ln(Dp) from the smallest to the largest Dp.
    gain: over the baseline at the largest Dp, as measured. gain_bound: the straight line lies within this of
    the baseline at all Dp, at `level`. gain_beyond: how far the point farthest beyond `margin` of the
    baseline is so for certain, 0 if none is.
    n_fit, n_held_out, held_out_error: of `law` fitted to the smallest Dp. held_out_limit: noise alone gives
    a larger error with probability (1 - level) / 2, were the law true. law_status: of that fit.
    cross_entropy_change: as rise. diverges: cross-entropy improves beyond its noise and the score does not
    rise: it falls beyond its noise, or its rise is below `margin` for certain.
    """

    n_points: int
    n_diverged: int
    n_missing: int
    n_seeds: int
    noise: str | None
    noise_sd: float
    assumed_seed_sd: float
    margin: float
    level: float
    p_monotone: float
    fall: float
    rise: float
    rise_low: float
    rise_high: float
    baseline: float
    gain: float
    gain_low: float
    gain_high: float
    gain_bound: float
    gain_beyond: float
    law: str
    law_status: str
    n_fit: int
    n_held_out: int
    held_out_error: float
    held_out_limit: float
    cross_entropy_change: float
    cross_entropy_change_low: float
    cross_entropy_change_high: float
    diverges: bool | None

    @property
    def alpha(self) -> float:
        """The error of a one-sided decision."""
        return (1 - self.level) / 2

    @property
    def falls(self) -> bool:
        """Whether the curve drops somewhere, beyond its noise and by more than the margin."""
        return self.p_monotone < self.alpha and self.fall >= self.margin

    @property
    def rises(self) -> bool:
        """Whether the straight line rises, beyond its noise and by more than the margin."""
        return self.rise_low > 0 and self.rise >= self.margin

    @property
    def held_out_allowed(self) -> float:
        """The largest error on held-out points that speaks against no law; NaN where it is not known."""
        return float(np.maximum(self.margin, self.held_out_limit))


def gather(
    curves: Sequence[Curve],
    losses: Sequence[Curve | None],
    how: FittedMetric,
    *,
    margin: float,
    n_fit: int | None = DEFAULT_N_FIT,
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
) -> list[Evidence]:
    """The evidence on each curve of a score; losses: the curve of its cross-entropy, or None.

    The law is fitted to the `n_fit` smallest Dp, or to the smaller half of the points where that is more, but
    never to the largest Dp; with None to all but the largest. Raises ValueError for a margin that is not
    positive and a level outside (0, 1).
    """
    if not 0 < margin < math.inf:
        raise ValueError(f"the margin must be positive, not {margin}")
    family, objective = FAMILIES[how.law], Objective.huber_on_logs(how.delta)
    known = [usable_noise(curve) for curve in curves]
    curves = [_with_seeds(curve, ASSUMED_SEED_SHARE * margin) for curve in curves]
    losses = [loss and _with_seeds(loss, ASSUMED_LOSS_SEED_SD) for loss in losses]
    sizes = [_n_fitted(len(curve.points), n_fit) for curve in curves]
    points = [(curve.tokens, curve.values) for curve in curves]
    full = fit_many(family, points, objective=objective, n_fit=None)
    first: dict[int, Fit] = {}
    for size in set(sizes):
        mine = [number for number, each in enumerate(sizes) if each == size]
        fits = fit_many(family, [points[number] for number in mine], objective=objective, n_fit=size)
        first |= dict(zip(mine, fits, strict=True))
    tested = [first[number] for number in range(len(curves))]
    limits = _held_out_limits(curves, full, tested, level, samples)
    return [
        _of_curve(curve, noise, loss, how, margin, level, fit, limit)
        for curve, noise, loss, fit, limit in zip(curves, known, losses, tested, limits, strict=True)
    ]


def _n_fitted(n_points: int, n_fit: int | None) -> int:
    """Four of twelve points say so little of the other eight that hardly any error would be too large."""
    asked = n_points if n_fit is None else max(n_fit, n_points // 2)
    return max(1, min(asked, n_points - 1))


def usable_noise(curve: Curve) -> Noise | None:
    """The noise of the points, None where it is unknown or does not tell the points apart."""
    noise = curve.point_noise
    if noise is None or not noise.draws.shape[1] or np.any(noise.sd == 0):
        return None
    try:
        own_weights(noise)
    except ValueError:
        return None
    return noise


def seeds_unseen(noise: Noise) -> bool:
    """Whether noise is that of the test set alone. A level that is given is taken to be all of it."""
    return "seeds" not in noise.source and noise.source != "given"


def _with_seeds(curve: Curve, sd: float) -> Curve:
    """A curve whose noise has a spread between seeds, assumed where it is not known."""
    if curve.noise is None or not seeds_unseen(curve.noise):
        return curve
    count, n = curve.noise.draws.shape
    name = f"{curve.task} {curve.finetune_pairs} {curve.mixture} {curve.metric} seeds"
    assumed = Noise.independent(np.full(n, sd), draws=count, seed=crc32(name.encode()))
    return replace(curve, noise=Noise(curve.noise.plus(assumed).draws, curve.noise.source))


def _of_curve(
    curve: Curve,
    known: Noise | None,
    loss: Curve | None,
    how: FittedMetric,
    margin: float,
    level: float,
    fit: Fit,
    held_out_limit: float,
) -> Evidence:
    numbers = dict.fromkeys(("p_monotone", "fall", "rise", "rise_low", "rise_high"), math.nan)
    noise, positive = curve.point_noise if known else None, bool(np.all(curve.values > 0))
    numbers |= _gains(curve, noise if positive else None, margin, level)
    if positive and len(curve.points) > 1:
        logs = np.log(curve.values)
        numbers["fall"] = float(np.max(np.maximum.accumulate(logs) - logs))
    if noise is not None and positive and len(curve.points) >= LEAST_POINTS:
        numbers["p_monotone"] = float(p_monotone(curve.tokens, curve.values[None, :], noise)[0])
        numbers["rise"], numbers["rise_low"], numbers["rise_high"] = _change(curve, noise, level)
    change = (math.nan, math.nan, math.nan)
    if loss is not None and len(loss.points) > 1 and np.all(loss.values > 0):
        loss_noise = usable_noise(loss)
        if loss_noise is not None:
            change = _change(loss, loss_noise, level)
    evidence = Evidence(
        n_points=len(curve.points),
        n_diverged=curve.n_diverged,
        n_missing=curve.n_missing,
        n_seeds=min((point.n_seeds for point in curve.points), default=0),
        noise=known.source if known else None,
        noise_sd=float(np.median(known.sd)) if known else math.nan,
        assumed_seed_sd=ASSUMED_SEED_SHARE * margin if known and seeds_unseen(known) else 0.0,
        margin=margin,
        level=level,
        **numbers,
        law=how.law,
        law_status=str(fit.status),
        n_fit=fit.n_fit,
        n_held_out=fit.n_held_out,
        held_out_error=fit.held_out_error,
        held_out_limit=held_out_limit,
        cross_entropy_change=change[0],
        cross_entropy_change_low=change[1],
        cross_entropy_change_high=change[2],
        diverges=None,
    )
    return _with_divergence(evidence)


def _with_divergence(evidence: Evidence) -> Evidence:
    if math.isnan(evidence.rise) or math.isnan(evidence.cross_entropy_change):
        return evidence
    stays = not evidence.rises and (evidence.falls or evidence.rise_high < evidence.margin)
    improves = evidence.cross_entropy_change_high < 0
    return replace(evidence, diverges=improves and stays)


def _change(curve: Curve, noise: Noise, level: float) -> tuple[float, float, float]:
    """The straight line's change of ln(metric) over the span, with its interval."""
    change = Line.through(curve.tokens, own_weights(noise)).change
    estimate = float(change @ np.log(curve.values))
    return (estimate, *interval(estimate, noise.draws @ change, level))


def _gains(curve: Curve, noise: Noise | None, margin: float, level: float) -> dict[str, float]:
    """What pretraining gains over the baseline; intervals only where the noise of the baseline is known."""
    names = ("gain", "gain_low", "gain_high", "gain_bound", "gain_beyond")
    gains = dict.fromkeys(("baseline", *names), math.nan)
    if curve.baseline is None:
        return gains
    gains["baseline"] = curve.baseline.value
    n = len(curve.points)
    if n == 0 or curve.baseline.value <= 0 or np.any(curve.values <= 0):
        return gains
    logs = np.log(curve.values) - math.log(curve.baseline.value)
    gains["gain"] = float(logs[-1])
    if noise is None or curve.baseline_noise is None:
        return gains
    errors = noise.draws - curve.baseline_noise.draws
    each = [interval(float(gain), error, level) for gain, error in zip(logs, errors.T, strict=True)]
    gains["gain_low"], gains["gain_high"] = each[-1]
    gains["gain_beyond"] = max(0.0, *(max(low - margin, -high - margin) for low, high in each))
    if n > 1:
        ends = Line.through(curve.tokens, own_weights(noise)).ends
        bounds = [interval(float(end @ logs), errors @ end, level) for end in ends]
        gains["gain_bound"] = max(max(-low, high) for low, high in bounds)
    return gains


def _held_out_limits(
    curves: Sequence[Curve], full: Sequence[Fit], first: Sequence[Fit], level: float, samples: int
) -> list[float]:
    """What the error on held-out points exceeds with probability (1 - level) / 2 where the law is true.

    The law of all points is the best guess at the true one; it is measured again with each draw of the
    noise, fitted to the same smallest Dp, and compared with the drawn held-out points. Curves over the same
    Dp are fitted together.
    """
    limits = [math.nan] * len(curves)
    alike: dict[tuple[float, ...], list[int]] = defaultdict(list)
    for number, curve in enumerate(curves):
        testable = full[number].place is not None and first[number].place is not None
        if testable and len(curve.points) >= LEAST_POINTS and usable_noise(curve) is not None:
            alike[tuple(curve.tokens)].append(number)
    for tokens, numbers in alike.items():
        one = first[numbers[0]]
        drawn = np.concatenate(
            [full[n].predict(tokens) * np.exp(curves[n].point_noise.sample(samples)) for n in numbers]
        )
        fits = fit_batch(
            one.family, tokens[: one.n_fit], drawn[:, : one.n_fit], objective=one.minimised, n_starts=2
        )
        with np.errstate(all="ignore"):
            ahead = np.log(fits.predict(tokens[one.n_fit :])) - np.log(drawn[:, one.n_fit :])
        errors = np.abs(ahead).mean(axis=1).reshape(len(numbers), samples)
        errors = np.where(np.isnan(errors), math.inf, errors)
        worst = np.quantile(errors, 1 - (1 - level) / 2, axis=1, method="higher")
        for number, limit in zip(numbers, worst, strict=True):
            limits[number] = float(limit)
    return limits
