from __future__ import annotations

import numpy as np
import pytest

from downlaw.laws import Status
from downlaw.laws.simulation import coverage, recovery
from downlaw.laws.simulation.truth import TRUTHS


@pytest.mark.parametrize("law", TRUTHS)
def test_without_noise_every_law_is_found(law: str):
    found = recovery.recover(law, noise=0.0, curves=20)
    assert found.statuses == {Status.OK: 20}
    assert all(max(errors) < 1e-3 for errors in found.parameter_errors.values())
    assert max(found.held_out_errors) < 1e-5


def test_with_noise_the_held_out_error_is_no_smaller_than_noise_makes_it():
    found = recovery.recover("power_law", noise=0.02, curves=20)
    assert np.mean(found.held_out_errors) > np.mean(found.true_errors) > 0.005


def test_the_same_seed_gives_the_same_table():
    assert recovery.recover("log_law", 0.01, 3) == recovery.recover("log_law", 0.01, 3)
    assert recovery.recover("log_law", 0.01, 3) != recovery.recover("log_law", 0.01, 3, seed=2)


def test_the_table_of_recovery_has_a_row_for_each_law_and_noise():
    lines = list(recovery.table(curves=2))
    assert len(lines) == 2 + len(TRUTHS) * len(recovery.NOISES)
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.parametrize("law", TRUTHS)
def test_from_eight_points_on_nine_in_ten_intervals_hold_the_law(law: str):
    found = coverage.coverage(law, points=8, noise=0.01, curves=80, samples=200)
    assert all(0.8 <= share <= 0.98 for share in (*found.covered, found.measured, found.exponent))
    assert np.all(np.diff(found.width) > 0), "intervals widen with the distance"


def test_intervals_from_half_the_noise_hold_too_little():
    full = coverage.coverage("log_law", points=8, noise=0.02, curves=60, samples=200)
    half = coverage.coverage("log_law", points=8, noise=0.02, curves=60, samples=200, known=0.01)
    assert np.mean(half.covered) < 0.75 < np.mean(full.covered)
