"""MinHash signatures of texts, and the bands in which similar ones are likely to agree."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

import numpy as np
from rensa import RMinHash

from downlaw.study.text import NearDuplicates as Config

from ..clean import UNSPACED, masked
from ..hashing import scrambled

ALGORITHM = f"rensa R-MinHash {RMinHash.ALGORITHM_VERSION}"
"""Signatures of another algorithm cannot be compared."""

SEED = 1
"""Of the hash functions; one for all studies, so that signatures of several corpora agree."""

SHORT = np.uint32(0xFFFFFFFF)
"""Fills the signature of a text that is too short to have a near-duplicate."""

RECALL = 0.95
"""Chance that a pair at the threshold agrees in a band, at least."""

_SHINGLES = 1 << 20
"""Word runs that are held at once: about 100 MB."""

_WORD = re.compile(r"[^\W_]+")


def tokens(text: str) -> list[str]:
    """Lower-case words with numbers masked; each character of a script without spaces is one."""
    text = masked(text)
    if not text.isascii():
        text = UNSPACED.sub(r" \g<0> ", text)
    return _WORD.findall(text)


def bands(config: Config) -> tuple[int, int]:
    """(bands, rows of a band): the longest bands in which a pair at the threshold agrees with `RECALL`.

    A pair of similarity s agrees in one of b bands of r rows with a chance of 1 - (1 - s^r)^b (Leskovec,
    Rajaraman and Ullman, Mining of Massive Datasets, section 3.4). Longer bands give fewer pairs to compare.
    """
    for rows in range(config.permutations, 1, -1):
        count = config.permutations // rows
        if 1 - (1 - config.threshold**rows) ** count >= RECALL:
            return count, rows
    return config.permutations, 1


class Signatures:
    """What gives each text its signature, the same on every machine."""

    def __init__(self, config: Config) -> None:
        self.config = config
        os.environ.setdefault("RAYON_NUM_THREADS", "1")  # rensa takes every core otherwise

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """Signatures, uint32 of shape (len(texts), permutations); all `SHORT` for a text with fewer
        words than a run.

        The text of a pair is its two sides, each on a line.
        """
        result = np.full((len(texts), self.config.permutations), SHORT)
        for where, shingles in self._batches(texts):
            matrix = RMinHash.digest_matrix_from_token_sets(shingles, self.config.permutations, SEED)
            result[where] = matrix.to_rows()
        return result

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], list[list[str]]]]:
        where: list[int] = []
        shingles: list[list[str]] = []
        held = 0
        width = self.config.shingle_words
        for index, text in enumerate(texts):
            words = tokens(text)
            if len(words) < width:
                continue
            where.append(index)
            shingles.append(
                [" ".join(words[start : start + width]) for start in range(len(words) - width + 1)]
            )
            held += len(shingles[-1])
            if held >= _SHINGLES:
                yield where, shingles
                where, shingles, held = [], [], 0
        if where:
            yield where, shingles


def are_short(signatures: np.ndarray) -> np.ndarray:
    """Which signatures are those of texts too short to have one; bool of shape (n,)."""
    return (signatures == SHORT).all(axis=1)


def hashes(signatures: np.ndarray, first: int, rows: int) -> np.ndarray:
    """64-bit hashes of `rows` columns of the signatures from `first` on; uint64 of shape (n,)."""
    mixed = np.full(len(signatures), first, np.uint64)
    for column in range(first, first + rows):
        mixed = scrambled(mixed ^ signatures[:, column].astype(np.uint64))
    return mixed
