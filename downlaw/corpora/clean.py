"""Cleaning: plain text, aligned sentences, and filters that count what they drop."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from downlaw.language import Identifier
from downlaw.study.text import Cleaning

from .markup import PLACEHOLDER, plain, strip_mnemonics
from .segments import Segment

FILTERS = ("empty", "too_short", "too_long", "length_ratio", "few_letters", "untranslated", "other_language")
"""The filters in the order in which they are applied."""

IDENTIFIED_FROM_WORDS = 5
"""Shorter strings are not judged by language: the classifier is unsure of them."""

DOUBT = 10.0
"""Nats by which another language must be likelier; below, it finds short text with names and loan words."""

DOUBT_OF_UNTRANSLATED = 2.0
"""The same where the other language is that of the other side: most likely it was never translated."""

_PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*[-*•]\s)")
_SENTENCE = re.compile(r"""(?<=[.!?…])(?:["'”“»)\]]+)?\s+(?=["'“„«(\[¿¡]*[^\W\d_a-zà-öø-ÿăâîșț])""")
_BULLET = re.compile(r"^\s*[-*•]\s+")
_WORD = re.compile(r"\S*[^\W_]\S*")
_NO_LETTER = re.compile(r"[\W\d_]+")
_DIGITS = re.compile(r"\d+")


def words(text: str) -> int:
    """Number of white-space separated tokens that hold a letter or a digit."""
    return len(_WORD.findall(text))


def letters(text: str) -> float:
    """Share of letters among the characters that are not white space."""
    visible = len("".join(text.split()))
    return len(_NO_LETTER.sub("", text)) / visible if visible else 0.0


def masked(text: str) -> str:
    """What counts as the same string: lower case, each number replaced by one zero."""
    return _DIGITS.sub("0", text.lower())


def _line(text: str) -> str:
    return " ".join(_BULLET.sub("", text).split())


def _pieces(texts: Sequence[str], boundary: re.Pattern[str]) -> list[tuple[str, ...]]:
    """The texts cut at `boundary` where all of them give equally many pieces, or else whole."""
    cut = [[piece for piece in boundary.split(text) if piece.strip()] for text in texts]
    return list(zip(*cut, strict=True)) if len({len(side) for side in cut}) == 1 else [tuple(texts)]


def sentences(texts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Aligned paragraphs, then aligned sentences; each on one line."""
    for paragraph in _pieces(texts, _PARAGRAPH):
        joined = [_line(text) for text in paragraph]
        for sentence in _pieces(joined, _SENTENCE):
            yield tuple(text.strip() for text in sentence)


def _verdict(texts: tuple[str, ...], cleaning: Cleaning) -> str | None:
    """The first filter that drops `texts`, language aside; None where they stay."""
    if not all(texts):
        return "empty"
    counts = [words(text) for text in texts]
    if min(counts) < cleaning.min_words:
        return "too_short"
    if max(counts) > cleaning.max_words:
        return "too_long"
    if max(counts) > cleaning.max_length_ratio * min(counts):
        return "length_ratio"
    if min(letters(text) for text in texts) < cleaning.min_letters:
        return "few_letters"
    if len(texts) > 1 and masked(texts[0]) == masked(texts[1]):
        return "untranslated"
    return None


def _in_other_language(
    segments: list[Segment], languages: Sequence[str], study_languages: Iterable[str]
) -> set[int]:
    """Indices of the segments with a side that is, beyond doubt, in another language than it should be."""
    identifier = Identifier(study_languages)
    known = [language in identifier.languages for language in languages]
    columns = [
        identifier.languages.index(code) if ok else -1 for code, ok in zip(languages, known, strict=True)
    ]
    wrong: set[int] = set()
    for side, column in enumerate(columns):
        if column < 0:
            continue
        texts = [segment.texts[side] for segment in segments]
        judged = [index for index, text in enumerate(texts) if len(text.split()) >= IDENTIFIED_FROM_WORDS]
        scores = identifier.scores([texts[index].replace(PLACEHOLDER, " ") for index in judged])
        scores -= scores[:, [column]]
        bad = scores.max(axis=1) > DOUBT
        for other in columns:
            if other not in (column, -1):
                bad |= scores[:, other] > DOUBT_OF_UNTRANSLATED
        wrong.update(index for index, is_bad in zip(judged, bad, strict=True) if is_bad)
    return wrong


def clean(
    segments: Iterable[Segment],
    languages: tuple[str, ...],
    cleaning: Cleaning,
    study_languages: Iterable[str] = (),
) -> tuple[list[Segment], dict[str, int]]:
    """Cleaned segments, and how many each filter dropped, in the order of `FILTERS`.

    Pairs are cut into sentences where both sides have equally many. Text of one language is left as it is.
    A side in a language that the classifier does not know is not judged by language.
    """
    dropped = dict.fromkeys(FILTERS, 0)
    kept: list[Segment] = []
    for segment in segments:
        texts = tuple(plain(text, code) for text, code in zip(segment.texts, languages, strict=True))
        texts = strip_mnemonics(texts)
        for piece in sentences(texts) if len(texts) > 1 else ((_line(texts[0]),),):
            if reason := _verdict(piece, cleaning):
                dropped[reason] += 1
            else:
                kept.append(Segment(segment.documents, piece))
    if cleaning.identify_language:
        wrong = _in_other_language(kept, languages, study_languages)
        dropped["other_language"] = len(wrong)
        kept = [segment for index, segment in enumerate(kept) if index not in wrong]
    return kept, dropped
