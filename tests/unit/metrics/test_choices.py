from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.metrics.choices import chance_error, errors, mean_error


def task(items: int = 3000, seed: int = 1):
    """Counts, pieces and answers of items with 2 to 5 choices of 1 to 20 pieces."""
    generator = np.random.default_rng(seed)
    counts = generator.integers(2, 6, items)
    pieces = generator.integers(1, 21, counts.sum())
    return counts, pieces, generator.integers(0, counts)


def test_the_best_choice_is_that_of_the_highest_likelihood_a_piece_or_in_all():
    found = errors([-4.0, -3.0, -6.0, -1.0], [4, 2, 2, 1], [2, 2], [0, 0])
    assert found.normalised.tolist() == [0, 1]
    assert found.raw.tolist() == [1, 1]
    assert found.not_finite.tolist() == [False, False]


def test_a_perfect_model_makes_no_error():
    counts, pieces, answers = task()
    right = np.concatenate([[0], np.cumsum(counts)[:-1]]) + answers
    sums = -9.0 * pieces
    sums[right] = -0.1
    found = errors(sums, pieces, counts, answers)
    assert not found.normalised.any() and not found.raw.any()


def test_a_uniform_model_is_at_chance():
    counts, pieces, answers = task()
    for sums in (pieces * -np.log(4000), np.float32(pieces) * -np.log(np.float32(4000))):
        found = errors(sums, pieces, counts, answers)
        assert np.allclose(found.normalised, 1 - 1 / counts)
        assert found.normalised.mean() == pytest.approx(chance_error(counts))
    alike = errors(np.full(counts.sum(), -3.0), np.ones_like(pieces), counts, answers)
    assert np.array_equal(alike.raw, alike.normalised) and np.allclose(alike.raw, 1 - 1 / counts)


def test_shuffled_answers_are_at_chance():
    counts, pieces, answers = task(8000)
    sums = -np.random.default_rng(5).gamma(2.0, 3.0, counts.sum())
    found = errors(sums, pieces, counts, answers)
    for each in (found.normalised, found.raw):
        assert set(np.unique(each)) == {0, 1}
        assert abs(each.mean() - chance_error(counts)) < 4 * 0.5 / np.sqrt(len(counts))


@pytest.mark.parametrize(
    ("sums", "error"),
    [([-1, -1, -2], 0.5), ([-1, -2, -1], 0.5), ([-2, -1, -1], 1), ([-1, -1, -1], 2 / 3), ([-1, -2, -2], 0)],
)
def test_ties_count_in_parts(sums, error):
    assert errors(sums, [1, 1, 1], [3], [0]).raw == pytest.approx([error])


@pytest.mark.parametrize(
    ("sums", "error", "broken"),
    [
        ([np.nan, -1], 1, True),
        ([-1, np.nan], 1, True),
        ([-1, np.inf], 1, True),
        ([np.inf, -1], 1, True),
        ([-1, -np.inf], 0, False),
        ([-np.inf, -1], 1, False),
        ([-np.inf, -np.inf], 1, False),
    ],
)
def test_a_likelihood_that_is_no_number_is_wrong(sums, error, broken):
    found = errors([*sums, -1, -2], [1, 1, 1, 1], [2, 2], [0, 0])
    assert found.normalised.tolist() == found.raw.tolist() == [error, 0]
    assert found.not_finite.tolist() == [broken, False]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_errors_are_those_of_item_after_item(seed, items):
    counts, pieces, answers = task(items, seed)
    sums = -np.random.default_rng(seed).integers(0, 6, counts.sum()).astype(float)
    found = errors(sums, pieces, counts, answers)
    start = 0
    for item, count in enumerate(counts):
        own, length = sums[start : start + count], pieces[start : start + count]
        for scores, error in ((own, found.raw[item]), (own / length, found.normalised[item])):
            best = np.flatnonzero(np.isclose(scores, scores.max(), rtol=1e-6, atol=0))
            assert error == pytest.approx(1 - (answers[item] in best) / len(best))
        start += count


def test_chance_is_the_mean_over_items():
    assert chance_error([2, 4]) == pytest.approx((0.5 + 0.75) / 2)
    assert chance_error([4] * 7) == 0.75


def test_a_mean_has_its_interval():
    generator = np.random.default_rng(2)
    wrong = (generator.random(400) < 0.6).astype(float)
    found = mean_error(wrong)
    assert found.value == wrong.mean()
    error = 1.96 * np.sqrt(found.value * (1 - found.value) / 400)
    assert found.low == pytest.approx(found.value - error, abs=0.01)
    assert found.high == pytest.approx(found.value + error, abs=0.01)
    assert mean_error(wrong) == found and mean_error(wrong, seed=3) != found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([-1, -1], [1, 1], [], []), "a count of choices and an answer an item"),
        (([-1, -1], [1, 1], [2], [0, 0]), "a count of choices and an answer an item"),
        (([-1, -1], [1, 1], [1, 1], [0, 0]), "item 1 of 2: fewer than 2 choices: 1"),
        (([-1, -1], [1, 1], [2], [2]), "item 1 of 1: the answer is no choice: 2"),
        (([-1, -1], [1, 1], [2], [-1]), "the answer is no choice"),
        (([-1, -1, -1], [1, 1, 1], [2], [0]), "each of 2 choices"),
        (([-1, -1], [1], [2], [0]), "each of 2 choices"),
        (([-1, -1], [1, 0], [2], [0]), "choice 2 of 2: no pieces: 0"),
        (([-1, -1], [1.0, 1.0], [2], [0]), "pieces are not whole numbers"),
        (([-1, 2.5], [1, 1], [2], [0]), r"choice 2 of 2: ln p is above 0 \(is it -ln p\?\): 2.5"),
    ],
)
def test_what_does_not_agree_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        errors(*given)


def test_a_mean_needs_items_and_resamples():
    for wrong, samples in ((np.empty(0), 100), (np.ones(4), 1)):
        with pytest.raises(ValueError, match="an item and 2 resamples"):
            mean_error(wrong, samples=samples)
