"""Metrics of translations: cross-entropy, BLEU and chrF."""

from .crossentropy import CrossEntropy, cross_entropy
from .translation import TranslationScores, score_translations

__all__ = ["CrossEntropy", "TranslationScores", "cross_entropy", "score_translations"]
