from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.metrics.resampling import drawn_counts, interval, resampled_totals


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(2, 30), st.integers(0, 99))
def test_segments_are_drawn_as_sacrebleu_draws_them(segments: int, samples: int, seed: int):
    drawn = np.random.default_rng(seed).choice(segments, size=(samples, segments), replace=True)
    counts = drawn_counts(segments, samples, seed)
    assert counts.shape == (samples, segments)
    assert (counts == [np.bincount(row, minlength=segments) for row in drawn]).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=50))
def test_totals_of_whole_numbers_are_exact(rows: list[tuple[int, int]]):
    statistics = np.array(rows)
    drawn = np.random.default_rng(3).choice(len(rows), size=(20, len(rows)), replace=True)
    assert (resampled_totals(statistics, 20, 3) == statistics[drawn].sum(axis=1)).all()


def test_more_resamples_begin_with_the_fewer():
    assert (drawn_counts(50, 100, 1)[:20] == drawn_counts(50, 20, 1)).all()


def test_what_is_drawn_cannot_be_changed_by_who_uses_it():
    with pytest.raises(ValueError, match="read-only"):
        drawn_counts(5, 3, 1)[0, 0] = 9


def test_the_interval_is_of_two_percentiles():
    assert interval(np.arange(1001.0)) == (25.0, 975.0)
