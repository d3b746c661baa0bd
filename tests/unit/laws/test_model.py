from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from downlaw.laws import FAMILIES, Noise, Status
from downlaw.laws.model import NotFittedError, ScalingLaw, compare

TOKENS = np.geomspace(1e6, 1.28e8, 8)
LOG_LAW = {"ln_alpha_pow_beta": -0.5, "beta": 1.5, "c": -9.0}
SCORES = FAMILIES["log_law"].predict(TOKENS, LOG_LAW)


def test_a_law_without_noise_is_found_again():
    law = ScalingLaw("log_law", n_fit=5).fit(TOKENS, SCORES)
    assert law.status_ == Status.OK
    assert law.parameters_["beta"] == pytest.approx(1.5, rel=1e-4)
    assert law.parameters_["c"] == pytest.approx(-9.0, rel=1e-4)
    assert law.held_out_error_ == pytest.approx(0, abs=1e-6)
    assert law.objective_ == pytest.approx(0, abs=1e-10)
    assert law.predict([1e9]) == pytest.approx(FAMILIES["log_law"].predict([1e9], LOG_LAW), rel=1e-4)


@pytest.mark.parametrize("noise", [0.01, np.full(8, 0.01), Noise.relative(0.01, 8)])
def test_a_known_noise_gives_intervals_around_the_law(noise):
    law = ScalingLaw("log_law").fit(TOKENS, SCORES, noise, samples=200)
    low, high = law.predict_interval([2e8, 1e9])
    assert np.all(low < law.predict([2e8, 1e9]))
    assert np.all(law.predict([2e8, 1e9]) < high)
    beta = law.parameter_intervals_["beta"]
    assert beta[0] < 1.5 < beta[1]
    assert law.interval_status_ == "ok"
    wide_low, wide_high = law.predict_interval([2e8, 1e9], level=0.99)
    assert np.all(wide_high - wide_low > high - low)


def test_points_and_their_noise_may_come_in_any_order():
    spread = np.linspace(0.001, 0.03, 8)
    shuffled = np.random.default_rng(3).permutation(8)
    draws = Noise.independent(spread)
    straight = ScalingLaw(n_fit=5).fit(TOKENS, SCORES, draws, samples=100)
    mixed = ScalingLaw(n_fit=5).fit(TOKENS[shuffled], SCORES[shuffled], draws.at(shuffled), samples=100)
    for mine, other in zip(straight.predict_interval([1e9]), mixed.predict_interval([1e9]), strict=True):
        assert mine == pytest.approx(other, rel=1e-9)


def test_points_that_scatter_more_than_their_noise_are_a_misfit():
    jagged = SCORES * np.exp(0.05 * (-1.0) ** np.arange(8))
    assert ScalingLaw().fit(TOKENS, jagged, noise=0.05, samples=200).misfit_p_ > 0.05
    assert ScalingLaw().fit(TOKENS, jagged, noise=0.005, samples=200).misfit_p_ < 0.01
    assert math.isnan(ScalingLaw().fit(TOKENS, jagged).misfit_p_)


def test_without_a_noise_there_is_no_interval():
    law = ScalingLaw().fit(TOKENS, SCORES)
    assert law.interval_status_ == "noise unknown"
    assert law.parameter_intervals_ == {}
    with pytest.raises(ValueError, match="the noise is unknown"):
        law.predict_interval([1e9])


def test_a_law_of_two_inputs_takes_a_frame_with_their_names():
    grid = pd.DataFrame(
        [(n, d) for n in (1e7, 1e8, 1e9) for d in (1e9, 4e9, 2e10)], columns=["params", "tokens"]
    )
    truth = {"A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28, "E": 1.7}
    loss = FAMILIES["chinchilla"].predict(grid.to_numpy(), truth)
    law = ScalingLaw("chinchilla", delta=1e-3).fit(grid, loss)
    assert law.parameters_["alpha"] == pytest.approx(0.34, rel=1e-3)
    swapped = grid[["tokens", "params"]]
    assert law.predict(swapped) == pytest.approx(loss, rel=1e-5)
    assert law.predict(grid.to_numpy()) == pytest.approx(loss, rel=1e-5)
    with pytest.raises(ValueError, match="column 'tokens' is missing"):
        law.predict(grid[["params"]])
    with pytest.raises(ValueError, match="takes 2 numbers a point"):
        law.predict([1e9])


def test_fewer_points_than_parameters_are_a_status():
    law = ScalingLaw("log_law").fit([1e6, 2e6], [10.0, 12.0], noise=0.02)
    assert law.status_ == Status.UNDERDETERMINED
    assert (law.parameters_, law.parameter_intervals_) == ({}, {})
    assert law.interval_status_ == "underdetermined"
    assert math.isnan(law.objective_)
    for ask in (law.predict, law.predict_interval):
        with pytest.raises(ValueError, match="was not fitted here: underdetermined"):
            ask([1e7])


def test_samples_on_a_bound_leave_the_law_unidentified():
    noisy = FAMILIES["log_law"].predict(TOKENS[:4], LOG_LAW)
    assert ScalingLaw().fit(TOKENS[:4], noisy).status_ == Status.NO_HELD_OUT
    assert ScalingLaw().fit(TOKENS[:4], noisy, noise=0.2).status_ == Status.UNIDENTIFIED


def test_a_law_that_is_not_fitted_says_so():
    for ask in (ScalingLaw().predict, ScalingLaw().predict_interval):
        with pytest.raises(NotFittedError, match="call fit"):
            ask([1e6])
    with pytest.raises(NotFittedError):
        ScalingLaw().score([1e6], [1.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"law": "loglaw"}, "no family is called 'loglaw'; there are log_law, power_law, chinchilla"),
        ({"delta": 0}, "delta must be positive"),
        ({"scale": "square"}, "scale is 'log' or 'linear'"),
        ({"n_fit": 0}, "n_fit must be positive"),
        ({"method": "slow"}, "method is 'fast' or 'paper'"),
    ],
)
def test_a_law_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ScalingLaw(**changes)
    with pytest.raises(ValueError, match=message):
        ScalingLaw().set_params(**changes)


@pytest.mark.parametrize(
    ("tokens", "values", "noise", "message"),
    [
        ([-1e6, 2e6, 3e6, 4e6], [1, 2, 3, 4], None, "pretrain_tokens must be positive"),
        ([0, 2e6, 3e6, 4e6], [1, 2, 3, 4], None, "pretrain_tokens must be positive"),
        ([1e6, 2e6, math.nan, 4e6], [1, 2, 3, 4], None, "positive and finite"),
        ([1e6, 2e6, 3e6, 4e6], [1, 2, math.nan, 4], None, "1 of 4 are not, the first at place 2"),
        ([1e6, 1e6, 3e6, 4e6], [1, 2, 3, 4], None, "two points are the same"),
        ([1e6, 2e6, 3e6, 4e6], [1, 2, 3], None, "4 points need as many values"),
        ([1e6, 2e6, 3e6, 4e6], [1, 2, 3, 4], [0.1, 0.1], "4 points need the noise of as many, not of 2"),
        ([1e6, 2e6, 3e6, 4e6], [1, 2, 3, 4], -0.1, "0 or more"),
    ],
)
def test_numbers_that_are_no_curve_are_refused(tokens, values, noise, message):
    with pytest.raises(ValueError, match=message):
        ScalingLaw().fit(tokens, values, noise)


def test_a_prediction_needs_positive_tokens():
    with pytest.raises(ValueError, match="must be positive"):
        ScalingLaw().fit(TOKENS, SCORES).predict([-1])


def test_parameters_can_be_read_and_set_as_in_scikit_learn():
    law = ScalingLaw("power_law", delta=1e-3)
    assert ScalingLaw(**law.get_params()).get_params() == law.get_params()
    assert law.set_params(n_fit=4) is law
    assert law.get_params()["n_fit"] == 4
    assert repr(law) == "ScalingLaw('power_law', delta=0.001, scale='log', n_fit=4, method='fast')"
    with pytest.raises(ValueError, match="alpha: a law has only law, delta"):
        law.set_params(alpha=1)


def test_the_score_is_minus_the_mean_error_of_the_logarithm():
    law = ScalingLaw().fit(TOKENS, SCORES)
    assert law.score(TOKENS, SCORES) == pytest.approx(0, abs=1e-6)
    assert law.score(TOKENS, SCORES * 1.05) == pytest.approx(-math.log(1.05), abs=1e-6)
    with pytest.raises(ValueError, match="8 positive values"):
        law.score(TOKENS, SCORES - 100)


def test_families_are_compared_by_what_they_predict():
    found = compare(["constant", "linear_log", "log_law"], TOKENS[::-1], SCORES[::-1])
    assert list(found["law"]) == ["log_law", "linear_log", "constant"]
    assert found["leave_last_out_error"].is_monotonic_increasing
    assert found["leave_last_out_error"].iloc[-1] > 0.1
    assert list(found["parameters"]) == [3, 2, 1]


def test_a_comparison_predicts_every_point_that_has_four_before_it():
    values = SCORES[:6].copy()
    values[3] *= 2  # seen by every law that predicts, predicted by none
    found = compare(["constant"], TOKENS[:6], values)
    by_hand = [
        ScalingLaw("constant", n_fit=before).fit(TOKENS[: before + 1], values[: before + 1]).held_out_error_
        for before in (4, 5)
    ]
    assert found["leave_last_out_error"].iloc[0] == pytest.approx(np.mean(by_hand))


def test_a_family_that_predicts_nothing_comes_last_with_its_status():
    found = compare(["log_law", "constant"], TOKENS[:2], SCORES[:2])
    assert list(found["law"]) == ["constant", "log_law"]
    assert math.isnan(found["leave_last_out_error"].iloc[1])
    assert found["status"].iloc[1] == "underdetermined"


@pytest.mark.parametrize("families", [[], ["log_law", "chinchilla"]])
def test_only_families_of_the_same_inputs_are_compared(families):
    with pytest.raises(ValueError, match="same inputs"):
        compare(families, TOKENS, SCORES)
