"""TER (Snover et al. 2006) by sacrebleu: edits and shifts of words for each word of the reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import TER

from . import sacre
from .base import Metric, Translations


class Ter(Metric):
    """Translation edit rate in percent, as sacrebleu's command line gives it: lower is better, and output
    that is much too long goes above 100."""

    name = "ter"
    columns = ("ter_edits", "ter_reference_length")

    def count(self, translations: Translations) -> NDArray[np.float64]:
        return sacre.counts(TER(), translations)

    def score(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        edits, length = totals[:, 0], totals[:, 1]
        no_words = np.where(edits > 0, 1.0, 0.0)  # sacrebleu's, for references that hold no word
        return 100 * np.divide(edits, length, out=no_words, where=length > 0)

    @property
    def signature(self) -> str:
        return sacre.signature("TER", TER())
