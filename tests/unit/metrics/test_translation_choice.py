from __future__ import annotations

import numpy as np
import pytest

from downlaw.metrics import METRICS, scores_row, translation_choice_statistics

NATS = [[4.0, 6.0, 5.0], [6.0, 5.0, 7.0], [4.0, 3.0, 9.0], [4.0, np.nan, 9.0]]
PIECES = [[2, 2, 2], [3, 2, 3], [4, 2, 4], [2, 2, 2]]
"""Right; right a piece and not as a whole; the same; and broken, which is wrong."""


def test_errors_by_whole_targets_and_by_the_piece():
    found = translation_choice_statistics(NATS, PIECES)
    assert found["translation_choice_error_sum"].tolist() == [0, 0, 0, 1]
    assert found["translation_choice_error_raw_sum"].tolist() == [0, 1, 1, 1]
    assert found["scored_segments"].tolist() == [1, 1, 1, 1]


def test_shares_and_intervals_are_those_of_a_mean():
    found = translation_choice_statistics(NATS * 20, PIECES * 20)
    row = scores_row(found, bootstrap=500)
    assert row["translation_choice_error"] == 0.25 and row["translation_choice_error_raw"] == 0.75
    low, high = (row[f"translation_choice_error_{end}"] for end in ("low", "high"))
    spread = 1.96 * np.sqrt(0.25 * 0.75 / 80)
    assert (low, high) == (pytest.approx(0.25 - spread, abs=0.03), pytest.approx(0.25 + spread, abs=0.03))


def test_they_are_metrics_like_others():
    for name in ("translation_choice_error", "translation_choice_error_raw"):
        assert METRICS[name].columns == (f"{name}_sum", "scored_segments")
