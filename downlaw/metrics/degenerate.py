"""Degenerate output: empty, copied, in another language, or caught in a loop.

At small scale these, and no law, explain a low score, so each has a share of its own among the segments. What
the reference does itself is no fault: a product name is rightly copied, "no, no, no" rightly repeated.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from importlib.metadata import version

import numpy as np
import regex
from numpy.typing import NDArray

from downlaw.language import Identifier

from .base import MeanMetric, Translations

LEAST_LETTERS = 20
"""Identification of a shorter text is little better than a guess."""
LEAST_MARGIN = 5.0
"""How much more likely another language than the right one must be, in nats."""
LONGEST_UNIT = 8
LEAST_REPEATS = 4
"""A loop is a unit of at most LONGEST_UNIT words, or characters, so many times in a row."""
LEAST_LOOP_CHARACTERS = 12
"""So many characters in a row a loop of characters takes at least: "zzz" is sleep, "...." an ellipsis."""

_NOT_WORDS = regex.compile(r"[^\p{L}\p{M}\p{N}]+")


class EmptyOutput(MeanMetric):
    """Share of hypotheses, 0 to 1, without a letter or a digit where the reference has one."""

    name = "empty_output"
    signature = "empty|letters-and-digits"

    def segment_scores(self, translations: Translations) -> list[bool]:
        return [
            not _words(hypothesis) and bool(_words(reference))
            for hypothesis, reference in zip(translations.hypotheses, translations.references, strict=True)
        ]


class CopiedOutput(MeanMetric):
    """Share of hypotheses, 0 to 1, that say what the source says, apart from case and punctuation, where the
    reference says something else."""

    name = "copied_output"
    signature = "copied|case:lc|punctuation:no"

    def segment_scores(self, translations: Translations) -> list[bool]:
        found = []
        for source, hypothesis, reference in zip(
            translations.sources, translations.hypotheses, translations.references, strict=True
        ):
            copied = _words(source)
            found.append(bool(copied) and _words(hypothesis) == copied != _words(reference))
        return found


class WrongLanguageOutput(MeanMetric):
    """Share of hypotheses, 0 to 1, identified as another language than the target's.

    Only hypotheses of at least LEAST_LETTERS letters whose other language is LEAST_MARGIN nats more likely
    count, and only where the reference itself is identified rightly; a target language that py3langid does
    not know gives 0.
    """

    name = "wrong_language_output"

    @property
    def signature(self) -> str:
        return (
            f"wrong-language|letters:{LEAST_LETTERS}|margin:{LEAST_MARGIN:g}"
            f"|version:py3langid-{version('py3langid')}"
        )

    def segment_scores(self, translations: Translations) -> NDArray[np.bool_]:
        wrong = np.zeros(len(translations), dtype=bool)
        known = {translations.source_language, translations.target_language, *translations.languages}
        identifier = Identifier(known)
        if translations.target_language not in identifier.languages:
            return wrong
        judged = np.flatnonzero(
            [sum(map(str.isalpha, hypothesis)) >= LEAST_LETTERS for hypothesis in translations.hypotheses]
        )
        if not judged.size:
            return wrong
        target = identifier.languages.index(translations.target_language)
        scores = identifier.scores([translations.hypotheses[index] for index in judged])
        wrong[judged] = scores.max(axis=1) - scores[:, target] >= LEAST_MARGIN
        references = identifier.scores([translations.references[index] for index in judged])
        wrong[judged] &= references.argmax(axis=1) == target
        return wrong


class LoopingOutput(MeanMetric):
    """Share of hypotheses, 0 to 1, with the same words or characters again and again where the reference has
    no such loop."""

    name = "looping_output"
    signature = (
        f"looping|unit:{LONGEST_UNIT}|repeats:{LEAST_REPEATS}|characters:{LEAST_LOOP_CHARACTERS}|case:lc"
    )

    def segment_scores(self, translations: Translations) -> list[bool]:
        return [
            _loops(hypothesis) and not _loops(reference)
            for hypothesis, reference in zip(translations.hypotheses, translations.references, strict=True)
        ]


def _words(text: str) -> str:
    return _NOT_WORDS.sub(" ", unicodedata.normalize("NFC", text).lower()).strip()


def _loops(text: str) -> bool:
    text = unicodedata.normalize("NFC", text).lower()
    return any(
        run + unit >= LEAST_REPEATS * unit and run + unit >= least
        for items, least in ((text.split(), 0), (text, LEAST_LOOP_CHARACTERS))
        for unit, run in _longest_repeats(items)
    )


def _longest_repeats(items: Sequence[str]) -> Iterator[tuple[int, int]]:
    """For each length of a unit, over how many items in a row each equals the one a unit earlier."""
    for unit in range(1, LONGEST_UNIT + 1):
        longest = run = 0
        for earlier, later in zip(items, items[unit:], strict=False):
            run = run + 1 if earlier == later else 0
            longest = max(longest, run)
        yield unit, longest
