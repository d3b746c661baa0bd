"""Fingerprints of text: each n words in a row, or the whole of a shorter text, as 64-bit hashes.

Texts are hashed thousands at a time, without a string for each fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .hashing import GAMMA, MIX_1, scrambled
from .split import normalised

_CHUNK, _CHUNK_CHARACTERS = 4096, 1 << 19
"""Texts are hashed so many at a time, or fewer where they are longer than this together, so that arrays of
their characters stay small."""
_CODES = 0x110000
_MULTIPLIER = 0xD1342543DE82EF95


class Hashes(NamedTuple):
    """Fingerprints of a list of texts: of each its hash, and the place of the text that it belongs to."""

    values: NDArray[np.uint64]
    texts: NDArray[np.int64]


def fingerprints(text: str, n: int) -> Iterator[str]:
    """What two texts share when they overlap: each n words in a row, or the whole of a shorter text.

    The meaning of `hash_texts`, one string at a time.
    """
    wording = normalised(text)
    words = wording.split(" ")
    if len(words) < n:
        yield wording
    else:
        for start in range(len(words) - n + 1):
            yield " ".join(words[start : start + n])


@lru_cache(maxsize=1)
def _characters() -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """Of each code point: 0 for no part of a word, 1 for one, 2 for a digit; and a random number, that of
    "0" for all digits."""
    every = [chr(code) for code in range(_CODES)]
    kinds = np.fromiter(map(str.isalnum, every), np.uint8, _CODES)
    digits = np.fromiter(map(str.isdecimal, every), bool, _CODES)
    kinds[digits] = 2
    values = scrambled(np.arange(1, _CODES + 1, dtype=np.uint64) * np.uint64(GAMMA))
    values[digits] = values[ord("0")]
    return kinds, values


@lru_cache(maxsize=4)
def _powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Powers 0 to `size` of the multiplier, which is odd, and of its inverse modulo 2^64."""
    multipliers = (_MULTIPLIER, pow(_MULTIPLIER, -1, 1 << 64))
    up, down = (np.full(size + 1, each, np.uint64) for each in multipliers)
    up[0] = down[0] = 1
    return np.cumprod(up), np.cumprod(down)


def hash_texts(texts: Sequence[str], n: int) -> Hashes:
    """The hashes of the fingerprints of texts, in their order; equal fingerprints have equal hashes.

    A hash is a polynomial modulo 2^64 in random numbers, one a character, so that every window's follows from
    sums up to its ends. Two fingerprints that differ meet by chance about once in 2^64 comparisons.
    """
    return hash_texts_by(texts, (n,))[n]


def hash_texts_by(texts: Sequence[str], sizes: Sequence[int]) -> dict[int, Hashes]:
    """`hash_texts` for several numbers of words at once."""
    parts: dict[int, list[Hashes]] = {n: [] for n in sizes}
    for start, chunk in _chunks(texts):
        for n, (values, places) in _hash_chunk(chunk, sizes).items():
            parts[n].append(Hashes(values, places + start))
    empty = Hashes(np.empty(0, np.uint64), np.empty(0, np.int64))
    return {
        n: Hashes(*(np.concatenate(column) for column in zip(*found, strict=True))) if found else empty
        for n, found in parts.items()
    }


def _chunks(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    start = characters = 0
    for end, text in enumerate(texts, start=1):
        characters += len(text)
        if end - start == _CHUNK or characters >= _CHUNK_CHARACTERS or end == len(texts):
            yield start, texts[start:end]
            start, characters = end, 0


def _hash_chunk(texts: Sequence[str], sizes: Sequence[int]) -> dict[int, Hashes]:
    joined = "\n".join(texts)
    if joined.count("\n") >= len(texts):
        joined = "\n".join(text.replace("\n", " ") for text in texts)
    # Lower case can be longer, never across a line's end.
    codes = np.frombuffer(joined.lower().encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds, values = _characters()
    kind = kinds[codes]
    kept = kind > 0
    begins = kept.copy()
    begins[1:] &= kind[:-1] == 0
    kept[1:] &= (kind[1:] != 2) | (kind[:-1] != 2)  # a number is one digit
    kept_at = np.flatnonzero(kept)
    numbers = values[codes[kept_at]]
    starts = np.flatnonzero(begins[kept_at])  # of each word, among the characters kept
    numbers[starts] = numbers[starts] * np.uint64(MIX_1) + np.uint64(GAMMA)  # where words part counts
    up, down = _powers(1 << max(16, len(numbers).bit_length()))
    sums = np.zeros(len(numbers) + 1, np.uint64)
    np.cumsum(numbers * up[: len(numbers)], out=sums[1:])
    before = sums[starts]
    after = np.append(sums[starts[1:]], sums[-1]) if len(starts) else before
    shift = down[starts]
    text_of = np.searchsorted(np.flatnonzero(codes == 10), kept_at[starts])
    first = np.searchsorted(text_of, np.arange(len(texts) + 1))  # each text's first word
    words = np.diff(first)
    found = {}
    for n in sizes:
        whole = np.zeros(len(texts), np.uint64)  # a text without words has the hash 0
        some = np.flatnonzero((words > 0) & (words < n))
        head, tail = first[some], first[some + 1] - 1
        whole[some] = (after[tail] - before[head]) * shift[head]
        short = np.flatnonzero(words < n)
        windows = np.arange(max(0, len(starts) - n + 1))
        windows = windows[text_of[windows] == text_of[windows + n - 1]]
        grams = (after[windows + n - 1] - before[windows]) * shift[windows]
        places = np.concatenate([short, text_of[windows]])
        order = np.argsort(places, kind="stable")
        found[n] = Hashes(np.concatenate([whole[short], grams])[order], places[order])
    return found
