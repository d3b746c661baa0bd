from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from downlaw.alignment.ngram import WittenBell

FIRST, SIZE = 3, 7
"""Ids 3 to 9."""


def toy_rows(seed: int = 1, rows: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).choice([3, 4, 4, 4, 5, 6, 7], (rows, 8))


class ByHand:
    """The same model from its recursion, with dictionaries."""

    def __init__(self, rows: np.ndarray) -> None:
        self.follows: dict[tuple[int, ...], Counter] = defaultdict(Counter)
        for row in rows.tolist():
            for at in range(len(row)):
                for back in range(min(at, 2) + 1):
                    self.follows[tuple(row[at - back : at])][row[at]] += 1

    def probability(self, history: tuple[int, ...], piece: int) -> float:
        below = self.probability(history[1:], piece) if history else 1 / SIZE
        seen = self.follows.get(history)
        if not seen:
            return below
        return (seen[piece] + len(seen) * below) / (seen.total() + len(seen))


def test_probabilities_are_those_of_the_recursion_done_by_hand():
    rows, generator = toy_rows(), np.random.default_rng(5)
    model, expected = WittenBell(rows, FIRST, SIZE), ByHand(rows)
    histories = generator.integers(FIRST, FIRST + SIZE, (300, 2))
    histories[:50, 0] = -1
    histories[:20] = -1
    pieces = generator.integers(FIRST, FIRST + SIZE, 300)
    found = model.probabilities(histories, pieces)
    for history, piece, p in zip(histories.tolist(), pieces.tolist(), found, strict=True):
        known = tuple(each for each in history if each >= 0)
        assert p == pytest.approx(expected.probability(known, piece), rel=1e-12)
    segments = [np.array([4, 4, 9, 3]), np.array([8]), np.array([], dtype=int)]
    places = [((), 4), ((4,), 4), ((4, 4), 9), ((4, 9), 3), ((), 8)]
    loss = -np.mean([math.log(expected.probability(*place)) for place in places])
    assert model.cross_entropy(segments) == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("history", [(-1, -1), (-1, 4), (4, 4), (9, 8), (9, 4), (7, 3)])
def test_after_any_history_the_probabilities_of_all_pieces_sum_to_1(history):
    model = WittenBell(toy_rows(), FIRST, SIZE)
    pieces = np.arange(FIRST, FIRST + SIZE)
    p = model.probabilities(np.tile(history, (SIZE, 1)), pieces)
    assert p.sum() == pytest.approx(1, rel=1e-12)
    assert (p > 0).all()


def test_without_training_text_all_pieces_are_alike():
    model = WittenBell(np.empty((0, 8)), FIRST, SIZE)
    assert model.cross_entropy([np.array([3, 4, 9])]) == pytest.approx(math.log(SIZE), rel=1e-12)


def test_without_text_there_is_no_loss():
    assert math.isnan(WittenBell(toy_rows(), FIRST, SIZE).cross_entropy([]))


def test_text_like_that_learnt_from_has_a_lower_loss_than_other_text():
    cycle = np.tile([3, 4, 5, 6], (20, 4))
    model = WittenBell(cycle, FIRST, SIZE)
    alike, backwards = model.cross_entropy([cycle[0]]), model.cross_entropy([cycle[0][::-1]])
    assert alike < 0.3 < math.log(SIZE) < backwards
