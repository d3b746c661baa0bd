"""Text of the test sets in training text: found in one pass, removed, and measured on what is left.

Only the test text is held in memory, as 64-bit hashes of its n-grams; training text passes batch by batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .ngrams import Hashes, hash_texts
from .split import normalised

N = 8
"""Words of the n-grams that count as overlap and are removed; shorter segments count as wholes."""

MEASURED = (N, 13)
"""Words of the n-grams that a run's contamination is measured by; 13 are those of GPT-3 (Brown et al. 2020,
arXiv:2005.14165, appendix C)."""

_FILTER_BITS = 20


@dataclass(frozen=True)
class TestSet:
    """One test set in one language: the fingerprints of its segments.

    short_segments: which segments are under `n` words and compared as wholes, shape (segments,).
    """

    name: str
    hashes: Hashes
    short_segments: NDArray[np.bool_]
    n: int = N

    @property
    def size(self) -> int:
        return len(self.short_segments)


def test_set(name: str, texts: Sequence[str], n: int = N) -> TestSet:
    """The fingerprints of `texts`, one language of a test set."""
    short = [len(normalised(text).split(" ")) < n for text in texts]
    return TestSet(name, hash_texts(texts, n), np.array(short, dtype=bool), n)


class Known:
    """The fingerprints of test sets in one language, for looking others up among them.

    All test sets have the same `n`.
    """

    def __init__(self, tests: Sequence[TestSet]) -> None:
        self.tests = list(tests)
        self.n = self.tests[0].n
        self.values = np.unique(np.concatenate([test.hashes.values for test in self.tests]))
        self._places = [np.searchsorted(self.values, test.hashes.values) for test in self.tests]
        self.of_test = np.zeros((len(self.tests), len(self.values)), dtype=bool)
        for row, places in zip(self.of_test, self._places, strict=True):
            row[places] = True
        self._filter = np.zeros(1 << _FILTER_BITS, dtype=bool)
        self._filter[self.values >> np.uint64(64 - _FILTER_BITS)] = True

    def find(self, hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which known fingerprints stand in texts: their places among `values`, and those of the texts."""
        likely = np.flatnonzero(self._filter[hashes.values >> np.uint64(64 - _FILTER_BITS)])
        values = hashes.values[likely]
        places = np.minimum(np.searchsorted(self.values, values), len(self.values) - 1)
        same = self.values[places] == values if len(self.values) else np.zeros(0, dtype=bool)
        return places[same], hashes.texts[likely[same]]

    def segments_seen(self, met: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
        """Of each test set, which segments share a fingerprint with text in which `met` of `values` stand."""
        found = []
        for test, places in zip(self.tests, self._places, strict=True):
            seen = np.zeros(test.size, dtype=bool)
            seen[test.hashes.texts[met[places]]] = True
            found.append(seen)
        return found


@dataclass
class _Side:
    """What was found so far in one language: fingerprints met before and after the removal; rows by part."""

    known: Known
    before: NDArray[np.bool_] = field(init=False)
    after: NDArray[np.bool_] = field(init=False)
    rows: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.before, self.after = (np.zeros(len(self.known.values), dtype=bool) for _ in range(2))


class Decontamination:
    """One pass over the training and validation text of a part of a corpus, which may be larger than memory.

    A row goes when one of its sides overlaps with the same language of a test set; rows of the parts in
    `left` are counted and stay.

    Args:
        languages: of the sides of a row, in their order.
        tests: the test sets by language.
        parts: what text is divided into.
        left: the parts of which nothing is removed.
    """

    def __init__(
        self,
        languages: Sequence[str],
        tests: Mapping[str, Sequence[TestSet]],
        parts: Sequence[str] = ("train", "valid"),
        left: Sequence[str] = (),
    ) -> None:
        self._languages, self._parts, self._left = list(languages), list(parts), set(left)
        self._sides = {
            side: _Side(known, rows={part: np.zeros(len(known.tests), np.int64) for part in parts})
            for side, language in enumerate(languages)
            if tests.get(language)
            for known in [Known(tests[language])]
        }

    def scan(self, part: str, rows: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
        """Which of a batch of rows of a part have to go, shape (rows,); each row is its texts."""
        overlapping = np.zeros(len(rows), dtype=bool)
        found = {}
        for number, side in self._sides.items():
            known = side.known
            places, texts = known.find(hash_texts([row[number] for row in rows], known.n))
            found[number] = places, texts
            side.before[places] = True
            overlapping[texts] = True
            for test, members in enumerate(known.of_test):
                side.rows[part][test] += len(np.unique(texts[members[places]]))
        goes = np.zeros_like(overlapping) if part in self._left else overlapping
        for number, (places, texts) in found.items():
            self._sides[number].after[places[~goes[texts]]] = True
        return goes

    def report(self) -> list[dict[str, object]]:
        """A record for each language and test set, of all that was scanned.

        `test_segments`, `short_test_segments` (under 8 words, compared as wholes), `test_segments_seen` in
        the text before the removal, `train_removed` and `valid_removed` (rows that overlap with this test set
        in this language), `train_left` for a part of which nothing is removed, and
        `test_segments_seen_after`, in the rows that stay.
        """
        records: list[dict[str, object]] = []
        for number, side in self._sides.items():
            seen = zip(*(side.known.segments_seen(met) for met in (side.before, side.after)), strict=True)
            for test, (before, after) in enumerate(seen):
                about = side.known.tests[test]
                record: dict[str, object] = {"test_set": about.name, "language": self._languages[number]}
                record |= {
                    "test_segments": about.size,
                    "short_test_segments": int(about.short_segments.sum()),
                }
                record["test_segments_seen"] = int(before.sum())
                for part in self._parts:
                    rows = int(side.rows[part][test])
                    record[f"{part}_removed"] = 0 if part in self._left else rows
                    if part in self._left:
                        record[f"{part}_left"] = rows
                records.append(record | {"test_segments_seen_after": int(after.sum())})
        return records
