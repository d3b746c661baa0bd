from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downlaw.corpora.mixing import alignment_score, holds, interleave


@pytest.mark.parametrize(
    ("shares", "score"),
    [
        ({"en": 0.5, "fr": 0.5}, 1.0),
        ({"en": 1.0}, 0.7),
        ({"fr": 1.0}, 0.8),
        ({"de": 1.0}, 0.0),
        ({"ro": 1.0}, 0.0),
        ({"en": 0.3, "fr": 0.7}, 0.21 + 0.21 + 0.56),
        ({"en": 0.7, "fr": 0.3}, 0.21 + 0.49 + 0.24),
        ({"en": 0.5, "de": 0.5}, 0.35),
    ],
)
def test_alignment_scores_for_english_to_french(shares, score):
    """The values of Isik et al. 2024, and their Eq. 2 by hand."""
    assert alignment_score(shares, "en", "fr") == pytest.approx(score)


def test_the_alignment_score_has_a_direction():
    assert alignment_score({"en": 1.0}, "fr", "en") == 0.8


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"en": 0.5, "fr": 0.5}, "both languages"),
        ({"en": 0.1, "fr": 0.1, "de": 0.8}, "both languages"),
        ({"en": 0.5, "de": 0.5}, "source only"),
        ({"fr": 1.0}, "target only"),
        ({"de": 0.5, "ro": 0.5}, "neither"),
    ],
)
def test_what_a_mixture_holds_of_a_task(shares, said):
    assert holds(shares, "en", "fr") == said


@st.composite
def mixtures(draw) -> tuple[list[int], list[float]]:
    weights = draw(st.lists(st.integers(1, 200), min_size=1, max_size=8))
    available = draw(st.lists(st.integers(0, 150), min_size=len(weights), max_size=len(weights)))
    return available, [weight / sum(weights) for weight in weights]


@given(mixtures())
def test_every_prefix_of_a_mixture_holds_the_shares_to_within_one_block(mixture):
    available, shares = mixture
    order = interleave(available, shares)
    for index, share in enumerate(shares):
        so_far = np.cumsum(order == index)
        assert (np.abs(so_far - share * np.arange(1, len(order) + 1)) < 1).all()
        assert (order == index).sum() <= available[index]


@given(mixtures())
def test_a_mixture_ends_only_where_a_component_is_used_up(mixture):
    available, shares = mixture
    used = np.bincount(interleave(available, shares), minlength=len(shares))
    assert any(n - count < share + 1 for n, count, share in zip(available, used, shares, strict=True))


@given(mixtures(), st.data())
def test_more_text_continues_the_mixture(mixture, data):
    available, shares = mixture
    grown = [n + data.draw(st.integers(0, 50)) for n in available]
    order, longer = interleave(available, shares), interleave(grown, shares)
    assert np.array_equal(longer[: len(order)], order)


@given(mixtures(), st.integers(0, 300))
def test_a_limited_mixture_is_a_prefix(mixture, limit):
    available, shares = mixture
    order = interleave(available, shares)
    assert np.array_equal(interleave(available, shares, limit), order[:limit])


def test_one_large_and_many_small_components_stay_within_one_block():
    """Sorting blocks by the middle of their interval strays by 4.5 blocks here."""
    shares = [0.9] + [0.01] * 10
    order = interleave([1000] * 11, shares)
    strayed = np.abs(np.cumsum(order == 0) - 0.9 * np.arange(1, len(order) + 1)).max()
    assert strayed < 1


def test_halves_alternate():
    assert interleave([3, 3], [0.5, 0.5]).tolist() == [0, 1, 0, 1, 0, 1]


def test_components_and_shares_must_agree():
    with pytest.raises(ValueError, match="2 components but 1 shares"):
        interleave([1, 2], [1.0])
