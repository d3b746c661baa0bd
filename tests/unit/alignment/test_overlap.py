from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from downlaw.alignment.overlap import divergence, ngrams


def by_hand(one: list[int], other: list[int]) -> float:
    p, q = Counter(one), Counter(other)
    total = 0.0
    for key in p.keys() | q.keys():
        a, b = p[key] / len(one), q[key] / len(other)
        total += sum(x / 2 * math.log2(x / ((a + b) / 2)) for x in (a, b) if x)
    return total


def test_equal_samples_are_at_0_disjoint_ones_at_1_and_between_it_is_the_formula():
    generator = np.random.default_rng(1)
    one, other = generator.integers(0, 9, 200), generator.integers(4, 14, 150)
    assert divergence(one, one[::-1]) == pytest.approx(0, abs=1e-12)
    assert divergence(one, one + 100) == 1.0
    assert divergence(one, other) == pytest.approx(by_hand(one.tolist(), other.tolist()), rel=1e-12)
    assert divergence(one, other) == pytest.approx(divergence(other, one), rel=1e-12)


def test_without_text_there_is_no_divergence():
    empty = ngrams(np.empty((0, 8)), 2, 50)
    assert math.isnan(divergence(empty, np.array([1, 2])))
    assert math.isnan(divergence(np.array([1, 2]), empty))


def test_ngrams_stay_within_their_row():
    rows = np.array([[1, 2, 3], [4, 5, 6]])
    assert ngrams(rows, 1, 10).tolist() == [1, 2, 3, 4, 5, 6]
    assert ngrams(rows, 2, 10).tolist() == [12, 23, 45, 56]
    assert ngrams(rows, 3, 10).tolist() == [123, 456]
    assert ngrams(rows, 4, 10).size == 0


def test_ngrams_of_a_large_vocabulary_do_not_run_over():
    largest = 250_000
    rows = np.array([[largest - 1] * 3, [0, 0, 1]])
    assert ngrams(rows, 3, largest).tolist() == [largest**3 - 1, 1]


def test_finite_samples_of_one_distribution_are_apart_and_more_so_for_longer_ngrams():
    text = np.random.default_rng(2).integers(0, 30, (400, 32))
    unigrams, bigrams, trigrams = (
        divergence(ngrams(text[::2], order, 30), ngrams(text[1::2], order, 30)) for order in (1, 2, 3)
    )
    assert 0 < unigrams < 0.01 < bigrams < trigrams
