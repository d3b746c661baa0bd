"""Mixtures of pretraining text with exact shares in every prefix, and how aligned they are with a task."""

from __future__ import annotations

import math
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


def interleave(available: Sequence[int], shares: Sequence[float], limit: int | None = None) -> np.ndarray:
    """Which component each block of a mixture comes from.

    Every prefix holds each component's share to within one block, so that a smaller Dp has read the same
    mixture as a larger one: Tijdeman's solution of the chairman assignment problem (Discrete Mathematics 32,
    1980). Ends where a component is used up.

    Args:
        available: blocks in each component.
        shares: share of each component; they sum to 1.
        limit: use at most this many blocks.

    Returns:
        component indices, of shape (blocks,); uint8, or int64 where there are more than 256 components.
    """
    if len(available) != len(shares):
        raise ValueError(f"{len(available)} components but {len(shares)} shares")
    exact = np.asarray(shares, dtype=float) / sum(shares)
    total = int((np.asarray(available) / exact + 1e-9).min())
    total = total if limit is None else min(total, limit)
    kind = np.uint8 if len(exact) <= 256 else np.int64
    if len(exact) == 1:
        return np.zeros(total, kind)
    slack = 1 / (2 * len(exact) - 2)
    parts, used = exact.tolist(), [0.0] * len(exact)
    enough, latest = slack - 1e-9, 1 - slack
    order = np.empty(total, kind)
    for position in range(total):
        # Of the components that are owed enough, the one that must come soonest; ties go to the first.
        chosen, soonest = 0, math.inf
        for index, part in enumerate(parts):
            owed = part * (position + 1) - used[index]
            if owed >= enough and (due := round((latest - owed) / part * 1e6)) < soonest:
                chosen, soonest = index, due
        order[position] = chosen
        used[chosen] += 1
    return order
