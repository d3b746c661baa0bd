from __future__ import annotations

import numpy as np
import pytest

from downlaw.laws import Status
from downlaw.laws.recovery import COORDINATES, NOISES, recover, table


@pytest.mark.parametrize("law", COORDINATES)
def test_without_noise_every_law_is_found(law: str):
    recovery = recover(law, noise=0.0, curves=4)
    assert recovery.statuses == {Status.OK: 4}
    assert all(max(errors) < 1e-3 for errors in recovery.coefficient_errors.values())
    assert max(recovery.held_out_errors) < 1e-5


def test_with_noise_the_held_out_error_is_no_smaller_than_noise_makes_it():
    recovery = recover("power_law", noise=0.02, curves=6)
    assert np.mean(recovery.held_out_errors) > np.mean(recovery.true_errors) > 0.005


def test_the_same_seed_gives_the_same_table():
    assert recover("log_law", 0.01, 3) == recover("log_law", 0.01, 3)
    assert recover("log_law", 0.01, 3) != recover("log_law", 0.01, 3, seed=2)


def test_the_table_has_a_row_for_each_law_and_noise():
    lines = list(table(curves=2))
    assert len(lines) == 2 + len(COORDINATES) * len(NOISES)
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| power_law | 0 | 100% | 0% | 0% | 0.0% | 0.0% | 0.0000 | 0.0000 |")
