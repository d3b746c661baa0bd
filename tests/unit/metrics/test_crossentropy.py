from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.metrics import cross_entropy


def test_it_is_the_mean_over_pieces_not_over_segments():
    result = cross_entropy([1.0, 9.0], [1, 3])
    assert result.nats_per_token == 2.5
    assert (result.tokens, result.segments) == (4, 2)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(1, 50)), min_size=1, max_size=40), st.integers(0, 99)
)
def test_the_interval_lies_within_the_segments_own_values(segments: list[tuple[float, int]], seed: int):
    losses, counts = zip(*segments, strict=True)
    result = cross_entropy(losses, counts, bootstrap=50, seed=seed)
    means = np.array(losses) / np.array(counts)
    for value in (result.nats_per_token, result.low, result.high):
        assert means.min() - 1e-9 <= value <= means.max() + 1e-9
    assert result.low <= result.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        counts = rng.integers(2, 30, size=100)
        losses = counts * 3.0 + rng.normal(0, 1, size=100) * np.sqrt(counts) + 20
        truth = 3.0 + 20 / np.mean(np.arange(2, 30))
        result = cross_entropy(losses, counts, bootstrap=300)
        covered += result.low <= truth <= result.high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_same_seed_gives_the_same_interval():
    rng = np.random.default_rng(0)
    losses, counts = rng.uniform(1, 50, 60), rng.integers(1, 20, 60)
    assert cross_entropy(losses, counts) == cross_entropy(losses, counts)
    assert cross_entropy(losses, counts).low != cross_entropy(losses, counts, seed=1).low


def test_the_row_has_the_columns_of_a_table_of_runs():
    row = cross_entropy([2.0], [1]).as_row()
    assert row == {"cross_entropy": 2.0, "cross_entropy_low": 2.0, "cross_entropy_high": 2.0}


@pytest.mark.parametrize(
    ("losses", "counts", "options", "message"),
    [
        ([1.0, math.nan], [1, 1], {}, "segment 2 of 2: negative log-likelihood is not finite: nan"),
        ([math.inf, 1.0], [1, 1], {}, "segment 1 of 2: negative log-likelihood is not finite"),
        ([-0.5], [1], {}, "segment 1 of 1: negative log-likelihood is below 0"),
        ([1.0], [0], {}, "segment 1 of 1: count of target pieces is not 1 or more"),
        ([1.0], [-3], {}, "count of target pieces"),
        ([1.0], [1.5], {}, "count of target pieces"),
        ([1.0], [math.nan], {}, "count of target pieces"),
        ([1.0, 2.0], [1], {}, "one count a segment"),
        ([], [], {}, "no segments"),
        ([1.0], [1], {"bootstrap": 0}, "at least 2 resamples"),
    ],
)
def test_bad_input_is_refused(losses: list[float], counts: list[float], options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        cross_entropy(losses, counts, **options)
