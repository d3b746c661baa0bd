"""Cross-entropy of a test set in nats per target piece, with a bootstrap interval over its segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .resampling import DEFAULT_BOOTSTRAP, DEFAULT_SEED, interval, resampled_totals

CROSS_ENTROPY_COLUMNS = ("negative_log_likelihood", "target_tokens")
"""What is summed over segments: nats, and target pieces with end of sentence."""


@dataclass(frozen=True)
class CrossEntropy:
    """nats_per_token: summed negative log-likelihood over target pieces, end of sentence included in both.

    low, high: 2.5% and 97.5% percentiles over bootstrap resamples of the segments. tokens: target pieces
    scored.
    """

    nats_per_token: float
    low: float
    high: float
    tokens: int
    segments: int
    bootstrap: int
    seed: int

    def as_row(self) -> dict[str, float]:
        """The numbers under the column names of a table of runs."""
        return {
            "cross_entropy": self.nats_per_token,
            "cross_entropy_low": self.low,
            "cross_entropy_high": self.high,
        }


def cross_entropy(
    negative_log_likelihoods: ArrayLike,
    target_tokens: ArrayLike,
    *,
    bootstrap: int = DEFAULT_BOOTSTRAP,
    seed: int = DEFAULT_SEED,
) -> CrossEntropy:
    """Cross-entropy of a test set from its segments.

    `negative_log_likelihoods`, shape (segments,): -ln p(target | source) of each segment in nats, summed
    over its pieces. `target_tokens`, shape (segments,): how many pieces that sum is over, end of sentence
    included. The interval is the bootstrap's for a ratio of sums; the same seed resamples a test set of the
    same size alike. Raises ValueError, with the segment's number, for values that are not finite or
    negative, for counts that are not whole or below 1, and when the lengths differ or there are no
    segments.
    """
    losses, counts = np.asarray(negative_log_likelihoods, dtype=float), np.asarray(target_tokens, dtype=float)
    _check(losses, counts, bootstrap)
    totals = resampled_totals(np.column_stack([losses, counts]), bootstrap, seed)
    low, high = interval(cross_entropy_from_totals(totals))
    return CrossEntropy(
        nats_per_token=float(losses.sum() / counts.sum()),
        low=low,
        high=high,
        tokens=int(counts.sum()),
        segments=losses.size,
        bootstrap=bootstrap,
        seed=seed,
    )


def cross_entropy_from_totals(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nats a target piece, shape (n,), from sums of CROSS_ENTROPY_COLUMNS, shape (n, 2)."""
    return totals[:, 0] / totals[:, 1]


def _check(losses: NDArray[np.float64], counts: NDArray[np.float64], bootstrap: int) -> None:
    if losses.ndim != 1 or losses.shape != counts.shape:
        raise ValueError(
            f"one likelihood and one count a segment are needed, not {losses.shape} and {counts.shape}"
        )
    if not losses.size:
        raise ValueError("no segments to score")
    if bootstrap < 2:
        raise ValueError(f"bootstrap must be at least 2 resamples, not {bootstrap}")
    for wrong, what, values in (
        (~np.isfinite(losses), "negative log-likelihood is not finite", losses),
        (losses < 0, "negative log-likelihood is below 0", losses),
        (
            ~(np.isfinite(counts) & (counts >= 1) & (counts % 1 == 0)),
            "count of target pieces is not 1 or more",
            counts,
        ),
    ):
        if wrong.any():
            number = int(np.flatnonzero(wrong)[0])
            raise ValueError(f"segment {number + 1} of {losses.size}: {what}: {values[number]}")
