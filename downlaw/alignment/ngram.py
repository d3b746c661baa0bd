"""A trigram model of pieces, interpolated after Witten and Bell, and its loss on a task's text.

p(w | h) = (c(hw) + T(h) p(w | h')) / (c(h) + T(h)), with c counts, T(h) the number of different pieces that
follow h, h' one piece shorter than h, and the uniform distribution below the unigrams: Witten and Bell 1991
(IEEE Transactions on Information Theory 37), as interpolated in Chen and Goodman 1999 (Computer Speech and
Language 13, section 2.5). No piece has probability 0, seen or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .overlap import ngrams

ORDER = 3


@dataclass(frozen=True)
class _Counts:
    """Sorted numbers of n-grams and their counts; and of their histories, with how often each goes on and
    with how many different pieces."""

    grams: np.ndarray
    counts: np.ndarray
    histories: np.ndarray
    totals: np.ndarray
    types: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, vocabulary: int) -> _Counts:
        grams, counts = np.unique(keys, return_counts=True)
        histories, starts, types = np.unique(grams // vocabulary, return_index=True, return_counts=True)
        totals = np.add.reduceat(counts, starts) if len(starts) else counts
        return cls(grams, counts, histories, totals, types)


def _look_up(keys: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The value of each key, 0 where it is not known."""
    if not len(known):
        return np.zeros(len(keys))
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[place] == keys, values[place], 0).astype(float)


class WittenBell:
    """An interpolated n-gram model of ids `first` to `first` + `size` - 1.

    Rows of training text are blocks: no n-gram goes from one to the next. Memory is that of the training
    text's distinct n-grams.
    """

    def __init__(self, rows: np.ndarray, first: int, size: int, order: int = ORDER) -> None:
        """rows: ids, shape (rows, pieces)."""
        self.first, self.size, self.order = first, size, order
        self._vocabulary = first + size
        self._counts = [
            _Counts.of(ngrams(rows, length, self._vocabulary), self._vocabulary)
            for length in range(1, order + 1)
        ]

    def probabilities(self, histories: np.ndarray, pieces: np.ndarray) -> np.ndarray:
        """p(piece | history), shape (n,).

        Args:
            histories: the ids before each piece, the nearest last, shape (n, order - 1); -1 where a segment
                has not begun.
            pieces: ids, shape (n,).
        """
        histories, pieces = np.asarray(histories, dtype=np.int64), np.asarray(pieces, dtype=np.int64)
        p = np.full(len(pieces), 1 / self.size)
        for length, counts in enumerate(self._counts, start=1):
            before = np.zeros(len(pieces), dtype=np.int64)
            known = np.ones(len(pieces), dtype=bool)
            for back in range(length - 1, 0, -1):
                column = histories[:, self.order - 1 - back]
                known &= column >= 0
                before = before * self._vocabulary + np.maximum(column, 0)
            seen = _look_up(before * self._vocabulary + pieces, counts.grams, counts.counts)
            total = _look_up(before, counts.histories, counts.totals)
            types = _look_up(before, counts.histories, counts.types)
            use = known & (total > 0)
            p[use] = (seen[use] + types[use] * p[use]) / (total[use] + types[use])
        return p

    def cross_entropy(self, segments: Sequence[np.ndarray]) -> float:
        """Nats a piece of segments, each from its first piece without history; NaN where there is none."""
        pieces = np.concatenate([np.asarray(s, dtype=np.int64) for s in segments] or [np.empty(0, np.int64)])
        if not len(pieces):
            return float("nan")
        within = np.concatenate([np.arange(len(segment)) for segment in segments])
        histories = np.full((len(pieces), self.order - 1), -1, dtype=np.int64)
        for back in range(1, self.order):
            there = np.flatnonzero(within >= back)
            histories[there, self.order - 1 - back] = pieces[there - back]
        return float(-np.mean(np.log(self.probabilities(histories, pieces))))
