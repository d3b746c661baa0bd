from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downlaw.laws import FAMILIES, Family
from downlaw.laws.place import Place

RNG = np.random.default_rng(3)
INPUTS = {
    1: np.array([3e4, 1e5, 2.5e5, 6e5, 2e6]),
    2: np.column_stack([np.geomspace(1e6, 1e9, 12), RNG.permutation(np.geomspace(20, 640, 12))]),
}
LOSSES = np.array([2.0, 2.4, 2.9, 3.5, 4.1])

families = st.sampled_from(list(FAMILIES.values()))
fractions = st.lists(st.floats(0.05, 0.95), min_size=6, max_size=6)


def inputs_of(family: Family) -> np.ndarray:
    return LOSSES if family.inputs in (("loss",), ("cross_entropy",)) else INPUTS[len(family.inputs)]


def place_of(family: Family, parts: list[float]) -> Place:
    """A law of the family: shapes within the grid of their starts, weights that give positive values."""
    shapes = [np.quantile(shape.grid, part) for shape, part in zip(family.shapes, parts[3:], strict=False)]
    weights = [1.0 + parts[0], *(0.5 * part for part in parts[1 : family.n_weights])]
    return Place(family.chart(family.split(inputs_of(family))), 1.0, np.array([*weights, *shapes]))


@given(families, fractions)
def test_the_published_formula_gives_what_the_columns_give(family: Family, parts: list[float]):
    place, inputs = place_of(family, parts), inputs_of(family)
    by_formula = family.predict(inputs, place.published(family))
    np.testing.assert_allclose(by_formula, place.predict(family, inputs), rtol=1e-6)


@given(families, fractions)
def test_slopes_of_columns_agree_with_finite_differences(family: Family, parts: list[float]):
    place = place_of(family, parts)
    scaled = place.chart.scaled(family.coordinates(family.split(inputs_of(family))))
    shapes = place.points[family.n_weights :]
    for moved, slopes in enumerate(family.slopes(scaled, shapes)):
        step = np.eye(len(shapes))[moved] * 1e-6
        above, below = (family.columns(scaled, shapes + sign * step) for sign in (1, -1))
        for slope, a, b in zip(slopes, above, below, strict=True):
            np.testing.assert_allclose(
                slope + 0 * scaled[0], (a - b) / 2e-6 + 0 * scaled[0], rtol=1e-4, atol=1e-5
            )


@given(families, fractions)
def test_a_law_moves_the_way_its_family_says(family: Family, parts: list[float]):
    if family.rises is None:
        return
    place, inputs = place_of(family, parts), inputs_of(family)
    line = np.linspace(1, 4, 40)[:, None] * np.atleast_2d(inputs.T).T[:1]
    values = place.predict(family, line if len(family.inputs) > 1 else line[:, 0])
    steps = np.diff(values) * (1 if family.rises else -1)
    assert np.all(steps >= -1e-9)


def test_log_law_matches_its_formula_by_hand():
    # (ln(A Dp^alpha))^beta with ln A = -3, alpha = 0.4, beta = 2: c = -7.5, alpha^beta = 0.16
    parameters = {"ln_alpha_pow_beta": math.log(0.16), "beta": 2.0, "c": -7.5}
    values = FAMILIES["log_law"].predict([10.0, 1e6], parameters)
    assert math.isnan(values[0]), "the inner logarithm is not positive there"
    assert values[1] == pytest.approx(math.log(math.exp(-3.0) * 1e6**0.4) ** 2)


def test_log_law_gives_the_parameters_of_the_paper():
    law, tokens = FAMILIES["log_law"], INPUTS[1]
    published = place_of(law, [0.5, 0.4, 0.3, 0.5, 0.5, 0.5]).published(law)
    assert published["c"] == pytest.approx(published["ln_A"] / published["alpha"])
    assert published["alpha_pow_beta"] == pytest.approx(published["alpha"] ** published["beta"])
    by_paper = (published["ln_A"] + published["alpha"] * np.log(tokens)) ** published["beta"]
    np.testing.assert_allclose(law.predict(tokens, published), by_paper, rtol=1e-6)


@pytest.mark.parametrize(
    ("law", "inputs", "parameters", "expected"),
    [
        ("power_law", [1e3], {"ln_A": math.log(50), "alpha": 0.5, "E": 2.0}, 2 + 50 / math.sqrt(1e3)),
        ("chinchilla", [[1e6, 1e8]], {"A": 400, "alpha": 0.3, "B": 300, "beta": 0.25, "E": 1.7}, 11.0396),
        ("overtraining_law", [[1e18, 20]], {"a": 140, "b": 190, "eta": 0.12, "E": 1.8}, 4.1051),
        ("error_law", [3.0], {"eps": 0.86, "ln_k": math.log(2.1), "gamma": 0.7}, 0.6028),
        ("rectified_law", [1e6], {"ln_B": 6.0, "ln_D_l": 5.0, "beta": 0.4, "E": 1.0}, 2.0113),
        ("joint_law", [[1e8, 1e6]], {"ln_A": 4.0, "alpha": 0.1, "beta": 0.1, "E": 1.0}, 3.1736),
        ("exponential", [2.5], {"ln_a": math.log(60), "b": 0.8}, 60 * math.exp(-2.0)),
        ("linear_log", [math.e**10], {"a": -5.0, "b": 2.0}, 15.0),
        ("pure_power", [1e6], {"ln_a": 0.0, "b": 0.2}, 15.849),
        ("sigmoid", [math.e**12], {"S": 40.0, "r": 1.0, "m": 12.0}, 20.0),
        ("constant", [7.0], {"ln_a": math.log(12)}, 12.0),
    ],
)
def test_formulas_by_hand(law: str, inputs: list, parameters: dict[str, float], expected: float):
    assert FAMILIES[law].predict(inputs, parameters)[0] == pytest.approx(expected, rel=1e-3)


def test_over_training_is_chinchilla_with_one_exponent():
    n, d = np.meshgrid(np.geomspace(1e7, 1e9, 4), np.geomspace(1e9, 1e11, 4))
    n, d = n.ravel(), d.ravel()
    eta, a, b = 0.15, 120.0, 90.0
    in_size = {"A": a * 6**-eta, "alpha": 2 * eta, "B": b * 6**-eta, "beta": 2 * eta, "E": 1.8}
    in_compute = {"a": a, "b": b, "eta": eta, "E": 1.8}
    by_size = FAMILIES["chinchilla"].predict(np.column_stack([n, d]), in_size)
    by_compute = FAMILIES["overtraining_law"].predict(np.column_stack([6 * n * d, d / n]), in_compute)
    np.testing.assert_allclose(by_compute, by_size)


def test_every_family_describes_itself():
    for name, family in FAMILIES.items():
        assert family.name == name
        assert family.source == "rival" or "arXiv:" in family.source or "doi:" in family.source
        assert "=" in family.formula
        assert len(family.weight_names) == family.n_weights
        assert family.n_parameters == sum(not parameter.derived for parameter in family.parameters)
        for parameter in family.parameters:
            assert parameter.low < parameter.high and parameter.unit and parameter.fixed_by
        for shape in family.shapes:
            assert shape.low <= shape.grid[0] < shape.grid[-1] <= shape.high
            assert list(shape.grid) == sorted(shape.grid)


@pytest.mark.parametrize(
    ("law", "inputs", "message"),
    [
        ("log_law", [[1e6, 2.0]], "takes 1 numbers a point"),
        ("chinchilla", [1e6, 2e6], "takes 2 numbers a point"),
        ("power_law", [1e6, 0.0], "must be positive"),
        ("power_law", [math.nan], "must be positive and finite"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(law: str, inputs: list, message: str):
    with pytest.raises(ValueError, match=message):
        FAMILIES[law].split(inputs)


def test_a_missing_parameter_is_named():
    with pytest.raises(KeyError, match="alpha"):
        FAMILIES["power_law"].predict([1e6], {"ln_A": 1.0, "E": 2.0})
