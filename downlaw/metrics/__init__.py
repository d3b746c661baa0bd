"""Metrics of translations: cross-entropy, BLEU and chrF, and their errors on a test set drawn anew."""

from .crossentropy import CrossEntropy, cross_entropy
from .segments import StatisticsError, join_statistics, read_statistics, resample_runs, segment_statistics
from .translation import TranslationScores, score_translations

__all__ = [
    "CrossEntropy",
    "StatisticsError",
    "TranslationScores",
    "cross_entropy",
    "join_statistics",
    "read_statistics",
    "resample_runs",
    "score_translations",
    "segment_statistics",
]
