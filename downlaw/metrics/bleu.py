"""BLEU (Papineni et al. 2002) by sacrebleu, and what it is made of: brevity penalty and precisions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU

from . import sacre
from .base import Metric, Translations

BLEU_COLUMNS = (
    "bleu_hypothesis_length",
    "bleu_reference_length",
    *(f"bleu_matches_{order}" for order in range(1, 5)),
    *(f"bleu_ngrams_{order}" for order in range(1, 5)),
)
"""What BLEU sums over segments: tokens, and matched and possible n-grams of orders 1 to 4."""


class Bleu(Metric):
    """BLEU between 0 and 100, as sacrebleu's command line gives it.

    tokenize: one of sacrebleu's tokenizers; Chinese, Japanese and Korean need their own.
    """

    name = "bleu"
    columns = BLEU_COLUMNS

    def __init__(self, tokenize: str = "13a") -> None:
        self._sacrebleu = BLEU(tokenize=tokenize)

    def count(self, translations: Translations) -> NDArray[np.float64]:
        return sacre.counts(self._sacrebleu, translations)

    def score(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        return bleu_from_totals(totals)

    @property
    def signature(self) -> str:
        return sacre.signature("BLEU", self._sacrebleu)

    def parts(self, totals: NDArray[np.float64]) -> dict[str, float | bool]:
        """brevity_penalty, between 0 and 1; precision_1 to precision_4, smoothed as BLEU smooths them,
        between 0 and 100; bleu_smoothed, whether an order had no match and smoothing made one up."""
        whole = totals.astype(int).tolist()
        made = BLEU.compute_bleu(whole[2:6], whole[6:], whole[0], whole[1], smooth_method="exp")
        return {
            "brevity_penalty": float(made.bp),
            **{f"precision_{order}": float(value) for order, value in enumerate(made.precisions, start=1)},
            "bleu_smoothed": 0 in whole[2:6],
        }


def bleu_from_totals(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """BLEU, shape (n,), from sums of BLEU_COLUMNS, shape (n, 10): sacrebleu's, with its default smoothing."""
    return 100 * np.exp(ln_bleu_parts(totals).sum(axis=1))


def ln_bleu_parts(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """What ln(BLEU / 100) is the sum of, shape (n, 5): ln of the brevity penalty, and a quarter of the ln of
    each precision (Papineni et al. 2002, P02-1040).

    Smoothed as sacrebleu does by default (`exp`, method 3 of Chen and Cherry 2014, W14-3346): the k-th order
    without a match counts as 1 / 2^k matches. No match at all, or an order without any n-gram, is a BLEU of
    0, and all its parts are -inf.
    """
    hypothesis, reference, matches, ngrams = totals[:, 0], totals[:, 1], totals[:, 2:6], totals[:, 6:]
    unmatched = matches == 0
    smoothed = np.where(unmatched, 0.5 ** np.cumsum(unmatched, axis=1), matches)
    defined = matches.any(axis=1) & ngrams.all(axis=1)
    parts = np.full((len(totals), 5), -np.inf)
    parts[defined, 0] = np.minimum(0, 1 - reference[defined] / hypothesis[defined])
    parts[defined, 1:] = np.log(smoothed[defined] / ngrams[defined]) / 4
    return parts
