from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.metrics import METRICS, likelihood_statistics, scores_row


def scored(losses, counts, **options) -> dict[str, float]:
    return scores_row(likelihood_statistics(losses, counts, ["abcd"] * len(losses)), **options)


def test_it_is_the_mean_over_pieces_not_over_segments():
    row = scored([1.0, 9.0], [1, 3])
    assert row["cross_entropy"] == 2.5 and row["test_segments"] == 2
    assert row["perplexity"] == pytest.approx(math.exp(2.5))


def test_a_character_is_a_code_point_of_the_reference():
    statistics = likelihood_statistics([3.0, 9.0], [2, 4], ["größe", "x"])
    assert scores_row(statistics, bootstrap=2)["cross_entropy_per_character"] == 2.0


def test_another_tokenizer_moves_nats_a_piece_but_not_nats_a_character():
    coarse, fine = (scored([6.0, 4.0], counts, bootstrap=2) for counts in ([2, 2], [4, 4]))
    assert coarse["cross_entropy"] == 2 * fine["cross_entropy"]
    assert coarse["cross_entropy_per_character"] == fine["cross_entropy_per_character"]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(1, 50)), min_size=1, max_size=40), st.integers(0, 99)
)
def test_the_interval_lies_within_the_segments_own_values(segments: list[tuple[float, int]], seed: int):
    losses, counts = zip(*segments, strict=True)
    row = scored(losses, counts, bootstrap=50, seed=seed)
    means = np.array(losses) / np.array(counts)
    low, value, high = (row[f"cross_entropy{end}"] for end in ("_low", "", "_high"))
    for each in (low, value, high):
        assert means.min() - 1e-9 <= each <= means.max() + 1e-9
    assert low <= high


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        counts = rng.integers(2, 30, size=100)
        losses = counts * 3.0 + rng.normal(0, 1, size=100) * np.sqrt(counts) + 20
        truth = 3.0 + 20 / np.mean(np.arange(2, 30))
        row = scored(losses, counts, metrics=[METRICS["cross_entropy"]], bootstrap=300)
        covered += row["cross_entropy_low"] <= truth <= row["cross_entropy_high"]
    assert 0.88 <= covered / 200 <= 0.99


def test_the_same_seed_gives_the_same_interval():
    rng = np.random.default_rng(0)
    losses, counts = rng.uniform(1, 50, 60), rng.integers(1, 20, 60)
    assert scored(losses, counts) == scored(losses, counts)
    assert scored(losses, counts)["cross_entropy_low"] != scored(losses, counts, seed=1)["cross_entropy_low"]


@pytest.mark.parametrize(
    ("losses", "counts", "message"),
    [
        ([1.0, math.nan], [1, 1], "segment 2 of 2: negative log-likelihood is not finite: nan"),
        ([math.inf, 1.0], [1, 1], "segment 1 of 2: negative log-likelihood is not finite"),
        ([-0.5], [1], "segment 1 of 1: negative log-likelihood is below 0"),
        ([1.0], [0], "segment 1 of 1: count of target pieces is not 1 or more"),
        ([1.0], [-3], "count of target pieces"),
        ([1.0], [1.5], "count of target pieces"),
        ([1.0], [math.nan], "count of target pieces"),
        ([1.0, 2.0], [1], "one count and one reference a segment"),
        ([], [], "no segments"),
    ],
)
def test_bad_input_is_refused(losses: list[float], counts: list[float], message: str):
    with pytest.raises(ValueError, match=message):
        likelihood_statistics(losses, counts, ["a"] * len(losses))
