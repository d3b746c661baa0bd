from __future__ import annotations

import math

import numpy as np
import pytest

from downlaw.laws import FAMILIES, Noise, Objective, bootstrap, fit_law

LOG_LAW = FAMILIES["log_law"]
TOKENS = 1e8 * 2.0 ** np.arange(8)
SCORES = 12 * (1 + np.log(TOKENS / TOKENS[0])) ** 0.6


def spread(noise: Noise, values: np.ndarray = SCORES, samples: int = 300):
    fit = fit_law(LOG_LAW, TOKENS, values, objective=Objective.huber_on_logs(0.1), n_fit=None)
    return bootstrap(fit, TOKENS, noise, samples=samples)


def test_intervals_hold_the_fit_and_widen_with_the_distance_and_the_noise():
    ahead = TOKENS[-1] * np.array([1, 4, 16])
    small, large = spread(Noise.relative(0.005, 8)), spread(Noise.relative(0.02, 8))
    for one in (small, large):
        low, high = one.interval(ahead)
        assert np.all((low < one.fit.predict(ahead)) & (one.fit.predict(ahead) < high))
        assert np.all(np.diff(np.log(high / low)) > 0)
    widths = [np.subtract(*reversed(np.log(one.interval(ahead)))) for one in (small, large)]
    np.testing.assert_allclose(widths[1] / widths[0], 4, rtol=0.4)


def test_a_new_measurement_varies_more_than_the_law():
    one = spread(Noise.relative(0.02, 8))
    law, measured = one.interval([TOKENS[-1]]), one.measurement_interval([TOKENS[-1]])
    assert measured[0] < law[0] and law[1] < measured[1]
    width = math.log(measured[1][0] / measured[0][0])
    assert width == pytest.approx(2 * 1.645 * 0.02 * math.sqrt(1 + 0.4), rel=0.3)


def test_without_noise_the_interval_is_the_law():
    one = spread(Noise.independent(np.zeros(8)), samples=20)
    low, high = one.interval([TOKENS[-1] * 8])
    assert low == pytest.approx(high, rel=1e-6)


def test_noise_that_all_points_share_moves_only_the_level():
    common = Noise(np.repeat(0.05 * np.random.default_rng(1).normal(size=(300, 1)), 8, axis=1), "segments")
    one = spread(common)
    beta, level = (one.parameters[name] for name in ("beta", "ln_alpha_pow_beta"))
    assert np.std(beta) < 1e-4
    assert np.std(level) == pytest.approx(0.05, rel=0.15)


def test_common_noise_cancels_between_curves_row_by_row():
    draws = np.repeat(0.05 * np.random.default_rng(1).normal(size=(300, 1)), 8, axis=1)
    common = Noise(draws, "segments")
    one, other = spread(common), spread(common, 1.2 * SCORES)
    at = [TOKENS[-1] * 2]
    assert np.std(np.log(one.predict(at))) > 0.04
    assert np.std(np.log(other.predict(at) / one.predict(at))) < 1e-3


def test_a_level_curve_with_noise_does_not_identify_the_bend():
    rng = np.random.default_rng(2)
    values = 20 * np.exp(0.02 * rng.normal(size=8)) * (TOKENS / TOKENS[0]) ** 0.004
    assert not spread(Noise.relative(0.02, 8), values).identified
    assert spread(Noise.relative(0.002, 8)).identified


def test_points_that_scatter_more_than_the_noise_are_a_misfit():
    rng = np.random.default_rng(4)
    values = SCORES * np.exp(0.02 * rng.normal(size=8))
    assert 0.02 < spread(Noise.relative(0.02, 8), values).misfit_p < 0.98
    assert spread(Noise.relative(0.004, 8), values).misfit_p < 0.01
    assert spread(Noise.relative(0.2, 8), values).misfit_p > 0.99


def test_the_same_draws_give_the_same_intervals():
    one, again = (spread(Noise.relative(0.01, 8)).parameter_intervals() for _ in range(2))
    assert one == again


def test_noise_of_another_number_of_points_is_refused():
    with pytest.raises(ValueError, match="noise of 5 points does not fit 8 inputs"):
        spread(Noise.relative(0.01, 5))


def test_a_fit_without_a_law_has_no_intervals():
    fit = fit_law(LOG_LAW, TOKENS[:2], SCORES[:2])
    with pytest.raises(ValueError, match="underdetermined"):
        bootstrap(fit, TOKENS[:2], Noise.relative(0.01, 2))


@pytest.mark.parametrize("level", [0.0, 1.0, 90])
def test_a_level_that_is_no_share_is_refused(level: float):
    with pytest.raises(ValueError, match="between 0 and 1"):
        spread(Noise.relative(0.01, 8), samples=20).interval([1e9], level)
