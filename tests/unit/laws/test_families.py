from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downlaw.laws import FAMILIES, Family
from downlaw.laws.families import Chart

TOKENS = np.array([3e4, 1e5, 2.5e5, 6e5, 2e6])
CHART = Chart.over(TOKENS[:4])

families = st.sampled_from(list(FAMILIES.values()))
levels = st.floats(-1.0, 4.0)
slopes = st.floats(0.01, 2.0)
bends = st.floats(0.01, 0.95)


@given(families, levels, slopes, bends)
def test_derivatives_agree_with_finite_differences(family: Family, level: float, slope: float, bend: float):
    point, log_tokens = np.array([level, slope, bend]), np.log(TOKENS)
    jacobian = family.log_predict(point, log_tokens, CHART)[1]
    for coordinate in range(3):
        step = np.zeros(3)
        step[coordinate] = 1e-6
        above = family.log_predict(point + step, log_tokens, CHART)[0]
        below = family.log_predict(point - step, log_tokens, CHART)[0]
        np.testing.assert_allclose(jacobian[:, coordinate], (above - below) / 2e-6, rtol=1e-4, atol=1e-6)


@given(families, levels, st.floats(0.1, 2.0), st.floats(0.05, 0.95))
def test_the_published_formula_gives_what_the_coordinates_give(
    family: Family, level: float, slope: float, bend: float
):
    point = np.array([level, slope, bend])
    by_formula = family.predict(TOKENS, family.coefficients_at(point, CHART))
    by_coordinates = np.exp(family.log_predict(point, np.log(TOKENS), CHART)[0])
    np.testing.assert_allclose(by_formula, by_coordinates, rtol=1e-6)


@given(levels, slopes, bends)
def test_log_law_never_falls_and_power_law_never_rises(level: float, slope: float, bend: float):
    tokens = np.geomspace(TOKENS[0], 1e9, 50)
    point = np.array([level, slope, bend])
    for family, sign in ((FAMILIES["log_law"], 1), (FAMILIES["power_law"], -1)):
        values = family.log_predict(point, np.log(tokens), CHART)[0]
        assert np.all(sign * np.diff(values) >= -1e-9)


@given(levels, slopes, bends)
def test_the_level_is_the_law_at_the_centre_and_the_slope_its_steepness_there(
    level: float, slope: float, bend: float
):
    near = np.array([CHART.centre, CHART.centre + 1e-6])
    for family, sign in ((FAMILIES["log_law"], 1), (FAMILIES["power_law"], -1)):
        here, beside = family.log_predict(np.array([level, slope, bend]), near, CHART)[0]
        assert here == pytest.approx(level)
        assert (beside - here) / 1e-6 == pytest.approx(sign * slope, rel=1e-3)


def test_power_law_approaches_its_floor():
    law = FAMILIES["power_law"]
    values = law.predict([1e3, 1e6, 1e30], {"ln_A": math.log(50.0), "alpha": 0.5, "E": 2.0})
    np.testing.assert_allclose(values, [2 + 50 / math.sqrt(1e3), 2.05, 2.0])


def test_log_law_matches_its_formula_by_hand():
    values = FAMILIES["log_law"].predict([1e6], {"ln_A": -3.0, "alpha": 0.4, "beta": 2.0})
    assert values[0] == pytest.approx(math.log(math.exp(-3.0) * 1e6**0.4) ** 2)


def test_log_law_is_undefined_where_its_inner_logarithm_is_not_positive():
    values = FAMILIES["log_law"].predict([10.0, 1e6], {"ln_A": -3.0, "alpha": 0.4, "beta": 2.0})
    assert math.isnan(values[0])
    assert values[1] > 0


def test_a_law_without_slope_is_constant_even_at_the_ends_of_its_bend():
    for family in FAMILIES.values():
        for bend in family.bend_bounds:
            values, jacobian = family.log_predict(np.array([1.5, 0.0, bend]), np.log(TOKENS), CHART)
            np.testing.assert_allclose(values, 1.5)
            assert np.all(np.isfinite(jacobian))


def test_every_start_lies_within_the_bounds():
    for family in FAMILIES.values():
        starts = family.starts(2.0)
        low, high = np.array(family.bounds).T
        assert starts.shape == (25, 3)
        assert np.all((starts >= low) & (starts <= high))


def test_every_family_says_where_it_comes_from():
    for name, family in FAMILIES.items():
        assert family.name == name
        assert "Eq." in family.source
        assert all(
            coefficient.name.removeprefix("ln_") in family.formula for coefficient in family.coefficients
        )
