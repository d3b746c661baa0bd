from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.laws import METRICS, Noise
from downlaw.laws.curves import Curve, Point
from downlaw.laws.verdicts import MARGINS, judge, judge_many

N = 8
TOKENS = [1_000_000 * 2**step for step in range(N)]
X = np.arange(N) / (N - 1)
SD = 0.01
NOISE = Noise.relative(SD, N + 1, draws=500)

RISING = np.log(1.1) + 0.5 * X
FALLING = np.log(1.1) - 0.3 * X
ZIGZAG = np.log(1.2) + 0.1 * (-1.0) ** np.arange(N)
LEVEL_ABOVE = np.log(1.3) + 0.004 * np.array([0, 1, -1, 1, -1, 0, 1, -1])
AT_BASELINE = LEVEL_ABOVE - np.log(1.3)
LOSS_FALLS, LOSS_RISES = -0.1 * X, 0.1 * X


def curve(
    gains, *, noise=NOISE, baseline=10.0, metric="bleu", tokens=TOKENS, unit=10.0, seeds=1, **counts
) -> Curve:
    """A curve from ln(score / 10)."""
    points = tuple(
        Point(dp, float(unit * np.exp(gain)), math.nan, math.nan, seeds)
        for dp, gain in zip(tokens, gains, strict=False)
    )
    start = None if baseline is None else Point(0, baseline, math.nan, math.nan, seeds)
    if noise is not None and noise.draws.shape[1] > len(points) + (start is not None):
        noise = noise.at(slice(0, len(points) + (start is not None)))
    lost = {"n_diverged": 0, "n_missing": 0} | counts
    return Curve("de-en", 5000, "en", metric, points, start, **lost, noise=noise)


def loss(changes, *, noise=NOISE) -> Curve:
    return curve(changes, noise=noise, metric="cross_entropy", baseline=None, unit=3.0)


def verdict(gains, **options):
    return judge(curve(gains, **options), loss(LOSS_FALLS), samples=100)


def test_a_curve_that_follows_its_law_upwards_is_aligned():
    found = verdict(RISING)
    assert found.verdict == "aligned"
    assert found.reason.startswith("the score rises by 64.9% from the smallest to the largest Dp")
    assert (
        "falls nowhere beyond the noise, and the law of the 4 smallest Dp misses the others by"
        in found.reason
    )
    evidence = found.evidence
    assert evidence.rise == pytest.approx(0.5)
    assert evidence.rise_low < 0.5 < evidence.rise_high
    assert evidence.rise_high - evidence.rise_low == pytest.approx(
        2 * 1.645 * SD / math.sqrt(X.var() * N), rel=0.15
    )
    assert (evidence.p_monotone, evidence.fall) == (1, 0)
    assert evidence.gain == pytest.approx(np.log(1.1) + 0.5)
    assert evidence.gain_high - evidence.gain_low == pytest.approx(2 * 1.645 * math.sqrt(2) * SD, rel=0.15)
    assert evidence.held_out_error < evidence.held_out_limit
    assert (evidence.n_fit, evidence.n_held_out) == (4, N - 4)
    assert evidence.diverges is False


def test_a_falling_curve_is_misaligned_and_cross_entropy_tells_how():
    found = verdict(FALLING)
    assert found.verdict == "misaligned"
    assert found.reason == (
        "the score falls by 25.9% from the smallest to the largest Dp, beyond the noise, while cross-entropy"
        " improves; at the largest Dp it is below the non-pretrained baseline"
    )
    assert found.evidence.diverges is True
    worse = judge(curve(FALLING), loss(LOSS_RISES))
    assert worse.verdict == "misaligned"
    assert "and cross-entropy gets worse too" in worse.reason
    assert worse.evidence.diverges is False


def test_a_fluctuating_curve_is_misaligned():
    found = verdict(ZIGZAG)
    assert found.verdict == "misaligned"
    assert found.reason.startswith("the score fluctuates: it falls by 18.1% between two Dp, beyond the noise")
    assert found.evidence.fall == pytest.approx(0.2)
    assert found.evidence.diverges is True


@pytest.mark.parametrize("source", ["segments", "intervals"])
def test_noise_of_the_test_set_alone_is_widened_for_seeds(source):
    alone, known = (
        verdict(ZIGZAG, noise=Noise(NOISE.draws, each)) for each in (source, "segments and seeds")
    )
    assert alone.reason == known.reason + "; a spread of 1.0% between seeds is assumed"
    assert (alone.evidence.assumed_seed_sd, known.evidence.assumed_seed_sd) == (0.01, 0)
    assert alone.evidence.noise == source and alone.evidence.noise_sd == known.evidence.noise_sd
    widths = [e.rise_high - e.rise_low for e in (alone.evidence, known.evidence)]
    assert widths[0] / widths[1] == pytest.approx(math.sqrt(2), rel=0.1)


def test_what_luck_with_a_seed_could_do_is_no_verdict_where_seeds_are_unseen():
    dip = np.where(np.arange(12) == 6, 0.258, 0.3)
    tokens = [1_000_000 * 2**step for step in range(12)]
    precise = Noise.relative(0.002, 13)
    assert verdict(dip, tokens=tokens, noise=precise).verdict == "misaligned"
    test_set = Noise(precise.draws, "segments")
    assert verdict(dip, tokens=tokens, noise=test_set).verdict == "inconclusive"


def test_a_curve_at_its_baseline_is_saturated():
    found = verdict(AT_BASELINE)
    assert found.verdict == "saturated"
    assert found.reason.startswith("the score stays within")
    assert found.reason.endswith("of the non-pretrained baseline at all Dp, less than the 4.1% that count")
    assert found.evidence.gain_bound < MARGINS["bleu"]
    assert found.evidence.diverges is True, "cross-entropy improves, and the score for certain does not rise"


def test_not_significant_is_not_saturated():
    found = verdict(AT_BASELINE, noise=Noise.relative(0.05, N + 1))
    assert found.verdict == "inconclusive"
    assert found.reason.startswith(
        "the score neither rises nor falls beyond the noise: its change over all Dp"
    )
    assert found.evidence.gain_low < 0 < found.evidence.gain_high
    assert found.evidence.diverges is False


def test_without_a_baseline_nothing_is_saturated():
    found = verdict(AT_BASELINE, baseline=None)
    assert found.verdict == "inconclusive"
    assert found.reason.endswith("without a baseline it cannot be told whether pretraining helps at all")
    assert math.isnan(found.evidence.gain)
    assert verdict(RISING, baseline=None).verdict == "aligned"


def test_a_baseline_of_zero_has_no_gain():
    found = verdict(AT_BASELINE, baseline=0.0, noise=NOISE.at(slice(0, N)))
    assert found.verdict == "inconclusive"
    assert found.reason.endswith("the baseline is 0 or below, and no gain over it has a logarithm")
    assert verdict(RISING, baseline=0.0, noise=NOISE.at(slice(0, N))).verdict == "aligned"


def test_a_baseline_of_unknown_noise_has_a_gain_without_interval():
    found = verdict(AT_BASELINE, noise=NOISE.at(slice(0, N)))
    assert found.verdict == "inconclusive"
    assert found.reason.endswith("the noise of the baseline is unknown")
    assert math.isfinite(found.evidence.gain) and math.isnan(found.evidence.gain_low)


def test_one_point_far_from_the_baseline_is_not_saturated():
    late = np.zeros(12)
    late[-1] = 0.09
    tokens = [1_000_000 * 2**step for step in range(12)]
    noise = Noise.relative(0.004, 13)
    assert judge(curve(np.zeros(12), tokens=tokens, noise=noise)).verdict == "saturated"
    found = judge(curve(late, tokens=tokens, noise=noise), margin=0.06)
    assert found.evidence.gain_bound < 0.06 < found.evidence.gain_beyond + 0.06
    assert found.verdict != "saturated"


def test_a_level_curve_above_its_baseline_is_inconclusive():
    found = verdict(LEVEL_ABOVE)
    assert found.verdict == "inconclusive"
    assert found.reason.endswith("; at the largest Dp it is above the non-pretrained baseline")


def test_a_mixture_below_its_baseline_is_said_to_be():
    assert verdict(RISING - 1).verdict == "aligned"
    for found in (verdict(RISING - 1), verdict(LEVEL_ABOVE - 1), verdict(ZIGZAG - 1)):
        assert "; at the largest Dp it is below the non-pretrained baseline" in found.reason


def test_a_rise_that_the_law_did_not_foresee_is_inconclusive():
    late = np.where(X < 0.5, 0.02 * X, 0.02 * X + 0.8 * (X - 0.5))
    found = verdict(late)
    assert found.verdict == "inconclusive"
    assert ", but the law of the 4 smallest Dp misses the others by" in found.reason
    assert found.evidence.held_out_error > found.evidence.held_out_allowed


def test_an_error_of_the_law_below_the_margin_counts_as_none():
    found = verdict(RISING + 0.015 * np.sin(6 * X), noise=Noise.relative(0.001, N + 1))
    assert found.evidence.held_out_limit < found.evidence.held_out_error < MARGINS["bleu"]
    assert found.verdict == "aligned"


def test_a_rise_whose_law_the_noise_leaves_untested_is_inconclusive():
    loud = Noise.relative(0.1, 7, draws=500)
    found = verdict(np.log(1.1) + 0.22 * np.arange(6) / 5, noise=loud, tokens=TOKENS)
    assert found.evidence.rise_low > 0
    assert found.evidence.held_out_limit >= found.evidence.rise
    assert found.verdict == "inconclusive"
    assert "no law can be tested: noise alone gives errors up to" in found.reason


def test_one_bad_run_on_a_rising_curve_is_inconclusive():
    dented = RISING.copy()
    dented[4] -= 0.2
    found = verdict(dented)
    assert found.verdict == "inconclusive"
    assert ", yet falls by" in found.reason and "between two Dp, beyond the noise" in found.reason


@pytest.mark.parametrize(("gains", "verb"), [(0.03 * X, "rises"), (-0.03 * X, "falls")])
def test_changes_below_the_margin_count_as_none(gains, verb):
    found = verdict(gains + 0.3, noise=Noise.relative(0.001, N + 1))
    assert found.verdict == "inconclusive"
    assert found.reason.startswith(f"the score {verb} by 3.0%, beyond the noise, but less than 4.1%")
    assert (
        judge(curve(gains + 0.3, noise=Noise.relative(0.001, N + 1)), margin=0.01).verdict != "inconclusive"
    )


def test_unknown_noise_decides_nothing():
    for noise in (None, Noise(np.zeros((10, N + 1)), "seeds")):
        found = verdict(RISING, noise=noise)
        assert found.verdict == "inconclusive"
        assert found.reason == "noise unknown: without it a change cannot be told from chance"
        assert found.evidence.noise is None and math.isnan(found.evidence.p_monotone)
        assert math.isfinite(found.evidence.held_out_error) and math.isnan(found.evidence.held_out_limit)
        assert found.evidence.diverges is None


@pytest.mark.parametrize(
    ("n", "lost", "reason"),
    [
        (3, {}, "3 points, at least 4 are needed"),
        (1, {"n_diverged": 2}, "1 point, at least 4 are needed; 2 runs did not finish"),
        (2, {"n_missing": 1}, "2 points, at least 4 are needed; 1 run without the score"),
        (0, {"n_diverged": 1}, "no points, at least 4 are needed; 1 run did not finish"),
    ],
)
def test_fewer_than_four_points_decide_nothing(n, lost, reason):
    noise = NOISE.at(slice(0, n + 1)) if n else None
    found = verdict(RISING[:n], noise=noise, **lost)
    assert (found.verdict, found.reason) == ("inconclusive", reason)


@pytest.mark.parametrize(
    ("n", "asked", "n_fit"), [(4, 4, 3), (5, 4, 4), (8, 4, 4), (10, 4, 5), (8, 6, 6), (8, None, 7)]
)
def test_the_law_is_fitted_to_half_of_the_points_at_least_and_never_to_the_last(n, asked, n_fit):
    gains = 0.1 + 0.05 * np.arange(n)
    tokens = [1_000_000 * 2**step for step in range(n)]
    known = curve(gains, tokens=tokens, noise=Noise.relative(SD, n + 1))
    evidence = judge(known, n_fit=asked, samples=200).evidence
    assert (evidence.n_fit, evidence.n_held_out) == (n_fit, n - n_fit)
    assert evidence.held_out_limit > evidence.held_out_error


def test_a_score_of_zero_has_no_law():
    gains = RISING.copy()
    gains[1] = -math.inf
    found = verdict(gains)
    assert found.verdict == "inconclusive"
    assert found.reason == "the score is 0 or below at Dp = 2000000, and has no logarithm there"
    assert found.evidence.law_status == "undefined for this family"
    assert math.isnan(found.evidence.fall) and math.isnan(found.evidence.gain)


def test_a_span_too_short_for_a_law_is_said_to_be():
    found = verdict(RISING, tokens=[1_000_000 + 1000 * step for step in range(N)])
    assert found.verdict == "inconclusive"
    assert found.reason.endswith("but no law can be tested on it: span too short")


def test_without_cross_entropy_divergence_is_unknown():
    for known in (None, loss(LOSS_FALLS, noise=None)):
        found = judge(curve(FALLING), known)
        assert found.verdict == "misaligned"
        assert found.evidence.diverges is None and math.isnan(found.evidence.cross_entropy_change)


def test_common_noise_decides_what_independent_noise_leaves_open():
    rng = np.random.default_rng(1)
    common = Noise(0.05 * rng.normal(size=(500, 1)) + 0.005 * rng.normal(size=(500, N + 1)), "segments")
    gentle = np.log(1.1) + 0.08 * X
    assert verdict(gentle, noise=common).verdict == "aligned"
    assert verdict(gentle, noise=Noise.independent(common.sd)).verdict == "inconclusive"


def test_many_curves_are_judged_as_each_alone():
    shapes = [RISING, FALLING, AT_BASELINE]
    losses = [loss(LOSS_FALLS)] * 3
    together = judge_many([curve(each) for each in shapes], losses, METRICS["bleu"], samples=100)
    for found, shape in zip(together, shapes, strict=True):
        alone = verdict(shape)
        assert (found.verdict, found.reason) == (alone.verdict, alone.reason)
        assert found.evidence.held_out_limit == pytest.approx(alone.evidence.held_out_limit, rel=1e-6)
    assert judge_many([], [], METRICS["bleu"]) == []


@settings(max_examples=6, deadline=None)
@given(
    st.sampled_from([RISING, FALLING, ZIGZAG, AT_BASELINE, LEVEL_ABOVE]),
    st.integers(1, 10**6),
    st.floats(0.01, 100),
)
def test_units_of_tokens_and_scores_change_no_verdict(shape, tokens, unit):
    scaled = curve(shape, tokens=[tokens * dp for dp in TOKENS], unit=10 * unit, baseline=10 * unit)
    found, plain = judge(scaled, samples=50), judge(curve(shape), samples=50)
    assert (found.verdict, found.reason) == (plain.verdict, plain.reason)


@pytest.mark.parametrize(("options", "problem"), [({"margin": 0.0}, "margin"), ({"level": 1.0}, "level")])
def test_impossible_options_are_refused(options, problem):
    with pytest.raises(ValueError, match=f"{problem} must"):
        judge(curve(RISING), **options)
