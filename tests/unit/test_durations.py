from __future__ import annotations

import pytest

from downlaw.durations import duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (12.5, "12 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (245, "4 min 5 s"),
        (599.7, "10 min"),
        (3599.7, "60 min"),
        (11_520, "3 h 12 min"),
        (7 * 86_400, "7 days"),
        (999_999, "11 days 14 h"),
    ],
)
def test_durations_are_said_as_people_do(seconds, said):
    assert duration(seconds) == said
