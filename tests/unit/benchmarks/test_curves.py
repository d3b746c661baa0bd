"""Synthetic curves: of known laws, repeatable, easy and hard."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.curves import LOG_LAW_KINDS, NOISES, POWER_LAW_KINDS, curves, predict
from downlaw.laws import FAMILIES

LAWS = ("log_law", "power_law", "chinchilla", "overtraining_law", "error_law")


@pytest.mark.parametrize("law", LAWS)
def test_curves_are_what_the_seed_says(law):
    again = zip(curves(law, 5, seed=3), curves(law, 5, seed=3), curves(law, 5, seed=4), strict=True)
    for first, second, other in again:
        np.testing.assert_array_equal(first.values, second.values)
        assert not np.array_equal(first.values, other.values)


@pytest.mark.parametrize("law", LAWS)
def test_a_curve_without_noise_is_its_law(law):
    exact = [curve for curve in curves(law, 40) if curve.noise == 0 and curve.truth]
    assert exact
    for curve in exact:
        np.testing.assert_allclose(predict(law, curve.inputs, curve.truth), curve.values, rtol=1e-9)


@pytest.mark.parametrize("law", LAWS)
def test_formulas_are_those_of_the_library(law):
    family = FAMILIES[law]
    for curve in curves(law, 10):
        parameters = dict(curve.truth)
        if not parameters:
            continue
        if law == "log_law":
            parameters["c"] = parameters["ln_A"] / parameters["alpha"]
            parameters["ln_alpha_pow_beta"] = parameters["beta"] * np.log(parameters["alpha"])
        expected = family.predict(curve.inputs, parameters)
        np.testing.assert_allclose(predict(law, curve.inputs, curve.truth), expected, rtol=1e-7)


@pytest.mark.parametrize(("law", "kinds"), [("log_law", LOG_LAW_KINDS), ("power_law", POWER_LAW_KINDS)])
def test_every_kind_meets_every_noise(law, kinds):
    met = {(curve.kind, curve.noise) for curve in curves(law, len(kinds) * len(NOISES))}
    assert met == {(kind, noise) for kind in kinds for noise in NOISES}


def test_scores_lie_between_0_and_100():
    for curve in curves("log_law", 200):
        assert np.all((curve.values > 0) & (curve.values <= 100))


def test_an_unknown_law_is_refused():
    with pytest.raises(ValueError, match="no formula for 'cubic'"):
        predict("cubic", np.ones(3), {})
