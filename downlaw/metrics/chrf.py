"""chrF (Popović 2015, W15-3049) by sacrebleu: F-score of character n-grams."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import CHRF

from . import sacre
from .base import Metric, Translations

CHRF_COLUMNS = tuple(
    f"chrf_{counted}_{order}"
    for order in range(1, 7)
    for counted in ("hypothesis_ngrams", "reference_ngrams", "matches")
)
"""What chrF sums over segments: character n-grams of orders 1 to 6."""

_BETA = CHRF.BETA


class Chrf(Metric):
    """chrF2 between 0 and 100, as sacrebleu's command line gives it."""

    name = "chrf"
    columns = CHRF_COLUMNS

    def count(self, translations: Translations) -> NDArray[np.float64]:
        return sacre.counts(CHRF(), translations)

    def score(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        return chrf_from_totals(totals)

    @property
    def signature(self) -> str:
        return sacre.signature("chrF2", CHRF())


def chrf_from_totals(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """chrF2, shape (n,), from sums of CHRF_COLUMNS, shape (n, 18): sacrebleu's.

    Precision and recall are averaged over the orders that both sides have n-grams of; without any, it is 0.
    """
    hypothesis, reference, matches = totals[:, 0::3], totals[:, 1::3], totals[:, 2::3]
    counted = (hypothesis > 0) & (reference > 0)
    orders = np.maximum(counted.sum(axis=1), 1)
    precision = (np.divide(matches, hypothesis, out=np.zeros_like(matches), where=counted)).sum(1) / orders
    recall = (np.divide(matches, reference, out=np.zeros_like(matches), where=counted)).sum(1) / orders
    weighted = _BETA**2 * precision + recall
    product = 100 * (1 + _BETA**2) * precision * recall
    return np.divide(product, weighted, out=np.zeros(len(totals)), where=weighted > 0)
