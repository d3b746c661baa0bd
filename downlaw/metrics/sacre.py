"""Counting and signing by sacrebleu (Post 2018, arXiv:1804.08771)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric as SacrebleuMetric

from .base import Translations


def counts(metric: SacrebleuMetric, translations: Translations) -> NDArray[np.float64]:
    """What sacrebleu sums over segments, shape (segments, k)."""
    # sacrebleu shows the counts of a segment for BLEU alone; all its metrics make them here.
    found = metric._extract_corpus_statistics(list(translations.hypotheses), [list(translations.references)])
    return np.array(found, dtype=float)


def signature(name: str, metric: SacrebleuMetric) -> str:
    """sacrebleu's own signature of a score with one reference a segment, after the name of the score."""
    metric.num_refs = 1
    return f"{name}|{metric.get_signature().format()}"
