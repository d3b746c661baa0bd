"""Text of the test sets in training text: measured, removed, and measured again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .segments import Row
from .split import normalised

N = 8
"""Words of the n-grams that count as overlap; shorter segments count as wholes."""


def fingerprints(text: str) -> Iterator[str]:
    """What two texts share when they overlap: each word 8-gram, or the whole of a shorter text."""
    wording = normalised(text)
    words = wording.split(" ")
    if len(words) < N:
        yield wording
    else:
        for start in range(len(words) - N + 1):
            yield " ".join(words[start : start + N])


@dataclass
class TestSet:
    """Fingerprints of one test set in one language: of each segment, and all of them."""

    name: str
    segments: list[frozenset[str]]
    short: int
    all: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.all = frozenset().union(*self.segments)

    def seen(self, met: set[str]) -> int:
        """Segments that share a fingerprint with `met`."""
        return sum(1 for segment in self.segments if not met.isdisjoint(segment))


def test_set(name: str, texts: Sequence[str]) -> TestSet:
    """The fingerprints of `texts`, one language of a test set."""
    segments = [frozenset(fingerprints(text)) for text in texts]
    return TestSet(name, segments, sum(1 for text in texts if len(normalised(text).split(" ")) < N))


def _met(rows: Sequence[Row], side: int, tests: Sequence[TestSet]) -> tuple[list[set[str]], list[set[int]]]:
    """For each test set: its fingerprints that stand in `rows`, and the rows that hold one."""
    met: list[set[str]] = [set() for _ in tests]
    where: list[set[int]] = [set() for _ in tests]
    anything = frozenset().union(*(test.all for test in tests))
    for index, row in enumerate(rows):
        shared = anything.intersection(fingerprints(row.texts[side]))
        if not shared:
            continue
        for number, test in enumerate(tests):
            if found := shared & test.all:
                met[number] |= found
                where[number].add(index)
    return met, where


def _measure(
    pools: Mapping[str, Sequence[Row]], languages: Sequence[str], tests: Mapping[str, Sequence[TestSet]]
) -> Iterator[tuple[str, TestSet, int, dict[str, set[int]]]]:
    """For each language and test set: its segments that `pools` hold, and the rows at fault in each pool."""
    for side, language in enumerate(languages):
        sets = tests.get(language, ())
        found = {part: _met(rows, side, sets) for part, rows in pools.items()} if sets else {}
        for number, test in enumerate(sets):
            met = set().union(*(met[number] for met, _ in found.values()))
            yield language, test, test.seen(met), {part: where[number] for part, (_, where) in found.items()}


def decontaminate(
    pools: Mapping[str, Sequence[Row]],
    languages: Sequence[str],
    tests: Mapping[str, Sequence[TestSet]],
) -> tuple[dict[str, list[Row]], list[dict[str, object]]]:
    """Training and validation rows without overlap with any test set, and the report of it.

    A row goes when one of its sides overlaps with the same language of a test set.

    Args:
        pools: the rows of `train` and `valid`.
        tests: the test sets by language.

    Returns:
        the rows that stay, and a record for each language and test set: `test_segments`,
        `short_test_segments` (under 8 words, compared as wholes), `test_segments_seen` in the text before
        the removal, `train_removed` and `valid_removed` (rows that overlap with this test set in this
        language), and `test_segments_seen_after`, measured on what is left.
    """
    report: list[dict[str, object]] = []
    removed: dict[str, set[int]] = {part: set() for part in pools}
    for language, test, seen, where in _measure(pools, languages, tests):
        record = {"test_set": test.name, "language": language, "test_segments": len(test.segments)}
        record |= {"short_test_segments": test.short, "test_segments_seen": seen}
        report.append(record | {f"{part}_removed": len(hits) for part, hits in where.items()})
        for part, hits in where.items():
            removed[part] |= hits
    kept = {
        part: [row for index, row in enumerate(rows) if index not in removed[part]]
        for part, rows in pools.items()
    }
    if any(removed.values()):
        after = [seen for _, _, seen, _ in _measure(kept, languages, tests)]
    else:
        after = [record["test_segments_seen"] for record in report]
    for record, seen in zip(report, after, strict=True):
        record["test_segments_seen_after"] = seen
    return kept, report
