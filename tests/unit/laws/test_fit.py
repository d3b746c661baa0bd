from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from downlaw.laws import FAMILIES, Family, Status, fit_law
from downlaw.laws.families import Chart
from downlaw.laws.fit import huber_objective

LOG_LAW, POWER_LAW = FAMILIES["log_law"], FAMILIES["power_law"]
TOKENS = 1e5 * 2.0 ** np.arange(7)
CHART = Chart.over(TOKENS[:4])

few = settings(max_examples=15, deadline=None)


def synthetic(family: Family, level: float, slope: float, bend: float) -> tuple[np.ndarray, dict[str, float]]:
    point = np.array([level, slope, bend])
    return np.exp(family.log_predict(point, np.log(TOKENS), CHART)[0]), family.coefficients_at(point, CHART)


@few
@given(st.floats(0.5, 3.5), st.floats(0.1, 1.0), st.floats(0.1, 0.9))
def test_log_law_is_recovered(level: float, slope: float, bend: float):
    values, truth = synthetic(LOG_LAW, level, slope, bend)
    fit = fit_law(LOG_LAW, TOKENS, values, delta=0.1)
    assert fit.status is Status.OK
    assert (fit.n_fit, fit.n_held_out) == (4, 3)
    assert fit.held_out_error < 1e-6
    assert fit.coefficients == pytest.approx(truth, rel=1e-3)
    np.testing.assert_allclose(fit.predict(TOKENS), values, rtol=1e-5)


@few
@given(st.floats(0.0, 2.0), st.floats(0.02, 0.3), st.floats(0.1, 0.9))
def test_power_law_is_recovered(level: float, slope: float, bend: float):
    values, truth = synthetic(POWER_LAW, level, slope, bend)
    fit = fit_law(POWER_LAW, TOKENS, values, delta=1e-3)
    assert fit.status is Status.OK
    assert fit.held_out_error < 1e-6
    assert fit.coefficients == pytest.approx(truth, rel=1e-3)


@few
@given(
    st.sampled_from([LOG_LAW, POWER_LAW]),
    st.lists(st.floats(1.0, 30.0), min_size=4, max_size=4),
    st.floats(0.5, 5),
)
def test_the_fit_does_not_depend_on_units(family: Family, values: list[float], unit: float):
    plain = fit_law(family, TOKENS[:4], values, delta=0.1)
    scaled = fit_law(family, unit * TOKENS[:4], unit * np.array(values), delta=0.1)
    assert scaled.objective == pytest.approx(plain.objective, rel=1e-4, abs=1e-9)


@few
@given(
    st.sampled_from([LOG_LAW, POWER_LAW]),
    st.floats(-1.0, 3.0),
    st.floats(0.05, 1.5),
    st.floats(0.05, 0.95),
    st.sampled_from([1e-3, 0.1]),
)
def test_gradient_of_the_objective_agrees_with_finite_differences(
    family: Family, level: float, slope: float, bend: float, delta: float
):
    observed = np.array([1.2, 0.9, 1.5, 1.1, 1.4, 1.3, 1.7])
    args = (family, CHART, np.log(TOKENS), observed, delta)
    point = np.array([level, slope, bend])
    gradient = huber_objective(point, *args)[1]
    error = check_grad(lambda p: huber_objective(p, *args)[0], lambda p: huber_objective(p, *args)[1], point)
    assert error <= 1e-3 * (1 + np.linalg.norm(gradient))


@pytest.mark.parametrize(("family", "delta"), [(LOG_LAW, 0.1), (POWER_LAW, 1e-3)])
def test_no_nearby_law_fits_noisy_points_better(family: Family, delta: float):
    rng = np.random.default_rng(7)
    for _ in range(5):
        values = synthetic(family, 2.0, 0.2, 0.5)[0] * np.exp(0.01 * rng.normal(size=7))
        fit = fit_law(family, TOKENS, values, delta=delta)
        for coordinates in rng.normal([2.0, 0.2, 0.5], [0.01, 0.02, 0.1], size=(300, 3)):
            point = np.clip(coordinates, *np.array(family.bounds).T)
            loss = huber_objective(point, family, CHART, np.log(TOKENS[:4]), np.log(values[:4]), delta)[0]
            assert fit.objective <= loss * delta**2 + 1e-15


def test_objective_and_errors_are_what_they_are_called():
    values = synthetic(POWER_LAW, 1.0, 0.1, 0.5)[0] * np.exp([0, 0, 0.02, -0.01, 0.05, 0.0, -0.03])
    fit = fit_law(POWER_LAW, TOKENS, values, delta=1e-3)
    residuals = np.abs(np.log(fit.predict(TOKENS)) - np.log(values))
    loss = np.where(residuals <= 1e-3, residuals**2 / 2, 1e-3 * (residuals - 5e-4))
    assert fit.objective == pytest.approx(loss[:4].sum(), rel=1e-6)
    assert fit.fit_error == pytest.approx(residuals[:4].mean(), rel=1e-6)
    assert fit.held_out_error == pytest.approx(residuals[4:].mean(), rel=1e-6)


def test_held_out_points_do_not_touch_the_fit():
    values = synthetic(LOG_LAW, 2.0, 0.3, 0.6)[0]
    changed = np.where(np.arange(7) < 4, values, values * 3)
    fits = [fit_law(LOG_LAW, TOKENS, v, delta=0.1) for v in (values, changed)]
    assert fits[0].coefficients == fits[1].coefficients
    assert fits[1].held_out_error == pytest.approx(math.log(3), rel=1e-4)


def test_the_order_of_the_points_does_not_matter():
    values = synthetic(LOG_LAW, 2.0, 0.3, 0.6)[0]
    backwards = fit_law(LOG_LAW, TOKENS[::-1], values[::-1], delta=0.1)
    assert backwards == fit_law(LOG_LAW, TOKENS, values, delta=0.1)


def test_scores_that_are_not_positive_are_undefined_even_when_held_out():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 7.0])
    fit = fit_law(LOG_LAW, TOKENS, values, delta=0.1)
    assert fit.status is Status.UNDEFINED
    assert not fit.coefficients
    assert math.isnan(fit.objective) and math.isnan(fit.fit_error) and math.isnan(fit.held_out_error)
    with pytest.raises(ValueError, match="undefined for this family"):
        fit.predict(TOKENS)


@pytest.mark.parametrize("points", [0, 1, 2])
def test_fewer_points_than_coefficients_are_not_fitted(points: int):
    fit = fit_law(POWER_LAW, TOKENS[:points], np.array([3.0, 2.5])[:points], delta=1e-3)
    assert fit.status is Status.UNDERDETERMINED
    assert math.isnan(fit.fit_error)


def test_as_many_points_as_coefficients_are_interpolated():
    values = synthetic(POWER_LAW, 1.0, 0.1, 0.5)[0]
    fit = fit_law(POWER_LAW, TOKENS, values, delta=1e-3, n_fit=3)
    assert fit.status is Status.INTERPOLATED
    assert fit.fit_error < 1e-6
    assert (fit.n_fit, fit.n_held_out) == (3, 4)


def test_a_curve_that_ends_with_its_fitted_points_has_no_held_out_error():
    fit = fit_law(POWER_LAW, TOKENS[:4], synthetic(POWER_LAW, 1.0, 0.1, 0.5)[0][:4], delta=1e-3)
    assert fit.status is Status.NO_HELD_OUT
    assert math.isnan(fit.held_out_error)
    assert fit.coefficients


@pytest.mark.parametrize(
    ("family", "values"),
    [
        (LOG_LAW, np.full(7, 12.0)),
        (POWER_LAW, np.full(7, 3.0)),
        (LOG_LAW, np.linspace(9, 3, 7)),
        (POWER_LAW, np.linspace(3, 4, 7)),
    ],
)
def test_a_curve_that_is_level_or_moves_the_wrong_way_is_flat(family: Family, values: np.ndarray):
    fit = fit_law(family, TOKENS, values, delta=0.1)
    assert fit.status is Status.FLAT
    assert not fit.coefficients
    assert fit.held_out_error >= 0


def test_a_pure_power_of_the_tokens_leaves_the_log_law_unidentified_but_predicts_well():
    fit = fit_law(LOG_LAW, TOKENS, 0.01 * TOKENS**0.5, delta=0.1)
    assert fit.status is Status.UNIDENTIFIED
    assert fit.held_out_error < 0.01


def test_a_power_law_without_a_floor_is_unidentified():
    fit = fit_law(POWER_LAW, TOKENS, 20 * TOKENS**-0.15, delta=1e-3)
    assert fit.status is Status.UNIDENTIFIED
    assert fit.coefficients["E"] == pytest.approx(0, abs=1e-4)
    assert fit.coefficients["alpha"] == pytest.approx(0.15, rel=1e-3)


def test_points_too_close_to_tell_a_bend_are_unidentified():
    tokens = 1e6 * (1 + 1e-5 * np.arange(4))
    fit = fit_law(LOG_LAW, tokens, [10.0, 10.01, 10.02, 10.03], delta=0.1)
    assert fit.status is Status.UNIDENTIFIED


def test_a_search_cut_short_is_not_converged():
    values = synthetic(POWER_LAW, 1.0, 0.1, 0.5)[0] * np.exp([0, 0.01, -0.02, 0.01, 0, 0, 0])
    fit = fit_law(POWER_LAW, TOKENS, values, delta=1e-3, max_iterations=1)
    assert fit.status is Status.NOT_CONVERGED
    assert not fit.coefficients


@pytest.mark.parametrize(
    ("tokens", "values", "options", "message"),
    [
        ([1, 2, 3], [1, 2], {}, "one length"),
        ([0, 2, 3], [1, 2, 3], {}, "positive"),
        ([1, 2, math.inf], [1, 2, 3], {}, "finite"),
        ([1, 2, 2], [1, 2, 3], {}, "distinct"),
        ([1, 2, 3], [1, math.nan, 3], {}, "values must be finite"),
        ([1, 2, 3], [1, 2, 3], {"delta": 0.0}, "positive"),
        ([1, 2, 3], [1, 2, 3], {"n_fit": 0}, "positive"),
    ],
)
def test_bad_points_are_refused(tokens: list, values: list, options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        fit_law(LOG_LAW, tokens, values, **{"delta": 0.1, **options})
