"""Distance of two domains by how well a linear classifier tells them apart: the proxy A-distance.

2 (1 - 2 error), Ben-David et al. 2007 (Advances in Neural Information Processing Systems 19), used for text
in Blitzer et al. 2007 (ACL, section 5): 0 where a held-out window of one domain cannot be told from one of
the other, 2 where it always can. A classifier that sees more windows errs less, so that only distances from
equally many windows compare.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack, vstack
from scipy.special import expit

from .overlap import ngrams

BUCKETS = 1 << 15
"""Pairs of pieces share so many weights, by a hash; single pieces have weights of their own."""

FOLDS = 5
_RIDGE = 1.0
"""Inverse variance of the prior on each weight, of features that make rows of length 1."""

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class Distance(NamedTuple):
    """The proxy A-distance and the share of held-out windows that were put into the wrong domain."""

    distance: float
    error: float


def domain_distance(one: np.ndarray, other: np.ndarray, vocabulary: int) -> Distance:
    """Proxy A-distance of two samples of windows, from all of them in `FOLDS` turns.

    Each turn holds out a stretch of each sample, since neighbouring windows may share a segment that was
    cut. An error above a half, which only chance gives, counts as a distance of 0.

    Args:
        one, other: ids below `vocabulary`, equally many windows, shape (windows, pieces).

    Raises:
        ValueError: where the samples differ in size, or are too small to hold out a part of.
    """
    count = len(one)
    if len(other) != count or count < 2 * FOLDS:
        raise ValueError(f"{count} and {len(other)} windows cannot be compared by {FOLDS} folds")
    features = vstack([_features(one, vocabulary), _features(other, vocabulary)]).tocsr()
    labels = np.repeat([1.0, -1.0], count)
    folds = np.tile(np.arange(count) * FOLDS // count, 2)
    wrong = 0
    for fold in range(FOLDS):
        held_out = folds == fold
        weights = _fit(features[~held_out], labels[~held_out])
        scores = features[held_out] @ weights[:-1] + weights[-1]
        wrong += int(np.sum(np.where(scores >= 0, 1.0, -1.0) != labels[held_out]))
    error = wrong / (2 * count)
    return Distance(max(0.0, 2 * (1 - 2 * error)), error)


def _features(windows: np.ndarray, vocabulary: int) -> csr_matrix:
    """Which pieces and pairs of pieces stand in each window, rows of length 1."""
    count, length = windows.shape
    pairs = ngrams(windows, 2, vocabulary).astype(np.uint64) * _MULTIPLIER >> np.uint64(49)
    columns = np.concatenate(
        [windows.astype(np.int64), vocabulary + pairs.astype(np.int64).reshape(count, length - 1)], axis=1
    )
    rows = np.repeat(np.arange(count), columns.shape[1])
    shape = (count, vocabulary + BUCKETS)
    found = csr_matrix((np.ones(rows.size), (rows, columns.ravel())), shape=shape)
    found.sum_duplicates()
    found.data[:] = 1.0
    lengths = np.sqrt(np.diff(found.indptr))
    found.data /= np.repeat(lengths, np.diff(found.indptr))
    return found


def _fit(features: csr_matrix, labels: np.ndarray) -> np.ndarray:
    """Weights and, last, the intercept of a logistic regression with a ridge; labels are 1 and -1."""
    features = hstack([features, np.ones((features.shape[0], 1))], format="csr")
    turned = features.T.tocsr()
    ridge = np.full(features.shape[1], _RIDGE)
    ridge[-1] = 0.0

    def loss(weights: np.ndarray) -> float:
        return np.logaddexp(0, -labels * (features @ weights)).sum() + weights @ (ridge * weights) / 2

    def gradient(weights: np.ndarray) -> np.ndarray:
        return turned @ (-labels * expit(-labels * (features @ weights))) + ridge * weights

    def curvature(weights: np.ndarray, direction: np.ndarray) -> np.ndarray:
        p = expit(features @ weights)
        return turned @ (p * (1 - p) * (features @ direction)) + ridge * direction

    start = np.zeros(features.shape[1])
    return minimize(loss, start, method="Newton-CG", jac=gradient, hessp=curvature, options={"maxiter": 50}).x
