from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.laws import FAMILIES, Family, Objective, Status, fit_batch, fit_law, fit_many
from downlaw.laws.fit import _Curve
from downlaw.laws.place import Place

LOG_LAW, POWER_LAW = FAMILIES["log_law"], FAMILIES["power_law"]
TOKENS = 1e5 * 2.0 ** np.arange(7)
SCORES, LOSSES = Objective.huber_on_logs(0.1), Objective.huber_on_logs(1e-3)
FITTED = {"log_law": SCORES, "power_law": LOSSES}

few = settings(max_examples=15, deadline=None)


def truth(family: Family, *point: float) -> Place:
    return Place(family.chart((TOKENS[:4],)), 1.0, np.array(point))


def synthetic(family: Family, *point: float) -> np.ndarray:
    return truth(family, *point).predict(family, TOKENS)


def noisy(family: Family, noise: float, seed: int) -> np.ndarray:
    point = (2.0, 0.3, 0.5) if family is LOG_LAW else (2.0, 1.0, 0.6)
    errors = np.random.default_rng(seed).normal(size=TOKENS.size)
    return synthetic(family, *point) * np.exp(noise * errors)


@few
@given(st.floats(0.5, 3.5), st.floats(0.1, 1.0), st.floats(0.1, 0.9))
def test_log_law_is_recovered(level: float, slope: float, bend: float):
    place = truth(LOG_LAW, level, slope, bend)
    fit = fit_law(LOG_LAW, TOKENS, place.predict(LOG_LAW, TOKENS), objective=SCORES)
    assert fit.status is Status.OK
    assert (fit.n_fit, fit.n_held_out) == (4, 3)
    assert fit.held_out_error < 1e-6
    for name in ("beta", "c", "ln_alpha_pow_beta"):
        assert fit.parameters[name] == pytest.approx(place.published(LOG_LAW)[name], rel=1e-3)


@few
@given(st.floats(0.5, 3.0), st.floats(0.3, 3.0), st.floats(0.1, 2.0))
def test_power_law_is_recovered(floor: float, fall: float, shape: float):
    place = truth(POWER_LAW, floor, fall, shape)
    fit = fit_law(POWER_LAW, TOKENS, place.predict(POWER_LAW, TOKENS), objective=LOSSES)
    assert fit.status is Status.OK
    assert fit.held_out_error < 1e-6
    for name in ("E", "alpha", "ln_A"):
        assert fit.parameters[name] == pytest.approx(place.published(POWER_LAW)[name], rel=1e-3)


@few
@given(
    st.sampled_from([LOG_LAW, POWER_LAW]),
    st.lists(st.floats(1.0, 30.0), min_size=4, max_size=4),
    st.floats(0.01, 100),
)
def test_the_fit_does_not_depend_on_units(family: Family, values: list[float], unit: float):
    plain = fit_law(family, TOKENS[:4], values, objective=SCORES)
    scaled = fit_law(family, unit * TOKENS[:4], unit * np.array(values), objective=SCORES)
    assert scaled.objective == pytest.approx(plain.objective, rel=1e-4, abs=1e-9)


def test_an_optimum_at_which_one_point_hardly_pulls_has_converged():
    fit = fit_law(POWER_LAW, TOKENS[:4], [5.5, 4.0, 1.0, 6.0], objective=SCORES)
    assert fit.status is Status.UNIDENTIFIED
    assert fit.on_bound == ("alpha",)


@pytest.mark.parametrize("family", [LOG_LAW, POWER_LAW])
def test_no_nearby_law_fits_noisy_points_better(family: Family):
    objective = FITTED[family.name]
    for seed in range(5):
        values = noisy(family, 0.01, seed)
        fit = fit_law(family, TOKENS, values, objective=objective)
        rng = np.random.default_rng(seed)
        for scale in (1e-4, 1e-2, 0.3):
            for moved in fit.place.points + scale * rng.normal(size=(100, 3)):
                low = [*family.weight_low, family.shapes[0].low]
                place = Place(fit.place.chart, fit.place.unit, np.clip(moved, low, [9, 9, 0.99]))
                with np.errstate(all="ignore"):
                    residuals = np.log(place.predict(family, TOKENS[:4])) - np.log(values[:4])
                assert fit.objective <= objective.of(residuals) * (1 + 1e-9)


def test_objective_and_errors_are_what_they_are_called():
    values = noisy(POWER_LAW, 0.02, 1)
    fit = fit_law(POWER_LAW, TOKENS, values, objective=LOSSES)
    residuals = np.abs(np.log(fit.predict(TOKENS)) - np.log(values))
    loss = np.where(residuals <= 1e-3, residuals**2 / 2, 1e-3 * (residuals - 5e-4))
    assert fit.objective == pytest.approx(loss[:4].sum(), rel=1e-6)
    assert fit.fit_error == pytest.approx(residuals[:4].mean(), rel=1e-6)
    assert fit.held_out_error == pytest.approx(residuals[4:].mean(), rel=1e-6)


def test_the_least_squares_objective_is_in_the_units_of_the_metric():
    values = noisy(POWER_LAW, 0.02, 1)
    fit = fit_law(POWER_LAW, TOKENS, 100 * values, objective=Objective.least_squares(), n_fit=None)
    residuals = fit.predict(TOKENS) - 100 * values
    assert fit.objective == pytest.approx((residuals**2).sum() / 2, rel=1e-6)


def test_held_out_points_do_not_touch_the_fit():
    values = synthetic(LOG_LAW, 2.0, 0.3, 0.6)
    changed = np.where(np.arange(7) < 4, values, values * 3)
    fits = [fit_law(LOG_LAW, TOKENS, v, objective=SCORES) for v in (values, changed)]
    assert fits[0].parameters == fits[1].parameters
    assert fits[1].held_out_error == pytest.approx(math.log(3), rel=1e-4)


def test_the_order_of_the_points_does_not_matter():
    values = noisy(LOG_LAW, 0.01, 2)
    backwards = fit_law(LOG_LAW, TOKENS[::-1], values[::-1], objective=SCORES)
    assert backwards.parameters == fit_law(LOG_LAW, TOKENS, values, objective=SCORES).parameters


def test_curves_fitted_together_are_fitted_as_they_are_alone():
    together = [(TOKENS, noisy(POWER_LAW, 0.01, seed)) for seed in range(6)]
    for fit, (tokens, values) in zip(fit_many(POWER_LAW, together, objective=LOSSES), together, strict=True):
        alone = fit_law(POWER_LAW, tokens, values, objective=LOSSES)
        assert fit.objective == pytest.approx(alone.objective, rel=1e-9)
        assert fit.parameters == pytest.approx(alone.parameters, rel=1e-6)


def test_a_batch_of_samples_is_fitted_as_each_is_alone():
    samples = np.array([noisy(LOG_LAW, 0.02, seed) for seed in range(12)])
    batch = fit_batch(LOG_LAW, TOKENS, samples, objective=SCORES)
    assert batch.predict(TOKENS[-1:] * 4).shape == (12, 1)
    for number, values in enumerate(samples):
        alone = fit_law(LOG_LAW, TOKENS, values, objective=SCORES, n_fit=None)
        assert batch.objective[number] == pytest.approx(alone.objective, rel=1e-6)


def test_heavier_points_are_fitted_better():
    values = noisy(POWER_LAW, 0.05, 3)
    weights = np.array([1, 1, 1, 1, 1, 1, 1e4])
    plain, weighted = (
        fit_law(POWER_LAW, TOKENS, values, objective=SCORES, n_fit=None, weights=w) for w in (None, weights)
    )
    errors = [abs(math.log(fit.predict(TOKENS[-1:])[0] / values[-1])) for fit in (plain, weighted)]
    assert errors[1] < 0.1 * errors[0]


def test_two_inputs_are_fitted():
    n, d = (side.ravel() for side in np.meshgrid(np.geomspace(1e7, 1e9, 4), np.geomspace(1e9, 1e11, 4)))
    true = {"A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28, "E": 1.7}
    inputs = np.column_stack([n, d])
    law = FAMILIES["chinchilla"]
    fit = fit_law(law, inputs, law.predict(inputs, true), objective=LOSSES, n_fit=None)
    assert fit.status is Status.NO_HELD_OUT
    assert fit.parameters == pytest.approx(true, rel=1e-3)


def test_an_input_that_never_varies_is_underdetermined():
    inputs = np.column_stack([np.full(7, 1e8), TOKENS])
    fit = fit_law(FAMILIES["chinchilla"], inputs, np.linspace(4, 3, 7), n_fit=None)
    assert fit.status is Status.UNDERDETERMINED


def test_scores_that_are_not_positive_are_undefined_even_when_held_out():
    fit = fit_law(LOG_LAW, TOKENS, np.array([1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 7.0]), objective=SCORES)
    assert fit.status is Status.UNDEFINED
    assert not fit.parameters
    assert math.isnan(fit.objective) and math.isnan(fit.fit_error) and math.isnan(fit.held_out_error)
    with pytest.raises(ValueError, match="undefined for this family"):
        fit.predict(TOKENS)


@pytest.mark.parametrize("points", [0, 1, 2])
def test_fewer_points_than_parameters_are_not_fitted(points: int):
    fit = fit_law(POWER_LAW, TOKENS[:points], np.array([3.0, 2.5])[:points], objective=LOSSES)
    assert fit.status is Status.UNDERDETERMINED
    assert math.isnan(fit.fit_error)


def test_as_many_points_as_parameters_are_interpolated():
    fit = fit_law(POWER_LAW, TOKENS, synthetic(POWER_LAW, 2.0, 1.0, 0.5), objective=LOSSES, n_fit=3)
    assert fit.status is Status.INTERPOLATED
    assert fit.fit_error < 1e-6
    assert (fit.n_fit, fit.n_held_out) == (3, 4)


def test_a_curve_that_ends_with_its_fitted_points_has_no_held_out_error():
    fit = fit_law(POWER_LAW, TOKENS[:4], synthetic(POWER_LAW, 2.0, 1.0, 0.5)[:4], objective=LOSSES)
    assert fit.status is Status.NO_HELD_OUT
    assert math.isnan(fit.held_out_error)
    assert fit.parameters


@pytest.mark.parametrize(
    ("family", "values"),
    [
        (LOG_LAW, np.full(7, 12.0)),
        (POWER_LAW, np.full(7, 3.0)),
        (LOG_LAW, np.linspace(9, 3, 7)),
        (POWER_LAW, np.linspace(3, 4, 7)),
    ],
)
@pytest.mark.parametrize("method", ["fast", "paper"])
def test_a_curve_that_is_level_or_moves_the_wrong_way_is_flat(
    family: Family, values: np.ndarray, method: str
):
    fit = fit_law(family, TOKENS, values, objective=SCORES, method=method)
    assert fit.status is Status.FLAT
    assert not fit.parameters
    assert fit.held_out_error >= 0


def test_a_pure_power_of_the_tokens_leaves_the_log_law_unidentified_but_predicts_well():
    fit = fit_law(LOG_LAW, TOKENS, 0.01 * TOKENS**0.5, objective=SCORES)
    assert fit.status is Status.UNIDENTIFIED
    assert fit.on_bound == ("bend",)
    assert fit.held_out_error < 0.01


def test_a_power_law_without_a_floor_is_unidentified():
    fit = fit_law(POWER_LAW, TOKENS, 20 * TOKENS**-0.15, objective=LOSSES)
    assert fit.status is Status.UNIDENTIFIED
    assert fit.on_bound == ("E",)
    assert fit.parameters["E"] == pytest.approx(0, abs=1e-3)
    assert fit.parameters["alpha"] == pytest.approx(0.15, rel=1e-2)


def test_a_nearly_flat_log_law_has_no_absurd_parameters_under_status_ok():
    values = 20 + np.array([0.0, 0.02, 0.01, 0.03, 0.02, 0.03, 0.03])
    fit = fit_law(LOG_LAW, TOKENS, values, objective=SCORES)
    assert fit.status in (Status.UNIDENTIFIED, Status.FLAT) or fit.parameters["alpha"] < 1e9


@pytest.mark.parametrize("method", ["fast", "paper"])
def test_an_optimum_on_a_bound_is_found_and_named_by_both_procedures(method: str):
    bent_down = 4 - 0.02 * np.arange(7.0) ** 2  # a floor would bend it up
    fit = fit_law(
        POWER_LAW, TOKENS, bent_down, objective=Objective.least_squares(), n_fit=None, method=method
    )
    assert fit.status is Status.UNIDENTIFIED
    assert fit.on_bound == ("E",)


def test_points_too_close_to_show_a_law_are_not_fitted():
    tokens = 1e6 * (1 + 0.1 * np.arange(4))
    fit = fit_law(LOG_LAW, tokens, [10.0, 10.4, 10.6, 10.7], objective=SCORES)
    assert fit.status is Status.SHORT_SPAN
    assert not fit.parameters


def test_an_optimum_that_is_none_is_not_converged():
    curve = _Curve.of(POWER_LAW, LOSSES, 4, TOKENS, noisy(POWER_LAW, 0.01, 1))
    fit = curve.fit(np.array([1.0, 1.0, 0.5]), identified=True, stationary=False)
    assert fit.status is Status.NOT_CONVERGED
    assert not fit.parameters


@pytest.mark.parametrize(
    ("tokens", "values", "options", "message"),
    [
        ([1, 2, 3], [1, 2], {}, "3 inputs need as many values"),
        ([0, 2, 3], [1, 2, 3], {}, "positive"),
        ([1, 2, math.inf], [1, 2, 3], {}, "finite"),
        ([1, 2, 2], [1, 2, 3], {}, "two points are the same"),
        ([1, 2, 3], [1, math.nan, 3], {}, "values must be finite"),
        ([1, 2, 3], [1, 2, 3], {"n_fit": 0}, "positive"),
        ([1, 2, 3], [1, 2, 3], {"weights": [1, 0, 1]}, "weights must be positive"),
    ],
)
def test_bad_points_are_refused(tokens: list, values: list, options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        fit_law(LOG_LAW, tokens, values, **options)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones(7), "of shape"),
        (np.full((3, 7), math.nan), "finite"),
        (np.zeros((3, 7)), "not positive"),
        (np.ones((3, 2)), "2 points do not determine 3 parameters"),
    ],
)
def test_bad_samples_are_refused(values: np.ndarray, message: str):
    tokens = TOKENS[: values.shape[1]] if values.ndim == 2 else TOKENS
    with pytest.raises(ValueError, match=message):
        fit_batch(LOG_LAW, tokens, values)


@pytest.mark.parametrize("delta", [0.0, -1.0, math.nan])
def test_a_delta_that_is_not_positive_is_refused(delta: float):
    with pytest.raises(ValueError, match="delta must be positive"):
        Objective.huber_on_logs(delta)
