from __future__ import annotations

import numpy as np
import pytest

from downlaw.alignment.domain import domain_distance


def windows(low: int, high: int, count: int = 200, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (count, 12))


def test_domains_without_a_common_piece_are_always_told_apart():
    assert domain_distance(windows(3, 30), windows(30, 60), 60) == (2.0, 0.0)


def test_two_samples_of_one_domain_cannot_be_told_apart():
    found = domain_distance(windows(3, 60), windows(3, 60, seed=2), 60)
    assert 0.4 < found.error < 0.6
    assert found.distance < 0.3
    assert found.distance == pytest.approx(max(0.0, 2 * (1 - 2 * found.error)))


def test_domains_that_share_more_are_closer():
    base = windows(3, 40)
    near, far = (domain_distance(base, windows(low, 40 + low, seed=2), 80) for low in (5, 25))
    assert 0 < near.distance < far.distance <= 2


def test_order_alone_tells_domains_apart_by_pairs_of_pieces():
    rising = (windows(0, 20, 300)[:, :1] + np.arange(12)) % 20
    falling = rising[:, ::-1]
    assert domain_distance(rising, falling, 20).error < 0.01


def test_the_same_samples_give_the_same_distance():
    one, other = windows(3, 40), windows(10, 50, seed=3)
    assert domain_distance(one, other, 50) == domain_distance(one.copy(), other.copy(), 50)


@pytest.mark.parametrize(("one", "other"), [(200, 199), (9, 9), (0, 0)])
def test_samples_that_cannot_be_compared_are_refused(one, other):
    with pytest.raises(ValueError, match=f"{one} and {other} windows cannot be compared by 5 folds"):
        domain_distance(windows(3, 9, one), windows(3, 9, other), 9)
