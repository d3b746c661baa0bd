"""Items of ids joined to one array, with the length of each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_PIECES = 1 << 20


def in_order(
    ids: np.ndarray, lengths: np.ndarray, order: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Items in another order, in runs of about a million pieces: their ids joined, and their lengths.

    Args:
        ids: the ids of all items one after the other, shape (pieces,).
        lengths: of each item, shape (items,).
        order: numbers of the items wanted.
    """
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    ends = np.cumsum(lengths[order], dtype=np.int64)
    begin = 0
    while begin < len(order):
        done = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + _PIECES, side="right")))
        chosen = order[begin:end]
        counts = lengths[chosen]
        before = np.cumsum(counts, dtype=np.int64) - counts
        yield ids[np.repeat(starts[chosen] - before, counts) + np.arange(int(counts.sum()))], counts
        begin = end
