"""Cleaning: plain text, aligned sentences, and filters that count what they drop."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from math import ceil

import regex

from downlaw.language import identifier
from downlaw.study.text import Cleaning

from .boilerplate import addresses, boilerplate
from .examples import KEPT, Examples
from .markup import PLACEHOLDER, plain, strip_mnemonics
from .segments import Segment

FILTERS = (
    "empty",
    "too_short",
    "too_long",
    "length_ratio",
    "few_letters",
    "addresses",
    "boilerplate",
    "untranslated",
    "other_language",
)
"""The filters in the order in which they are applied."""

IDENTIFIED_FROM_WORDS = 5
"""Shorter strings are not judged by language: the classifier is unsure of them."""

CHARACTERS_A_WORD = {"zh": 1.5, "yue": 1.5, "wuu": 1.5, "ja": 2.0, "th": 4.0, "lo": 4.0, "km": 4.0, "my": 4.0}
"""In languages written without spaces the number of words is estimated, roughly, from that of characters."""

UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
"""A character of a script that is written without spaces."""

_PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*[-*•]\s)")
_SENTENCE = re.compile(r"""(?<=[.!?…])(?:["'”“»)\]]+)?\s+(?=["'“„«(\[¿¡]*[^\W\d_a-zà-öø-ÿăâîșț])""")
_BULLET = re.compile(r"^\s*[-*•]\s+")
_WORD = re.compile(r"\S*[^\W_]\S*")
_NO_LETTER = re.compile(r"[\W\d_]+")
_DIGITS = re.compile(r"\d+")
_MARK = regex.compile(r"\p{M}+")


def words(text: str, language: str = "") -> int:
    """Number of white-space separated tokens that hold a letter or a digit.

    In a language of `CHARACTERS_A_WORD` the characters of its script count by their number.
    """
    if (each := CHARACTERS_A_WORD.get(language)) is None:
        return len(_WORD.findall(text))
    rest, characters = UNSPACED.subn(" ", text)
    return len(_WORD.findall(rest)) + ceil(characters / each)


def letters(text: str) -> float:
    """Share of letters, of any script, among the characters that are not white space.

    A letter and the accents or vowel signs on it are one character.
    """
    text = "".join(text.split())
    if not text.isascii():
        text = _MARK.sub("", text)
    return len(_NO_LETTER.sub("", text)) / len(text) if text else 0.0


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


def filters(cleaning: Cleaning) -> tuple[str, ...]:
    """Those of `FILTERS` that are counted: all but the ones that a study asks for and this one does not."""
    off = {"addresses": cleaning.max_address_share is None, "boilerplate": not cleaning.boilerplate}
    return tuple(name for name in FILTERS if not off.get(name))


def _verdict(
    texts: tuple[str, ...], lines: tuple[str, ...], languages: Sequence[str], cleaning: Cleaning
) -> str | None:
    """The first filter that drops `texts`, language aside; None where they stay. `lines` are the same texts
    before their lines were joined."""
    if not all(texts):
        return "empty"
    counts = [words(text, language) for text, language in zip(texts, languages, strict=True)]
    if min(counts) < cleaning.min_words:
        return "too_short"
    if max(counts) > cleaning.max_words:
        return "too_long"
    if max(counts) > cleaning.max_length_ratio * min(counts):
        return "length_ratio"
    if min(letters(text) for text in texts) < cleaning.min_letters:
        return "few_letters"
    if (most := cleaning.max_address_share) is not None and any(
        addresses(text) > most * count for text, count in zip(texts, counts, strict=True)
    ):
        return "addresses"
    if cleaning.boilerplate and any(map(boilerplate, lines)):
        return "boilerplate"
    if len(texts) > 1 and masked(texts[0]) == masked(texts[1]):
        return "untranslated"
    return None


def _judged(text: str, language: str) -> bool:
    count = words(text, language) if language in CHARACTERS_A_WORD else len(text.split())
    return count >= IDENTIFIED_FROM_WORDS


def _in_other_language(
    segments: list[Segment], languages: Sequence[str], name: str, study_languages: Iterable[str]
) -> set[int]:
    """Indices of the segments with a side that is, beyond doubt, in another language than it should be."""
    model = identifier(name, frozenset(study_languages))
    columns = [model.languages.index(code) if code in model.languages else -1 for code in languages]
    wrong: set[int] = set()
    for side, column in enumerate(columns):
        if column < 0:
            continue
        texts = [segment.texts[side] for segment in segments]
        judged = [index for index, text in enumerate(texts) if _judged(text, languages[side])]
        scores = model.scores([texts[index].replace(PLACEHOLDER, " ") for index in judged])
        scores -= scores[:, [column]]
        bad = scores.max(axis=1) > model.doubt
        for other in columns:
            if other not in (column, -1):
                bad |= scores[:, other] > model.doubt_of_untranslated
        wrong.update(index for index, is_bad in zip(judged, bad, strict=True) if is_bad)
    return wrong


def clean(
    segments: Iterable[Segment],
    languages: tuple[str, ...],
    cleaning: Cleaning,
    study_languages: Iterable[str] = (),
    examples: Examples | None = None,
) -> tuple[list[Segment], dict[str, int]]:
    """Cleaned segments, and how many each filter dropped, in the order of `FILTERS`.

    Pairs are cut into sentences where both sides have equally many. Text of one language is left as it is.
    A side in a language that the classifier does not know is not judged by language. Each segment is judged
    on its own: text cleaned in batches is the same text.

    Args:
        examples: is shown every segment, dropped or kept, and keeps a sample of them.
    """
    dropped = dict.fromkeys(filters(cleaning), 0)
    kept: list[Segment] = []
    for segment in segments:
        texts = tuple(plain(text, code) for text, code in zip(segment.texts, languages, strict=True))
        texts = strip_mnemonics(texts)
        for piece in sentences(texts) if len(texts) > 1 else ((_line(texts[0]),),):
            lines = piece if len(texts) > 1 else texts
            if reason := _verdict(piece, lines, languages, cleaning):
                dropped[reason] += 1
                if examples is not None:
                    examples.show(reason, piece if any(piece) else segment.texts)
            else:
                kept.append(Segment(segment.documents, piece))
    if cleaning.identify_language:
        name = cleaning.language_identifier
        wrong = _in_other_language(kept, languages, name, study_languages)
        dropped["other_language"] = len(wrong)
        if examples is not None:
            for index in sorted(wrong):
                examples.show("other_language", kept[index].texts)
        kept = [segment for index, segment in enumerate(kept) if index not in wrong]
    if examples is not None:
        for segment in kept:
            examples.show(KEPT, segment.texts)
    return kept, dropped
