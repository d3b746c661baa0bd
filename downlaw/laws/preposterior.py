"""What a run that has not been made would teach: the interval that decides, before and after it.

The preposterior variance of linear-Gaussian regression (Raiffa and Schlaifer 1961; Chaloner and Verdinelli
1995, section 2). With q the deciding number and y the new measurement, both in ln(metric),

    Var(q | y) = Var(q) - Cov(q, y)^2 / Var(y),

and all three come from the bootstrap draws of the laws: a draw is a study that might have been measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .estimates import Estimate, at_tokens
from .families import Floats
from .fitted import FittedCurve


class RunKind(StrEnum):
    """What a candidate does beside what there is."""

    LARGER = "larger Dp"
    BETWEEN = "Dp in between"
    PRETRAINING_SEED = "pretraining seed"
    FINETUNING_SEED = "finetuning seed"

    @property
    def is_seed(self) -> bool:
        """Whether it measures a point again."""
        return self in (RunKind.PRETRAINING_SEED, RunKind.FINETUNING_SEED)


@dataclass(frozen=True)
class Candidate:
    """A run that could be made: of the first (0) or the second (1) mixture of a decision."""

    number: int
    kind: RunKind
    tokens: int


def new_points(tokens: Floats, budget: float) -> list[tuple[RunKind, int]]:
    """Where a curve at Dp (n,) could be measured next: the largest Dp doubled until the budget, and the
    budget itself, or the largest Dp doubled once where the budget is no larger; and between all neighbours,
    halfway in ln(Dp)."""
    largest = float(tokens.max())
    doublings = [largest * 2.0**k for k in range(1, 1 + max(1, math.ceil(math.log2(budget / largest))))]
    ahead = [t for t in doublings if t < budget] + ([budget] if budget > largest else doublings[:1])
    between = np.sqrt(tokens[1:] * tokens[:-1])
    return [(RunKind.BETWEEN, round(t)) for t in between] + [(RunKind.LARGER, round(t)) for t in ahead]


@dataclass(frozen=True)
class NewError:
    """The error of a new measurement in ln(metric). shared: draws of what is known of it already, (samples,),
    as it is the error of a measurement that was made. own_variance: of the rest."""

    shared: Floats
    own_variance: float


@dataclass(frozen=True)
class Decision:
    """The number that decides: the difference in ln(metric) of two laws at a budget, or one law alone.

    run_sd: standard deviation of ln(metric) between seeds, of one run; None where it is not known. Then a
    single run at a new Dp has the error of its neighbour, and a further seed counts as a new measurement.
    """

    fitted: tuple[FittedCurve, ...]
    tokens: float
    run_sd: float | None = None

    @property
    def estimate(self) -> Estimate:
        """ln(first) - ln(second), or ln(first), with its draws. Raises ValueError where the noise of a curve
        is not known."""
        if any(each.spread is None for each in self.fitted):
            raise ValueError("a decision needs curves with a known noise")
        logs = [_ln(at_tokens(each, self.tokens)) for each in self.fitted]
        return logs[0].minus(logs[1]) if len(logs) == 2 else logs[0]

    def share_left(self, candidate: Candidate) -> float:
        """Expected width of the deciding interval after a run, as a share of its width before."""
        fitted = self.fitted[candidate.number]
        law = _ln(at_tokens(fitted, candidate.tokens)).draws
        error = self.new_error(candidate)
        return share_left(self.estimate.draws, law - error.shared, error.own_variance)

    def new_error(self, candidate: Candidate) -> NewError:
        """What is known of the error of a candidate's measurement.

        Test segments: a new Dp is scored on the same test set, and its error is taken to correlate with that
        of every Dp of its curve as those errors do with each other in the joint draws, on average. What the
        errors there are say of it (their best linear prediction) is known already, and shifts law and
        measurement alike. Without joint draws all of it is new. Its size is that of the nearest Dp. A further
        seed shares what is left of its point's error without the seeds.
        """
        curve, samples = self.fitted[candidate.number].curve, len(self.estimate.draws)
        nearest = int(np.argmin(np.abs(np.log(curve.tokens / candidate.tokens))))
        noise, seeds = curve.point_noise, curve.points[nearest].n_seeds
        drawn, there = noise.sample(samples), float(noise.sd[nearest] ** 2)
        if candidate.kind.is_seed:
            one_run = self.run_sd**2 if self.run_sd is not None else there * seeds
            of_seeds = min(one_run / seeds, there)
            kept = there - of_seeds
            slope = kept / there if there else 0.0
            return NewError(slope * drawn[:, nearest], kept + one_run - slope * kept)
        one_run = self.run_sd**2 if self.run_sd is not None else 0.0
        variance = there - min(one_run / seeds, there) + one_run
        alike = mean_correlation(drawn) if "segments" in noise.source else 0.0
        sd = noise.sd
        if not alike or np.any(sd == 0):
            return NewError(np.zeros(samples), variance)
        n = len(sd)
        weight = alike / (1 + (n - 1) * alike)
        shared = weight * sd[nearest] * (drawn / sd).sum(axis=1)
        return NewError(shared, max(variance - n * weight * alike * there, 0.0))


def share_left(deciding: Floats, known: Floats, own_variance: float) -> float:
    """Standard deviation of the deciding number after a measurement, over the one before.

    deciding: its draws, (samples,). known: draws of the law where the measurement is made, less what its
    error shares with the measurements there are, (samples,). own_variance: of the measurement's own error.
    """
    covariance = np.cov(deciding, known, ddof=0)
    variance = covariance[1, 1] + own_variance
    if covariance[0, 0] <= 0 or variance <= 0:
        return 1.0
    return math.sqrt(max(1 - covariance[0, 1] ** 2 / (covariance[0, 0] * variance), 0.0))


def mean_correlation(draws: Floats) -> float:
    """Mean correlation of the errors of all pairs of points, draws (draws, n); 0 for a single point and where
    errors do not vary, never negative."""
    sd, n = draws.std(axis=0), draws.shape[1]
    if n < 2 or np.any(sd == 0):
        return 0.0
    scaled = (draws - draws.mean(axis=0)) / sd
    all_pairs = float((scaled.sum(axis=1) ** 2).mean()) - n
    return min(max(all_pairs / (n * (n - 1)), 0.0), 1.0)


def _ln(estimate: Estimate) -> Estimate:
    return Estimate(math.log(estimate.value), None if estimate.draws is None else np.log(estimate.draws))
