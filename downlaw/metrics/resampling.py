"""Test sets drawn anew from their segments: every interval of a score over the test text comes from here."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DEFAULT_BOOTSTRAP = 1000
DEFAULT_SEED = 12345
"""The seed sacrebleu itself uses, so that our resamples are those of its own confidence intervals."""


@lru_cache(maxsize=1)
def drawn_counts(segments: int, samples: int, seed: int) -> NDArray[np.float64]:
    """How often each segment is drawn into each resample, shape (samples, segments); each row sums to
    `segments`. Read-only.

    Nothing but the three numbers decides it: all systems scored on one test set are resampled alike, row by
    row. The segments are drawn as sacrebleu draws them.
    """
    generator = np.random.default_rng(seed)
    counts = np.empty((samples, segments))
    for row in counts:  # one at a time, as drawn indices take as much memory as all counts
        row[:] = np.bincount(generator.choice(segments, size=segments, replace=True), minlength=segments)
    counts.flags.writeable = False
    return counts


def resampled_totals(statistics: NDArray, samples: int, seed: int) -> NDArray[np.float64]:
    """Sums of per-segment statistics, shape (segments, k), over each resample, shape (samples, k).

    Sums of whole numbers are exact.
    """
    return drawn_counts(len(statistics), samples, seed) @ np.ascontiguousarray(statistics, dtype=float)


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """2.5% and 97.5% percentiles of a score over resamples."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
