"""What is known of the noise of a curve: joint draws of the errors of ln(metric) at its points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .families import Floats

DEFAULT_DRAWS = 1000

LARGEST_LN = 20.0
"""Where the tails of draws from one or two degrees of freedom end, far beyond any interval, so that the
metric stays a number."""


@dataclass(frozen=True)
class Noise:
    """Joint errors ln(measured) - ln(true) of a curve's points.

    draws: shape (draws, n), each column with mean 0. Row b of every curve that shares a test set belongs to
    the same resampled test set, so that what two curves have in common cancels in their difference.
    source: where the level comes from: "segments", "seeds", "segments and seeds", "intervals" or "given".
    """

    draws: Floats
    source: str

    def __post_init__(self) -> None:
        if self.draws.ndim != 2 or not np.all(np.isfinite(self.draws)):
            raise ValueError(f"draws must be finite numbers of shape (draws, points), not {self.draws.shape}")

    @classmethod
    def independent(
        cls,
        sd: ArrayLike,
        *,
        source: str = "given",
        draws: int = DEFAULT_DRAWS,
        seed: int = 1,
        freedom: int | None = None,
    ) -> Noise:
        """Normal errors of ln(metric), independent from point to point, with standard deviations `sd`, shape
        (n,). Raises ValueError for a negative or infinite one.

        freedom: degrees of freedom of an estimate that all of `sd` come from. The draws are then Student's t,
        with one scale for all points of a draw: what is not known of the level widens the intervals.
        """
        spread = np.asarray(sd, dtype=float)
        if spread.ndim != 1 or not np.all(np.isfinite(spread) & (spread >= 0)):
            raise ValueError("standard deviations must be a list of finite numbers of 0 or more")
        rng = np.random.default_rng(seed)
        if freedom is None:
            return cls(_centred(rng.normal(size=(draws, spread.size))) * spread, source)
        # Each draw comes with its mirror image: subtracting a mean of heavy tails would move all the others.
        half = -(-draws // 2)
        drawn = rng.normal(size=(half, spread.size)) * spread
        drawn *= np.sqrt(freedom / rng.chisquare(freedom, size=(half, 1)))
        drawn = np.clip(drawn, -LARGEST_LN, LARGEST_LN)
        return cls(np.concatenate([drawn, -drawn])[:draws], source)

    @classmethod
    def relative(cls, sd: float, points: int, *, draws: int = DEFAULT_DRAWS, seed: int = 1) -> Noise:
        """The same relative standard deviation at each of `points` points: 0.02 for 2% of the metric."""
        return cls.independent(np.full(points, sd), draws=draws, seed=seed)

    @classmethod
    def from_resamples(cls, resampled: ArrayLike, values: ArrayLike) -> Noise:
        """From the metric on resampled test sets.

        resampled: (draws, n), the metric at each point on resample b. values: (n,), the metric itself.
        Raises ValueError where one is not positive: its logarithm has no error.
        """
        resampled, values = np.asarray(resampled, dtype=float), np.asarray(values, dtype=float)
        if resampled.ndim != 2 or resampled.shape[1:] != values.shape:
            raise ValueError(f"resamples of shape {resampled.shape} do not fit {values.shape} values")
        if not (np.all(resampled > 0) and np.all(values > 0)):
            raise ValueError("a metric that is not positive has no error on a logarithmic scale")
        return cls(_centred(np.log(resampled)), "segments")

    def plus(self, other: Noise) -> Noise:
        """Both errors together, independent of each other."""
        if self.draws.shape[1] != other.draws.shape[1]:
            raise ValueError("noises of curves with different numbers of points cannot be added")
        rows = np.arange(len(self.draws)) % len(other.draws)
        return Noise(self.draws + other.draws[rows], f"{self.source} and {other.source}")

    def at(self, points: Sequence[int] | slice) -> Noise:
        """The noise of some of the points."""
        return Noise(self.draws[:, points], self.source)

    def sample(self, samples: int) -> Floats:
        """The first `samples` draws, shape (samples, n), from the beginning again where there are fewer."""
        return self.draws[np.arange(samples) % len(self.draws)]

    @property
    def sd(self) -> Floats:
        """Standard deviation of ln(metric) at each point, shape (n,)."""
        return self.draws.std(axis=0)

    @property
    def covariance(self) -> Floats:
        """Covariance of ln(metric) between points, shape (n, n)."""
        centred = _centred(self.draws)
        return centred.T @ centred / len(centred)


def _centred(draws: Floats) -> Floats:
    return draws - draws.mean(axis=0)
