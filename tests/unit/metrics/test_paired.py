from __future__ import annotations

import math

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from downlaw.metrics.base import MeanScore, Translations
from downlaw.metrics.bleu import Bleu
from downlaw.metrics.chrf import Chrf
from downlaw.metrics.paired import compare_scores, holm, paired_bootstrap

WORDS = np.array(["the", "file", "could", "not", "be", "opened", "again", "because", "it", "is", "of"])


class Mean(MeanScore):
    """The mean of scores of segments."""

    name = "mean"


def references(segments: int) -> list[str]:
    text = np.random.default_rng(0)
    return [" ".join(text.choice(WORDS, text.integers(4, 14))) for _ in range(segments)]


def system(seed: int, kept: float, segments: int = 150) -> Translations:
    """References in which each word stays with a probability."""
    generator = np.random.default_rng(seed)
    texts = references(segments)
    outputs = [
        " ".join(word if generator.random() < kept else generator.choice(WORDS) for word in line.split())
        for line in texts
    ]
    return Translations(texts, outputs, texts, "en", "de")


# Two pairs that are as good as each other, two that are not.
PAIRS = [(1, 0.7, 2, 0.7), (3, 0.55, 4, 0.55), (5, 0.7, 6, 0.62), (7, 0.3, 8, 0.5)]


@pytest.mark.parametrize(("seed_a", "kept_a", "seed_b", "kept_b"), PAIRS)
def test_the_test_of_sacrebleu_comes_out_as_sacrebleu_prints_it(
    seed_a: int, kept_a: float, seed_b: int, kept_b: float, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SACREBLEU_SEED", "12345")
    a, b = system(seed_a, kept_a), system(seed_b, kept_b)
    theirs = PairedTest(
        [("b", b.hypotheses), ("a", a.hypotheses)],
        {"BLEU": BLEU(), "chrF2": CHRF()},
        [list(a.references)],
        test_type="bs",
        n_samples=300,
    )()[1]
    for name, metric in (("BLEU", Bleu()), ("chrF2", Chrf())):
        found = paired_bootstrap(metric, metric.count(a), metric.count(b), samples=300)
        assert f"{found.score_b:.10f}" == f"{theirs[name][0].score:.10f}"
        assert f"{found.score_a:.10f}" == f"{theirs[name][1].score:.10f}"
        assert f"{found.p_sacrebleu:.4f}" == f"{theirs[name][1].p_value:.4f}"
        assert found.difference == found.score_a - found.score_b
        assert found.low <= found.difference <= found.high


@pytest.mark.parametrize(("seed_a", "kept_a", "seed_b", "kept_b"), PAIRS)
def test_systems_differ_where_they_should(seed_a: int, kept_a: float, seed_b: int, kept_b: float):
    a, b = system(seed_a, kept_a), system(seed_b, kept_b)
    for metric in (Bleu(), Chrf()):
        found = paired_bootstrap(metric, metric.count(a), metric.count(b), samples=300)
        assert (found.p_value < 0.05) == (kept_a != kept_b)
        assert (found.low > 0 or found.high < 0) == (kept_a != kept_b)


def test_swapping_the_systems_turns_the_difference_around():
    metric, a, b = Bleu(), system(1, 0.7), system(2, 0.6)
    one = paired_bootstrap(metric, metric.count(a), metric.count(b), samples=200)
    other = paired_bootstrap(metric, metric.count(b), metric.count(a), samples=200)
    assert (one.difference, one.low, one.high) == pytest.approx((-other.difference, -other.high, -other.low))
    assert (one.p_value, one.p_sacrebleu) == (other.p_value, other.p_sacrebleu)


def test_a_system_does_not_differ_from_its_copy_though_sacrebleu_says_so():
    metric, a = Bleu(), system(1, 0.7)
    found = paired_bootstrap(metric, metric.count(a), metric.count(a), samples=200)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    assert found.p_sacrebleu == pytest.approx(1 / 201)


def test_equal_systems_are_called_different_in_5_of_100_studies():
    called = []
    for study in range(2000):
        generator = np.random.default_rng([7, study])
        hardness, own = generator.normal(0.6, 0.3, 120), generator.normal(0, 0.1, (2, 120))
        a, b = (np.column_stack([hardness + each, np.ones(120)]) for each in own)
        found = paired_bootstrap(Mean(), a, b, samples=500)
        called.append((found.p_value < 0.05, not found.low <= 0 <= found.high, found.p_sacrebleu < 0.05))
    size, outside, sacrebleu = np.mean(called, axis=0)
    assert 0.04 <= size <= 0.065, "two standard errors of 2,000 studies are 0.01"
    assert 0.04 <= outside <= 0.07, "percentiles are a little narrow on 120 segments"
    assert sacrebleu > 0.08, "without signs it is a one-sided test, in either direction"


def test_what_both_systems_find_hard_cancels():
    generator = np.random.default_rng(4)
    hardness = generator.normal(0, 10, 100)
    a = np.column_stack([hardness + generator.normal(0.2, 0.1, 100), np.ones(100)])
    b = np.column_stack([hardness, np.ones(100)])
    assert paired_bootstrap(Mean(), a, b, samples=300).p_value < 0.01
    assert paired_bootstrap(Mean(), a, b[::-1], samples=300).p_value > 0.05


@pytest.mark.parametrize(
    ("rows_a", "rows_b", "samples", "message"),
    [
        (3, 2, 100, "3 and 2 segments"),
        (0, 0, 100, "no segments to compare"),
        (3, 3, 1, "2 resamples or more are needed"),
    ],
)
def test_systems_that_cannot_be_compared_are_refused(rows_a: int, rows_b: int, samples: int, message: str):
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(Mean(), np.ones((rows_a, 2)), np.ones((rows_b, 2)), samples=samples)


def test_resamples_of_two_systems_are_as_many():
    with pytest.raises(ValueError, match="not 3 and 4"):
        compare_scores(1.0, 1.0, np.ones(3), np.ones(4))


def test_holm_steps_down_from_the_smallest():
    # 4 * 0.01, then 3 * 0.02, 2 * 0.03 (both 0.06), and 1 * 0.5
    np.testing.assert_allclose(holm([0.03, 0.01, 0.5, 0.02]), [0.06, 0.04, 0.5, 0.06])
    np.testing.assert_allclose(holm([0.4, 0.9]), [0.8, 0.9])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).shape == (0,)
    assert math.isclose(holm([0.05])[0], 0.05)
