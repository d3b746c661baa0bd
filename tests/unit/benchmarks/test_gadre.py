"""The adapter to the published code of Gadre et al., tried on a stand-in with the same two functions."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gadre
from benchmarks.curves import curves, predict

STAND_IN = """
import numpy as np
from scipy.optimize import least_squares


def curve_fit_powlaw_ours(xdata, ydata):
    size, ratio = xdata

    def off(p):
        return p[0] * size ** p[2] + p[1] * 6 ** (p[2] / 2) * (ratio * size) ** p[2] + p[3] - ydata

    return least_squares(off, [100.0, 300.0, -0.3, 1.5], x_scale=[100, 100, 0.1, 1], xtol=1e-15).x


def curve_fit_decay_ours(xdata, ydata):
    return least_squares(lambda p: p[2] - p[0] * np.exp(xdata) ** -p[1] - ydata, [1.0, 1.0, 1.0]).x
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "scaling").mkdir()
    (tmp_path / "scaling" / "laws.py").write_text(STAND_IN)
    return tmp_path


@pytest.mark.parametrize("law", ["overtraining_law", "error_law"])
def test_parameters_come_back_under_the_papers_names(checkout, law):
    fit = gadre.fitters(gadre.load(checkout))[law]
    curve = next(curve for curve in curves(law, 8) if curve.noise == 0 and curve.kind == "ordinary")
    found = fit(curve)
    assert set(found) == set(curve.truth)
    np.testing.assert_allclose(predict(law, curve.inputs, found), curve.values, rtol=1e-4)


def test_the_file_itself_will_do(checkout):
    assert callable(gadre.load(checkout / "scaling" / "laws.py").curve_fit_decay_ours)


def test_a_negative_scale_is_no_error_law(checkout):
    (checkout / "scaling" / "laws.py").write_text(
        "def curve_fit_powlaw_ours(x, y): ...\ndef curve_fit_decay_ours(x, y): return -1.0, 1.0, 0.5\n"
    )
    fit = gadre.fitters(gadre.load(checkout))["error_law"]
    with pytest.raises(ValueError, match="k is -1"):
        fit(curves("error_law", 1)[0])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "is not there"),
        ("def curve_fit_powlaw_ours(x, y): ...", "no function curve_fit_decay_ours"),
        ("import a_module_that_is_not_there", "cannot be imported"),
    ],
)
def test_what_is_not_their_code_is_refused(tmp_path, text, complaint):
    file = tmp_path / "laws.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(gadre.GadreCodeError, match=complaint):
        gadre.load(file)


def test_their_law_and_the_papers_are_one():
    """by_size * N^b + by_data * 6^(b / 2) * (M * N)^b + E is the paper's law with eta = -b / 2."""
    n, m, by_size, by_data, exponent, floor = 1e8, 40.0, 250.0, 90.0, -0.3, 1.7
    theirs = by_size * n**exponent + by_data * 6 ** (exponent / 2) * (m * n) ** exponent + floor
    eta = -exponent / 2
    parameters = {"a": by_size * 6**eta, "b": by_data, "eta": eta, "E": floor}
    ours = predict("overtraining_law", np.array([[6 * n * n * m, m]]), parameters)
    assert math.isclose(ours[0], theirs, rel_tol=1e-12)
