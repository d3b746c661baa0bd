"""Tasks made from a study's own held-out text: continuation, cloze, gloss and translation.

Of each task, the same rows and seed give the same items.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import regex

from ..segments import Row
from ..split import normalised
from .drawing import Answer, Place, draw, require, unambiguous
from .item import ChoicesError, Item

ITEMS, CHOICES = 500, 4

_PART_WORDS = 3
"""Words that a context and its continuation have at least."""

_MOST_SEGMENTS = 50_000
"""A cloze is made from so many at most, drawn at random: every word of each is kept with its place."""

_WORD = regex.compile(r"[\w\p{M}'\u2019-]+")
_CLOZE = regex.compile(r"(?<=[^\s.!?:…]\s)\p{L}[\p{L}\p{M}]{4,}(?![\w\p{M}'\u2019-])")
"""A word of five letters or more, and of nothing else, that begins neither the text nor a sentence in it."""


def _cut(words: Sequence[str], generator: np.random.Generator) -> int:
    """Words before the cut: any place near the middle, so that a context's length does not say the rest's."""
    least, most = math.ceil(0.4 * len(words)), math.floor(0.6 * len(words))
    low, high = max(_PART_WORDS, least), min(len(words) - _PART_WORDS, most)
    return int(generator.integers(low, max(low, high), endpoint=True))


def continuation(
    rows: Sequence[Row], *, seed: int, key: str, items: int = ITEMS, choices: int = CHOICES, side: int = 0
) -> list[Item]:
    """How a segment goes on after about half of it, among the ends of other segments.

    Args:
        rows: held-out text; `side` is the place of the language in their texts.
        key: the config key of the task, for messages.
        items, choices: at most so many items, of so many choices each.

    Raises:
        ChoicesError: naming `key`, where fewer than 20 items can be made.
    """
    generator = np.random.default_rng(seed)
    pairs: list[tuple[str, str]] = []
    for row in rows:
        words = row.texts[side].split()
        if len(words) >= 2 * _PART_WORDS:
            cut = _cut(words, generator)
            pairs.append((" ".join(words[:cut]), " ".join(words[cut:])))
    made = draw(unambiguous(pairs), choices=choices, items=items, seed=seed)
    what = f"segments of {2 * _PART_WORDS} words or more with ends of similar length ({len(pairs):,} of "
    return require(made, key, f"{what}{len(rows):,} held-out segments are long enough)")


def _uncommon(counts: Counter[str]) -> set[str]:
    """All words but the most frequent ones that make half of the running text."""
    running, half = 0, sum(counts.values()) / 2
    uncommon: set[str] = set()
    for word, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        if running >= half:
            uncommon.add(word)
        running += count
    return uncommon


def _related(one: str, other: str) -> bool:
    """The same word, or one that differs in its last letters only, as inflections do."""
    one, other = one.casefold(), other.casefold()
    shared = min(len(one), len(other)) - 2
    return one[:shared] == other[:shared]


def _blanks(texts: Iterable[tuple[int, str]]) -> Iterator[tuple[str, Place]]:
    """Each word that may be left out of a numbered text, spelt small or with one capital, and its place."""
    for index, text in texts:
        for match in _CLOZE.finditer(text):
            word = match.group()
            if word[1:] == word[1:].lower():
                yield word, Place(text[: match.start()], text[match.end() :], index)


def cloze(
    rows: Sequence[Row],
    *,
    seed: int,
    key: str,
    items: int = ITEMS,
    choices: int = CHOICES,
    side: int = 0,
    training: Iterable[str] | None = None,
) -> list[Item]:
    """Which word stands in a segment: each choice is a word and the rest of the segment after it.

    A word has five letters or more and is not among the most frequent ones that make half of the running
    text. Wrong ones are as frequent to a factor of two, of similar length, and capitalised alike; none is an
    inflection of the right one (the same but for the last two letters).

    Args:
        training: text whose words are counted, and where every word occurs; by default the rows'.

    The other arguments and errors are those of `continuation`.
    """
    texts = [row.texts[side] for row in rows]
    counted = texts if training is None else training
    counts = Counter(word.casefold() for text in counted for word in _WORD.findall(text))
    uncommon = _uncommon(counts)
    places: dict[str, list[Place]] = {}
    order = np.random.default_rng(seed).permutation(len(texts))[:_MOST_SEGMENTS]
    for word, place in _blanks((index, texts[index]) for index in order):
        if word.casefold() in uncommon:
            places.setdefault(word, []).append(place)
    answers = [
        Answer(word, where, (word[0].isupper(), int(math.log2(counts[word.casefold()]))))
        for word, where in places.items()
    ]
    made = draw(
        answers,
        choices=choices,
        items=items,
        seed=seed,
        fits=lambda place, right, other: not _related(right.text, other.text),
    )
    what = "a less frequent word of 5 letters with others as long and as frequent"
    return require(made, key, f"{what} ({len(answers):,} such words in {len(rows):,} held-out segments)")


def _headword(document: str) -> str | None:
    """The word after `package/`; None where it is a number, a path or an identifier."""
    word = document.partition("/")[2].strip()
    is_word = any(c.isalpha() for c in word) and not any(c.isdigit() or c in "/\\_" for c in word)
    return word if is_word else None


def _gives_away(headword: str, text: str) -> bool:
    """Whether a gloss holds the headword, or all of it but an ending of three letters at most."""
    word = headword.casefold()
    return word[: max(4, len(word) - 3)] in text.casefold()


def gloss(
    rows: Sequence[Row], *, seed: int, key: str, items: int = ITEMS, choices: int = CHOICES, side: int = 0
) -> list[Item]:
    """What a headword means: its gloss among those of other headwords.

    Rows are those of a corpus whose documents are headwords (`extract: glosses`). Of each headword the first
    gloss is taken that does not hold the headword (or all of it but its ending) and that no other headword
    has. The arguments and errors are those of `continuation`.

    Raises:
        ChoicesError: also where most documents are not headwords.
    """
    headwords = {row.document: _headword(row.document) for row in rows}
    if 2 * sum(word is not None for word in headwords.values()) <= len(headwords):
        named = next((document for document, word in headwords.items() if word is None), None)
        example = f" (documents are called {named!r})" if named else ""
        raise ChoicesError(
            f"{key}: this corpus has no headwords{example}; take one whose packages are read with extract: "
            "glosses, or another kind of task"
        )
    wordings = [normalised(row.texts[side]) for row in rows]
    owners: dict[str, set[str]] = {}
    for row, wording in zip(rows, wordings, strict=True):
        owners.setdefault(wording, set()).add(headwords[row.document] or row.document)
    first: dict[str, str] = {}
    for row, wording in zip(rows, wordings, strict=True):
        word, text = headwords[row.document], row.texts[side]
        if word and len(owners[wording]) == 1 and not _gives_away(word, text):
            first.setdefault(word, text)
    made = draw(
        unambiguous(list(first.items())),
        choices=choices,
        items=items,
        seed=seed,
        fits=lambda place, right, other: not _gives_away(place.context, other.text),
    )
    what = "headwords with a gloss of their own that does not hold them, and others of similar length"
    return require(made, key, f"{what} ({len(first):,} of {len(headwords):,} held-out headwords have one)")


def translation(
    rows: Sequence[Row],
    source: int,
    target: int,
    *,
    seed: int,
    key: str,
    items: int = ITEMS,
    choices: int = CHOICES,
) -> list[Item]:
    """What a segment is in another language: its translation among those of other segments.

    Args:
        source, target: the places of the two languages in the rows' texts.

    The other arguments and errors are those of `continuation`.
    """
    pairs = [(row.texts[source], row.texts[target]) for row in rows]
    translated = [pair for pair in pairs if normalised(pair[0]) != normalised(pair[1])]
    made = draw(unambiguous(translated), choices=choices, items=items, seed=seed)
    what = "translated segments with translations of others of similar length"
    return require(made, key, f"{what} ({len(translated):,} of {len(rows):,} held-out pairs are translated)")
