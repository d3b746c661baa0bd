"""Mixtures of pretraining text with exact shares in every prefix, and how aligned they are with a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


class SizeError(ValueError):
    """More text is asked for than there is; the message names the config key."""


def alignment_score(language_shares: Mapping[str, float], source: str, target: str) -> float:
    """Translation alignment score of a mixture for a task: Isik et al. 2024 (arXiv:2402.04177), Eq. 2.

    `P_src * P_dest + 0.7 * P_src + 0.8 * P_dest`, with P the share of the language in the mixture. Half
    source and half target scores 1.0, which is not the largest value.
    """
    in_source = language_shares.get(source, 0.0)
    in_target = language_shares.get(target, 0.0)
    return round(in_source * in_target + 0.7 * in_source + 0.8 * in_target, 6)


def holds(language_shares: Mapping[str, float], source: str, target: str) -> str:
    """What a mixture holds of a task's two languages."""
    has_source, has_target = source in language_shares, target in language_shares
    if has_source and has_target:
        return "both languages"
    return "source only" if has_source else "target only" if has_target else "neither"


def blocks(sentences: Sequence[np.ndarray], pieces: int, seed: int) -> np.ndarray:
    """Shuffle sentences, join them and cut the stream into blocks.

    Returns:
        ids of shape (blocks, pieces); what does not fill a last block is left out.
    """
    order = np.random.default_rng(seed).permutation(len(sentences))
    stream = np.concatenate([sentences[index] for index in order]) if len(order) else np.empty(0, np.int32)
    count = len(stream) // pieces
    return stream[: count * pieces].reshape(count, pieces)


def interleave(available: Sequence[int], shares: Sequence[float], limit: int | None = None) -> np.ndarray:
    """Which component each block of a mixture comes from.

    Every prefix holds each component's share to within one block, so that a smaller Dp has read the same
    mixture as a larger one. Ends where a component is used up.

    Args:
        available: blocks in each component.
        shares: share of each component; they sum to 1.
        limit: use at most this many blocks.

    Returns:
        component indices, of shape (blocks,).
    """
    shares_array = np.asarray(shares, dtype=float)
    total = int(min(n / share for n, share in zip(available, shares, strict=True)))
    total = total if limit is None else min(total, limit)
    # The k-th block of a component is due at (k + 1/2) / share: sorting the due times interleaves evenly.
    due, component = [], []
    for index, share in enumerate(shares_array):
        count = min(available[index], int(np.ceil(total * share)) + 1)
        due.append((np.arange(count) + 0.5) / share)
        component.append(np.full(count, index))
    order = np.lexsort((np.concatenate(component), np.round(np.concatenate(due), 9)))
    return np.concatenate(component)[order][:total]
