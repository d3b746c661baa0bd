from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import isotonic_regression

from downlaw.laws import Noise
from downlaw.laws.monotonic import Line, interval, isotonic, own_weights, p_monotone

TOKENS = 1e6 * 2.0 ** np.arange(6)
SD = 0.02

logs = arrays(float, 6, elements=st.floats(-0.2, 0.2))
weights = arrays(float, 6, elements=st.floats(0.1, 10))


def common_noise(n: int, draws: int, seed: int, shared: float = 0.8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common, own = rng.normal(size=(draws, 1)), rng.normal(size=(draws, n))
    return SD * (np.sqrt(shared) * common + np.sqrt(1 - shared) * own)


@settings(max_examples=50, deadline=None)
@given(arrays(float, (3, 6), elements=st.floats(-5, 5)), weights)
def test_the_isotonic_regression_is_that_of_scipy(values, weights):
    expected = [isotonic_regression(row, weights=weights).x for row in values]
    np.testing.assert_allclose(isotonic(values, weights), expected, atol=1e-9)


def test_a_straight_line_is_found_exactly():
    values = 1.5 + 0.25 * np.log(TOKENS)
    line = Line.through(TOKENS, [1.0, 2, 3, 1, 1, 5])
    assert line.ends @ values == pytest.approx(values[[0, -1]])
    assert line.change @ values == pytest.approx(0.25 * np.log(32))


def test_an_interval_turns_the_errors_around():
    assert interval(1.0, np.linspace(-0.1, 0.3, 1001), 0.9) == pytest.approx((1 - 0.28, 1 + 0.08))
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        interval(1.0, np.zeros(3), 1.0)


def test_what_all_points_have_in_common_has_no_weight():
    draws = common_noise(6, 4000, seed=1)
    draws[:, 2] += 0.05 * np.random.default_rng(2).normal(size=4000)
    found = own_weights(Noise(draws, "segments"))
    assert found.mean() == pytest.approx(1)
    assert found.argmin() == 2
    shifted = draws + np.random.default_rng(3).normal(size=(4000, 1))
    np.testing.assert_allclose(own_weights(Noise(shifted, "segments")), found)


@pytest.mark.parametrize("draws", [np.zeros((10, 4)), np.ones((10, 4)) * np.arange(10)[:, None]])
def test_noise_that_does_not_tell_points_apart_is_refused(draws):
    with pytest.raises(ValueError, match="does not tell the points apart"):
        own_weights(Noise(draws, "segments"))


@pytest.mark.parametrize("n", [4, 8, 12])
@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_the_test_keeps_its_level_on_level_curves(n, shared):
    noise = Noise(common_noise(n, 2000, seed=1, shared=shared), "segments")
    curves = np.exp(common_noise(n, 2000, seed=2, shared=shared))
    p = p_monotone(TOKENS[0] * 2.0 ** np.arange(n), curves, noise)
    # 0.05 of 2,000 curves has the standard error 0.005, and as much again from 2,000 draws
    assert 0.03 < np.mean(p < 0.05) < 0.07
    assert np.mean(p < 0.5) == pytest.approx(0.5, abs=0.05)


def test_the_test_rejects_less_often_on_rising_curves():
    noise = Noise(common_noise(6, 1000, seed=1), "segments")
    rising = 0.1 * np.log(TOKENS) + common_noise(6, 2000, seed=2)
    assert np.mean(p_monotone(TOKENS, np.exp(rising), noise) < 0.05) < 0.005


@pytest.mark.parametrize(
    "shape",
    [-np.linspace(0, 1, 6), np.array([0.0, 1, 0, 1, 0, 1]), np.array([0, 0.5, 1, 1, 0.5, 0])],
    ids=["falling", "fluctuating", "up and down"],
)
def test_the_test_finds_falls_that_only_the_common_noise_would_hide(shape):
    curves = np.exp(0.05 * shape + common_noise(6, 300, seed=3))
    seen = p_monotone(TOKENS, curves, Noise(common_noise(6, 1000, seed=1), "segments")) < 0.05
    taken_apart = p_monotone(TOKENS, curves, Noise.relative(SD, 6)) < 0.05
    assert seen.mean() > 0.9
    assert taken_apart.mean() < seen.mean() - 0.3


def test_the_test_sees_a_steady_decline_better_than_the_isotonic_distance_alone():
    declines = np.exp(-3 * SD * np.linspace(0, 1, 12) + common_noise(12, 1000, seed=3, shared=0))
    noise = Noise(common_noise(12, 1000, seed=1, shared=0), "segments")
    # 68% by the distance alone
    assert np.mean(p_monotone(TOKENS[0] * 2.0 ** np.arange(12), declines, noise) < 0.05) > 0.83


NOISE = Noise(common_noise(6, 500, seed=1), "segments")


@settings(max_examples=20, deadline=None)
@given(logs, arrays(float, 6, elements=st.floats(0, 0.1)), st.floats(0.01, 100))
def test_a_curve_that_rises_more_is_never_less_monotone(curve, steps, unit):
    p, steeper, scaled = (
        p_monotone(TOKENS, unit_of * np.exp(each)[None, :], NOISE)[0]
        for unit_of, each in [(1.0, curve), (1.0, curve + np.cumsum(steps)), (unit, curve)]
    )
    assert steeper >= p
    assert scaled == p
    assert p_monotone(1000 * TOKENS, np.exp(curve)[None, :], NOISE)[0] == p
