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


def decontaminate(
    pools: Mapping[str, list[Row]],
    languages: Sequence[str],
    tests: Mapping[str, Sequence[TestSet]],
) -> tuple[dict[str, list[Row]], list[dict[str, object]]]:
    """Training and validation rows without overlap with any test set, and the report of it.

    A row goes when one of its sides overlaps with the same language of a test set (`tests`, by language).
    The report has a record for each language of the part and test set with that language:
    `test_segments`, `short_test_segments` (under 8 words, matched as wholes), `test_segments_seen` in
    training or validation text before the removal, `train_removed`, `valid_removed` (rows that overlap with
    this test set in this language), and `test_segments_seen_after`, measured on what is left.
    """
    pools = {part: list(pools[part]) for part in ("train", "valid")}
    report: list[dict[str, object]] = []
    removed: dict[str, set[int]] = {part: set() for part in pools}
    for side, language in enumerate(languages):
        sets = tests.get(language, ())
        if not sets:
            continue
        found = {part: _met(rows, side, sets) for part, rows in pools.items()}
        for number, test in enumerate(sets):
            met = set().union(*(found[part][0][number] for part in pools))
            record: dict[str, object] = {
                "test_set": test.name,
                "language": language,
                "test_segments": len(test.segments),
                "short_test_segments": test.short,
                "test_segments_seen": test.seen(met),
            }
            for part in pools:
                hits = found[part][1][number]
                record[f"{part}_removed"] = len(hits)
                removed[part] |= hits
            report.append(record)
    kept = {
        part: [row for index, row in enumerate(rows) if index not in removed[part]]
        for part, rows in pools.items()
    }
    _measure_again(kept, languages, tests, report)
    return kept, report


def _measure_again(
    pools: Mapping[str, list[Row]],
    languages: Sequence[str],
    tests: Mapping[str, Sequence[TestSet]],
    report: Sequence[dict[str, object]],
) -> None:
    records = iter(report)
    for side, language in enumerate(languages):
        sets = tests.get(language, ())
        if sets:
            after = [_met(rows, side, sets)[0] for rows in pools.values()]
            for number, test in enumerate(sets):
                met = set().union(*(met[number] for met in after))
                next(records)["test_segments_seen_after"] = test.seen(met)
