"""Cross-entropy of a test set: nats a target piece, and nats a character.

Pieces are a tokenizer's, so that only cross-entropies under one tokenizer compare; characters are the
text's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import SummedMetric


class CrossEntropy(SummedMetric):
    """Summed negative log-likelihood in nats over target pieces, end of sentence included in both."""

    name = "cross_entropy"
    columns = ("negative_log_likelihood", "target_tokens")

    def score(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        return totals[:, 0] / totals[:, 1]

    def parts(self, totals: NDArray[np.float64]) -> dict[str, float]:
        """perplexity: of a target piece."""
        return {"perplexity": float(np.exp(totals[0] / totals[1]))}


class CrossEntropyPerCharacter(SummedMetric):
    """The same sum over the characters (code points) of the references; what the end of a sentence costs
    counts, though it is no character."""

    name = "cross_entropy_per_character"
    columns = ("negative_log_likelihood", "target_characters")

    def score(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        return totals[:, 0] / totals[:, 1]


def likelihood_statistics(
    negative_log_likelihoods: ArrayLike, target_tokens: ArrayLike, references: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """What the two cross-entropies sum, each of shape (segments,).

    `negative_log_likelihoods`, shape (segments,): -ln p(target | source) of each segment in nats, summed
    over its pieces, without label smoothing. `target_tokens`, shape (segments,): how many pieces that sum is
    over, end of sentence included. `references`: the text of the targets.

    Raises:
        ValueError: with the segment's number, for values that are not finite or negative, for counts that
            are not whole or below 1; when the lengths differ or there are no segments.
    """
    losses, counts = np.asarray(negative_log_likelihoods, dtype=float), np.asarray(target_tokens, dtype=float)
    if losses.ndim != 1 or losses.shape != counts.shape or losses.shape != (len(references),):
        raise ValueError(
            "one likelihood, one count and one reference a segment are needed, not "
            f"{losses.shape}, {counts.shape} and {len(references)}"
        )
    if not losses.size:
        raise ValueError("no segments to score")
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
    characters = np.array([len(reference) for reference in references], dtype=float)
    return {
        "negative_log_likelihood": losses,
        "target_tokens": counts,
        "target_characters": characters,
    }
