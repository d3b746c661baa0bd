"""Overlap of vocabulary and n-grams: the Jensen-Shannon divergence of two samples of equal size.

Lin 1991 (IEEE Transactions on Information Theory 37), in bits: 0 for equal distributions, 1 for disjoint
ones. Both samples are counted as they are, so what a sample of finite size has not seen makes it too large,
most for long n-grams. Only samples of one size compare; the divergence of two samples of one text is the
least that can be expected.
"""

from __future__ import annotations

import numpy as np

ORDERS = {"unigram": 1, "bigram": 2, "trigram": 3}


def ngrams(rows: np.ndarray, order: int, vocabulary: int) -> np.ndarray:
    """The n-grams of each row, none across two rows, as one number each.

    Args:
        rows: ids below `vocabulary`, shape (rows, pieces).

    Returns:
        shape (rows * (pieces - order + 1),), in the order of the rows.
    """
    rows = np.asarray(rows, dtype=np.int64)
    width = max(0, rows.shape[1] - order + 1)
    keys = np.zeros((len(rows), width), dtype=np.int64)
    for offset in range(order):
        keys = keys * vocabulary + rows[:, offset : offset + width]
    return keys.ravel()


def divergence(one: np.ndarray, other: np.ndarray) -> float:
    """Jensen-Shannon divergence, 0 to 1, of the distributions of two samples of numbers; NaN where one is
    empty."""
    if not len(one) or not len(other):
        return float("nan")
    _, index = np.unique(np.concatenate([one, other]), return_inverse=True)
    p = np.bincount(index[: len(one)], minlength=index.max() + 1) / len(one)
    q = np.bincount(index[len(one) :], minlength=index.max() + 1) / len(other)
    middle = (p + q) / 2
    return float(min(1.0, max(0.0, (_bits(p, middle) + _bits(q, middle)) / 2)))


def _bits(p: np.ndarray, q: np.ndarray) -> float:
    """Kullback-Leibler divergence; q is above 0 where p is."""
    there = p > 0
    return float(np.sum(p[there] * np.log2(p[there] / q[there])))
