"""Is the difference of two systems on one test set noise? The paired bootstrap over test segments.

Both systems are scored on the same resampled test sets (Koehn 2004, W04-3250), so that what makes a segment
hard for both cancels in the difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import SummedMetric
from .resampling import DEFAULT_BOOTSTRAP, DEFAULT_SEED, interval, resampled_totals


@dataclass(frozen=True)
class PairedBootstrap:
    """Two systems, a and b, on one test set.

    difference: score a minus score b. low, high: 2.5% and 97.5% percentiles of the difference over resampled
    test sets. p_value: two-sided, of the hypothesis that the true difference is 0: how often resampling alone
    moves the difference by at least as much as the one measured. p_sacrebleu: what sacrebleu's `--paired-bs`
    prints. That test compares sizes, without signs, so that it calls about 10% of equal systems different at
    0.05, and a system different from its own copy; it is here to be compared with published ones.
    """

    score_a: float
    score_b: float
    difference: float
    low: float
    high: float
    p_value: float
    p_sacrebleu: float
    samples: int


def paired_bootstrap(
    metric: SummedMetric,
    statistics_a: ArrayLike,
    statistics_b: ArrayLike,
    *,
    samples: int = DEFAULT_BOOTSTRAP,
    seed: int = DEFAULT_SEED,
) -> PairedBootstrap:
    """Compare two systems by `metric`, from what each segment adds to its sums, (segments, k) each.

    The same seed resamples as sacrebleu does. Raises ValueError where the systems have different numbers of
    segments or none, or where `samples` is below 2.
    """
    a, b = np.asarray(statistics_a, dtype=float), np.asarray(statistics_b, dtype=float)
    if a.ndim != 2 or len(a) != len(b):
        raise ValueError(f"two systems on one test set are needed, not {len(a)} and {len(b)} segments")
    if not len(a):
        raise ValueError("no segments to compare")
    scores = [
        (float(metric.score(each.sum(axis=0, keepdims=True))[0]), metric.score(totals))
        for each, totals in ((a, resampled_totals(a, samples, seed)), (b, resampled_totals(b, samples, seed)))
    ]
    (score_a, resampled_a), (score_b, resampled_b) = scores
    return compare_scores(score_a, score_b, resampled_a, resampled_b)


def compare_scores(
    score_a: float, score_b: float, resampled_a: NDArray[np.float64], resampled_b: NDArray[np.float64]
) -> PairedBootstrap:
    """Compare two systems by their scores on the test set and on resampled ones, (samples,) each, row by row
    the same. Raises ValueError for fewer than 2 resamples, or for different numbers of them."""
    if resampled_a.shape != resampled_b.shape or resampled_a.size < 2:
        raise ValueError(
            f"2 resamples or more are needed, as many of either system, not {resampled_a.size} and"
            f" {resampled_b.size}"
        )
    difference, resampled = score_a - score_b, resampled_a - resampled_b
    low, high = interval(resampled)
    shifts, sizes = np.abs(resampled - resampled.mean()), np.abs(resampled)
    rounding = 1e-9 * max(1.0, abs(score_a), abs(score_b))  # sums in another order must not decide a tie
    return PairedBootstrap(
        score_a=score_a,
        score_b=score_b,
        difference=difference,
        low=low,
        high=high,
        p_value=_share(shifts >= abs(difference) - rounding),
        p_sacrebleu=_share(sizes - sizes.mean() > abs(difference)),
        samples=resampled.size,
    )


def _share(beyond: NDArray[np.bool_]) -> float:
    """With the measured test set counted in, so that no p-value is 0."""
    return (int(beyond.sum()) + 1) / (beyond.size + 1)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """P-values of a family of tests, (n,), adjusted for there being many: below alpha, the chance of even one
    false alarm in the family is below alpha (Holm 1979)."""
    given = np.asarray(p_values, dtype=float)
    order = np.argsort(given, kind="stable")
    adjusted = np.empty_like(given)
    steps = given[order] * np.arange(given.size, 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted
