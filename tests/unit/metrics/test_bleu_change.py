from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU

from downlaw.metrics.bleu import bleu_from_totals
from downlaw.metrics.bleu_change import bleu_change

NGRAMS = (1000, 900, 800, 700)
BASE = (1000, 1000, 600, 300, 150, 80, *NGRAMS)


def totals(hypothesis: int = 1000, matches: tuple[int, ...] = (600, 300, 150, 80)) -> list[int]:
    """Sums over a test set whose references have 1,000 tokens; a shorter output has as many fewer n-grams."""
    return [hypothesis, 1000, *matches, *(count - 1000 + hypothesis for count in NGRAMS)]


matches = st.lists(st.integers(0, 500), min_size=4, max_size=4).filter(any)


@given(matches, matches, st.integers(400, 1200), st.integers(400, 1200))
def test_the_parts_add_up_to_the_change_of_ln_bleu(a, b, length_a: int, length_b: int):
    one, other = totals(length_a, tuple(a)), totals(length_b, tuple(b))
    change = bleu_change(one, other)
    bleu_a, bleu_b = bleu_from_totals(np.array([one, other], dtype=float))
    assert change.ln_bleu == pytest.approx(math.log(bleu_a / bleu_b))
    assert change.ln_bleu == pytest.approx(change.ln_brevity_penalty + sum(change.ln_precisions))
    assert change.smoothed == (0 in a or 0 in b)
    assert change.why


def test_the_parts_are_those_of_sacrebleu():
    one, other = totals(800, (500, 200, 90, 40)), totals(950)
    a, b = (BLEU.compute_bleu(each[2:6], each[6:], *each[:2], smooth_method="exp") for each in (one, other))
    change = bleu_change(one, other)
    assert change.ln_brevity_penalty == pytest.approx(math.log(a.bp / b.bp))
    for part, p_a, p_b in zip(change.ln_precisions, a.precisions, b.precisions, strict=True):
        assert part == pytest.approx(math.log(p_a / p_b) / 4)


def shorter() -> list[int]:
    """85% of the output, the same precisions."""
    ngrams = [0.85 * count for count in NGRAMS]
    return [850, 1000, *(0.85 * count for count in BASE[2:6]), *ngrams]


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        (totals(matches=(600, 300, 150, 40)), totals(), "fewer matching 4-grams"),
        (totals(), totals(matches=(600, 300, 150, 40)), "more matching 4-grams"),
        (totals(matches=(600, 300, 90, 40)), totals(), "fewer matching 3-grams and 4-grams"),
        (totals(matches=(300, 150, 75, 40)), totals(), "fewer matching words, 2-grams and 3-grams"),
        (shorter(), totals(), "shorter output"),
        (totals(), shorter(), "longer output"),
        (totals(1300), totals(1300), "no change"),
        (totals(matches=(600, 300, 150, 0)), totals(), "fewer matching 4-grams (some counts smoothed)"),
    ],
)  # fmt: skip
def test_why_in_words(a, b, why: str):
    assert bleu_change(a, b).why == why


def test_what_pushed_the_other_way_is_said_where_it_counts():
    shares = [0.85 * 1.08 * count for count in BASE[2:6]]
    gained = [850, 1000, *shares, *(0.85 * count for count in NGRAMS)]
    assert bleu_change(gained, totals()).why == "shorter output", "each order undid a ninth of it"
    longer = [1000, 1000, 600, 300, 100, 40, *NGRAMS]
    assert bleu_change(longer, shorter()).why == "fewer matching 3-grams and 4-grams, against longer output"


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (totals(matches=(0, 0, 0, 0)), totals(), "BLEU of a is 0, and has no logarithm"),
        (totals(), totals(matches=(0, 0, 0, 0)), "BLEU of b is 0, and has no logarithm"),
        ([0, 99, *[0] * 8], [3, 99, 2, 1, 1, 0, 3, 2, 1, 0], "BLEU of a and b is 0, and has no logarithm"),
    ],
)  # fmt: skip
def test_a_bleu_of_0_has_no_parts(a: list[int], b: list[int], reason: str):
    change = bleu_change(a, b)
    assert np.isnan([change.ln_bleu, change.ln_brevity_penalty, *change.ln_precisions]).all()
    assert change.why == change.reason == reason
