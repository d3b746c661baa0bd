"""Top-1 error of multiple-choice items, from the likelihood that a language model gives each choice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .resampling import DEFAULT_BOOTSTRAP, DEFAULT_SEED, interval, resampled_totals

_TIE = 1e-6
"""Likelihoods as near as this, relative to the best, are equal: sums of single precision differ so by the
order of their terms."""

_ABOVE_ZERO = 1e-3
"""Nats by which rounding may lift a log-likelihood above 0."""


class ItemErrors(NamedTuple):
    """Errors of items, shape (items,) each: 1 wrong, 0 right, 1 - 1/k where the right one is among k best.

    normalised: the best choice is that of the highest log-likelihood a piece. raw: that of the highest
    log-likelihood. not_finite: whether the model gave no number for the item, which counts as wrong.
    """

    normalised: NDArray[np.float64]
    raw: NDArray[np.float64]
    not_finite: NDArray[np.bool_]


class MeanError(NamedTuple):
    """The mean error of items, and its 2.5% and 97.5% percentiles over items drawn anew."""

    value: float
    low: float
    high: float


def errors(sums: ArrayLike, pieces: ArrayLike, counts: ArrayLike, answers: ArrayLike) -> ItemErrors:
    """Which items a model gets wrong by the likelihood of their choices.

    Ties count in parts, so that a model that finds all choices alike is at chance. -inf is an impossible
    choice: never better than another, and an error where it is the right one. An item with NaN or +inf is
    wrong. So a broken model is above chance, not at it.

    Args:
        sums: ln p(choice | context) in nats, summed over the pieces of the choice, of all choices of the
            first item, then of the second, and so on; shape (all choices,).
        pieces: how many pieces each of these sums is over, same shape.
        counts: choices of each item, shape (items,).
        answers: the right one of each item, from 0, shape (items,).

    Raises:
        ValueError: with the number of the choice or item, for shapes that do not agree, counts below 1 of
            pieces or below 2 of choices, answers that are no choice, and log-likelihoods above 0.
    """
    sums, pieces = np.asarray(sums, dtype=float), np.asarray(pieces)
    counts, answers = np.asarray(counts), np.asarray(answers)
    _check(sums, pieces, counts, answers)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    right = starts + answers
    broken = np.logical_or.reduceat(np.isnan(sums) | np.isposinf(sums), starts)
    wrong = broken | ~np.isfinite(sums[right])
    finite = np.where(np.isfinite(sums), sums, -np.inf)
    normalised, raw = (
        np.where(wrong, 1.0, _errors(scores, starts, counts, right)) for scores in (finite / pieces, finite)
    )
    return ItemErrors(normalised, raw, broken)


def _errors(scores: NDArray, starts: NDArray, counts: NDArray, right: NDArray) -> NDArray[np.float64]:
    best = np.maximum.reduceat(scores, starts)
    least = np.where(np.isfinite(best), best - _TIE * np.abs(best), 0.0)  # without a finite one none is best
    is_best = scores >= np.repeat(least, counts)
    ties = np.add.reduceat(is_best.astype(float), starts)
    return np.where(is_best[right], 1 - 1 / np.maximum(ties, 1), 1.0)


def chance_error(counts: ArrayLike) -> float:
    """The error of guessing, from the choices of each item, shape (items,): the mean of 1 - 1/choices."""
    return float(np.mean(1 - 1 / np.asarray(counts, dtype=float)))


def mean_error(
    errors: NDArray[np.float64], *, samples: int = DEFAULT_BOOTSTRAP, seed: int = DEFAULT_SEED
) -> MeanError:
    """The error of a task from those of its items, shape (items,).

    All models are resampled alike on one task. Raises ValueError without items or with fewer than 2
    resamples.
    """
    if not len(errors) or samples < 2:
        raise ValueError(f"an item and 2 resamples are needed, not {len(errors)} and {samples}")
    low, high = interval(resampled_totals(errors[:, None], samples, seed)[:, 0] / len(errors))
    return MeanError(float(errors.mean()), low, high)


def _check(sums: NDArray, pieces: NDArray, counts: NDArray, answers: NDArray) -> None:
    if counts.ndim != 1 or not counts.size or counts.shape != answers.shape:
        raise ValueError(
            f"a count of choices and an answer an item are needed, not {counts.shape} and {answers.shape}"
        )
    for what, values in (("pieces", pieces), ("counts", counts), ("answers", answers)):
        if values.dtype.kind not in "iu":
            raise ValueError(f"{what} are not whole numbers but {values.dtype}")
    _refuse(counts < 2, "item", "fewer than 2 choices", counts)
    _refuse((answers < 0) | (answers >= counts), "item", "the answer is no choice", answers)
    if sums.shape != (counts.sum(),) or pieces.shape != sums.shape:
        raise ValueError(
            f"a likelihood and a count of pieces for each of {counts.sum():,} choices are needed, not "
            f"{sums.shape} and {pieces.shape}"
        )
    _refuse(pieces < 1, "choice", "no pieces", pieces)
    above = np.isfinite(sums) & (sums > _ABOVE_ZERO)
    _refuse(above, "choice", "ln p is above 0 (is it -ln p?)", sums)


def _refuse(wrong: NDArray[np.bool_], each: str, what: str, values: NDArray) -> None:
    if wrong.any():
        number = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"{each} {number + 1} of {values.size}: {what}: {values[number]}")
