"""The published procedure in plain SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from benchmarks import published
from benchmarks.curves import curves, predict

POINTS = {
    "log_law": [(1.0, 0.4, 1.7), (-3.0, 0.5, 2.0)],
    "power_law": [(1.5, 0.3, 0.2), (6.0, 0.5, -0.3)],
    "chinchilla": [(6.0, 0.3, 7.0, 0.33, 0.4), (4.0, 0.2, 3.0, 0.15, -1.0)],
}


@pytest.mark.parametrize(("law", "point"), [(law, point) for law, all_ in POINTS.items() for point in all_])
def test_gradients_agree_with_finite_differences(law, point):
    curve = next(curve for curve in curves(law, 4) if curve.noise)
    arguments = (published.LAWS[law], np.log(curve.inputs), np.log(curve.values), 0.5)
    _, gradient = published.huber_objective(np.array(point), *arguments)
    numerical = approx_fprime(np.array(point), lambda x: published.huber_objective(x, *arguments)[0], 1e-7)
    np.testing.assert_allclose(gradient, numerical, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("law", "delta", "starts"),
    [
        ("log_law", 0.1, ((-10.0, -1.0, 1.0), (0.1, 1.0), (0.5, 2.0))),
        ("power_law", 1e-3, ((0.0, 5.0), (0.5, 1.0), (-1.0, 0.0))),
    ],
)
def test_a_law_without_noise_is_found(law, delta, starts, monkeypatch):
    monkeypatch.setattr(type(published.LAWS[law]), "grid", starts)
    curve = next(c for c in curves(law, 40) if c.noise == 0 and c.kind == "ordinary" and c.values.size > 5)
    found = published.fit(law, curve.inputs, curve.values, delta, published.TIGHT)
    np.testing.assert_allclose(predict(law, curve.inputs, found), curve.values, rtol=1e-6)


def test_outside_the_log_law_a_search_turns_back():
    curve = curves("log_law", 1)[0]
    point = np.array([-100.0, 1.0, 1.0])
    value, gradient = published.huber_objective(
        point, published.LAWS["log_law"], np.log(curve.inputs), np.log(curve.values), 0.1
    )
    assert value == 1e10
    assert not gradient.any()


def test_values_that_have_no_logarithm_are_refused(monkeypatch):
    monkeypatch.setattr(published.PowerLaw, "grid", ((0.0,), (0.5,), (0.0,)))
    curve = curves("power_law", 1)[0]
    with pytest.raises(ValueError, match="no search ended"):
        published.fit("power_law", curve.inputs, curve.values * np.nan, 1e-3)
