from __future__ import annotations

import numpy as np
import pytest

from downlaw.laws.simulation.order import CURVES_A_NOISE, rejected, shapes
from downlaw.laws.simulation.verdicts import KINDS, errors, simulate, tables

BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.mark.parametrize(
    "name", ["log-law, +100%", "falling, -30%", "fluctuating by 20%", "up and down by 30%", "at the baseline"]
)
def test_little_noise_gives_each_kind_its_verdict(name):
    found = simulate(BY_NAME[name], 6, 0.002, 0.8, n_curves=2, samples=10)
    assert found == {BY_NAME[name].right: 2}


def test_the_tables_have_a_row_for_each_kind_and_each_noise():
    lines = list(tables(1, 5, kinds=[BY_NAME["falling, -30%"]], noises=[0.002, 0.2], shared=[0.0]))
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| falling, -30%"] * 2
    assert lines[2] == "| falling, -30% | 0.2% | 0% | 100m | 100m | 100m | 100m |"
    assert lines[-2] == "| 0.2% | 0% | 0% / 0% | 0% / 0% | 0% / 0% | 0% / 0% |"


def test_errors_have_the_variance_they_are_asked_for_and_share_it():
    drawn = errors(3, 0.02, 0.8, 20_000, np.random.default_rng(1))
    np.testing.assert_allclose(np.cov(drawn.T) / 0.02**2, 0.8 + 0.2 * np.eye(3), atol=0.05)


def test_the_test_of_order_needs_to_know_what_points_have_in_common():
    falling = shapes(6)["falling by 4%"]
    assert rejected(falling, known=True, n_curves=CURVES_A_NOISE) > 0.9
    assert rejected(falling, known=False, n_curves=CURVES_A_NOISE) < 0.6
    assert rejected(shapes(6)["level"], known=True, n_curves=1000) < 0.08
