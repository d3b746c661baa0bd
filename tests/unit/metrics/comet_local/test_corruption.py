from __future__ import annotations

import numpy as np
import pytest

from downlaw.metrics.comet_local.corruption import (
    _DAMAGES,
    KINDS,
    Pair,
    damage,
    split_pairs,
    system,
)
from downlaw.metrics.comet_local.folder import ModelError

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
POOL, SOURCE = ["x"], ["s1", "s2", "s3", "s4", "s5"]


def damaged(kind, severity, seed=1, words=WORDS):
    return _DAMAGES[kind](list(words), severity, POOL, SOURCE, np.random.default_rng(seed))


@pytest.mark.parametrize(
    "kind, expected",
    [("drop", 0.3), ("replace", 0.3), ("copy", 0.3), ("truncate", 0.3), ("insert", 4 / 14)],
)
def test_the_severity_is_the_share_of_words_that_was_damaged(kind, expected):
    words, severity = damaged(kind, 0.3)
    assert severity == pytest.approx(expected)
    untouched = [word for word in words if word in WORDS]
    assert untouched == [word for word in WORDS if word in untouched]
    assert len(untouched) == (10 if kind == "insert" else 7)


def test_what_stands_where_words_were():
    assert damaged("replace", 1.0)[0] == ["x"] * 10
    assert damaged("copy", 1.0)[0] == [word for word in SOURCE for _ in range(2)]
    assert damaged("truncate", 0.4)[0] == WORDS[:6]
    repeated, severity = damaged("repeat", 0.5)
    assert severity == pytest.approx(0.5) and len(repeated) == 20 and set(repeated) == set(WORDS)


def test_a_swap_keeps_the_words_and_is_half_as_severe():
    words, severity = damaged("swap", 0.4)
    assert sorted(words) == sorted(WORDS)
    assert sum(a != b for a, b in zip(words, WORDS, strict=True)) == 4
    assert severity == pytest.approx(0.2)


@pytest.mark.parametrize("kind", _DAMAGES)
@pytest.mark.parametrize("words", [[], ["one"]], ids=["empty", "one"])
def test_the_shortest_texts_are_damaged_too(kind, words):
    for severity in (0.0, 0.5, 1.0):
        found, reached = damaged(kind, severity, words=words)
        assert 0 <= reached <= 1
        assert reached > 0 or found == words


def test_replacing_a_word_by_itself_is_no_damage():
    words, severity = _DAMAGES["replace"](["x", "x"], 1.0, POOL, SOURCE, np.random.default_rng(1))
    assert (words, severity) == (["x", "x"], 0.0)


def test_rows_are_spread_over_pairs_with_every_kind_and_severity(pairs):
    rows = damage(pairs, 1000, [1, 1])
    assert len(rows) == 1000
    assert {row.kind for row in rows} == set(KINDS)
    counts = [sum(row.pair == pair for row in rows) for pair in pairs]
    assert set(counts) == {25}
    severities = np.array([row.severity for row in rows])
    assert severities.min() == 0 and severities.max() == 1
    assert 0.3 < severities.mean() < 0.6
    assert all(row.severity == 0 for row in rows if row.hypothesis == row.pair.reference)


def test_the_same_seed_gives_the_same_rows(pairs):
    assert damage(pairs, 100, [1, 1]) == damage(pairs, 100, [1, 1]) != damage(pairs, 100, [2, 1])


def test_a_text_without_spaces_is_damaged_by_characters():
    pairs = [Pair("source text", "今日は天気がいいですね", "ja"), Pair("other text", "明日は雨です", "ja")]
    rows = [row for row in damage(pairs, 60, [1]) if row.kind in ("drop", "truncate")]
    assert rows and all(" " not in row.hypothesis for row in rows)
    assert {round(row.severity, 2) for row in rows} - {0.0, 1.0}


def test_systems_are_ordered_by_their_severity(pairs):
    means = [np.mean([row.severity for row in system(pairs, level, [1])]) for level in (0.0, 0.3, 0.6)]
    assert means[0] == 0 < means[1] < means[2]


def test_no_reference_stands_on_both_sides(pairs):
    doubled = [*pairs, *(Pair("another source", pair.reference, "de") for pair in pairs[:5])]
    training, held_out = split_pairs(doubled, 20, 1)
    assert len(training) + len(held_out) == 40 and len(held_out) == 8
    assert {p.reference for p in training}.isdisjoint(p.reference for p in held_out)
    assert split_pairs(doubled, 20, 1) == (training, held_out)


def test_too_few_distinct_references_name_the_key(pairs):
    empty = [Pair("source", "  ", "de"), Pair("", "reference", "de")]
    with pytest.raises(ModelError, match=r"evaluate.comet_local.min_references: .* 40 distinct .* 41 are"):
        split_pairs([*pairs, *pairs, *empty], 41, 1)
