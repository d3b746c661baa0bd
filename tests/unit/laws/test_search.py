"""The fast search against the published procedure, and its derivatives against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.laws import FAMILIES, Objective, fit_many
from downlaw.laws.descent import polish
from downlaw.laws.problems import Problems, bounds
from downlaw.laws.search import projected

TOKENS = 1e5 * 2.0 ** np.arange(7)
RNG = np.random.default_rng(11)
LN = np.log(TOKENS / TOKENS[0])


def hard_curves(kind: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Curves of scores or of cross-entropies: smooth, nearly linear, flat, falling, with an outlier, short,
    near the ends of the scale, and pure noise."""
    rise = 10 * (1 + LN) ** 0.5 if kind == "score" else 2 + 2 * np.exp(-0.3 * LN)
    spike = np.where(np.arange(7) == 2, 1.5, 1.0)
    bare = [
        rise,
        5 + 0.5 * LN if kind == "score" else 4 - 0.1 * LN,
        np.full(7, 3.0) * np.exp(1e-3 * RNG.normal(size=7)),
        rise[::-1],
        rise * spike,
        0.05 * (1 + LN) if kind == "score" else rise,
        99.9 - 2 * np.exp(-LN) if kind == "score" else rise,
        3 * np.exp(0.3 * RNG.normal(size=7)),
    ]
    noisy = [values * np.exp(0.02 * RNG.normal(size=7)) for values in bare]
    full = [(TOKENS, values) for values in (*bare, *noisy)]
    return [*full, *((tokens[:4], values[:4]) for tokens, values in full)]


@pytest.mark.parametrize(
    ("law", "kind", "objective"),
    [
        ("log_law", "score", Objective.huber_on_logs(0.1)),
        ("log_law", "score", Objective.huber_on_logs(1e-3)),
        ("power_law", "loss", Objective.huber_on_logs(0.1)),
        ("power_law", "loss", Objective.huber_on_logs(1e-3)),
        ("power_law", "loss", Objective.least_squares()),
        ("sigmoid", "score", Objective.huber_on_logs(0.1)),
    ],
)
def test_the_fast_search_ends_no_higher_than_the_published_procedure(
    law: str, kind: str, objective: Objective
):
    curves = hard_curves(kind)
    if law == "sigmoid":
        curves = curves[::4]
    fast, paper = (
        fit_many(FAMILIES[law], curves, objective=objective, n_fit=None, method=method)
        for method in ("fast", "paper")
    )
    floor = 1e-10 * min(objective.delta, 1.0) ** 2
    for ours, theirs in zip(fast, paper, strict=True):
        assert ours.place is not None, ours.status
        if theirs.place is not None:
            assert ours.objective <= theirs.objective * (1 + 1e-6) + floor


def problems(law: str, objective: Objective, count: int = 5) -> tuple[Problems, np.ndarray]:
    family = FAMILIES[law]
    chart = family.chart((TOKENS,))
    inputs = tuple(x[:, None] for x in chart.scaled(family.coordinates((TOKENS,))))
    observed = (3 + np.exp(-0.3 * LN))[:, None] * np.exp(0.01 * RNG.normal(size=(7, count)))
    one = Problems(family, objective, inputs, observed, np.ones((7, 1)))
    shapes = np.array([[shape.grid[len(shape.grid) // 2]] * count for shape in family.shapes])
    return one, projected(one, shapes.reshape(len(family.shapes), count)) + 0.01


objectives = st.sampled_from(
    [Objective.huber_on_logs(0.1), Objective.huber_on_logs(1e-3), Objective.least_squares()]
)
laws = st.sampled_from([name for name, family in FAMILIES.items() if family.inputs == ("pretrain_tokens",)])


@settings(max_examples=25, deadline=None)
@given(laws, objectives)
def test_derivatives_of_residuals_agree_with_finite_differences(law: str, objective: Objective):
    these, point = problems(law, objective)
    _, derivatives = these.linearised(point)
    for number, derivative in enumerate(derivatives):
        step = np.zeros_like(point)
        step[number] = 1e-6
        numeric = (these.residuals(point + step) - these.residuals(point - step)) / 2e-6
        np.testing.assert_allclose(derivative, numeric, rtol=1e-4, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(laws, objectives)
def test_curvature_agrees_with_finite_differences_of_the_derivatives(law: str, objective: Objective):
    these, point = problems(law, objective)
    pull = RNG.normal(size=these.observed.shape)
    _, derivatives = these.linearised(point)
    matrix = these.curvature(point, pull, derivatives)
    for column in range(len(point)):
        step = np.zeros_like(point)
        step[column] = 1e-5
        ahead, behind = (these.linearised(point + sign * step)[1] for sign in (1, -1))
        for row in range(column, len(point)):
            numeric = (pull * (ahead[row] - behind[row]) / 2e-5).sum(axis=0)
            np.testing.assert_allclose(matrix[row][column], numeric, rtol=1e-3, atol=1e-3)


def test_a_polish_stays_within_bounds_and_never_climbs():
    these, point = problems("power_law", Objective.huber_on_logs(1e-3), count=40)
    low, high = bounds(these.family)
    ends, values = polish(these, point)
    assert np.all(values <= these.value(point))
    assert np.all((ends >= low) & (ends <= high))
    np.testing.assert_allclose(values, these.value(ends))


def test_frozen_parameters_stay():
    these, point = problems("power_law", Objective.huber_on_logs(0.1))
    ends, _ = polish(these, point, frozen=[2])
    np.testing.assert_array_equal(ends[2], point[2])


def test_projected_weights_keep_their_bounds():
    these, _ = problems("power_law", Objective.huber_on_logs(0.1), count=3)
    these.observed[:] = these.observed[::-1]  # rising: the best weight of the decay would be negative
    points = projected(these, np.full((1, 3), 0.5))
    assert np.all(points[1] == 0) and np.all(points[0] > 0)
