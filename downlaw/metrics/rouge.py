"""ROUGE (Lin 2004, W04-1013) by Google's rouge-score, with words of any alphabet.

rouge-score's own tokenizer drops every letter beyond a to z, and with them most of a German or Romanian word.
Here a word is a run of letters, marks and digits of any script, in lower case and not stemmed; a script that
writes no spaces gives one word a clause, so ROUGE says little there.
"""

from __future__ import annotations

import unicodedata
from importlib.metadata import version

import regex

from .base import MeanMetric, Translations

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")


class Words:
    """A tokenizer as rouge-score asks for: runs of letters, marks and digits, normalized to NFC and lower
    case."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(unicodedata.normalize("NFC", text).lower())


class _Rouge(MeanMetric):
    """The mean F1 over segments, between 0 and 100."""

    scale = 100.0
    kind: str

    def segment_scores(self, translations: Translations) -> list[float]:
        from rouge_score.rouge_scorer import RougeScorer  # with it comes nltk, which takes a second

        scorer = RougeScorer([self.kind], tokenizer=Words())
        pairs = zip(translations.references, translations.hypotheses, strict=True)
        return [scorer.score(reference, hypothesis)[self.kind].fmeasure for reference, hypothesis in pairs]

    @property
    def signature(self) -> str:
        return (
            f"{self.kind}|nrefs:1|case:lc|tok:unicode-words|stem:no|score:f1|mean:segments"
            f"|version:rouge-score-{version('rouge-score')}"
        )


class Rouge1(_Rouge):
    """Words in common."""

    name = "rouge_1"
    kind = "rouge1"


class Rouge2(_Rouge):
    """Pairs of neighbouring words in common."""

    name = "rouge_2"
    kind = "rouge2"


class RougeL(_Rouge):
    """The longest common subsequence of words."""

    name = "rouge_l"
    kind = "rougeL"
