from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from downlaw.laws import Noise, fit
from downlaw.laws.simulation import overtraining
from downlaw.laws.simulation.overtraining import KNOWN, NORMAL, STUDENT, TARGETS


@pytest.fixture(autouse=True)
def few_starts(monkeypatch: pytest.MonkeyPatch):
    """What is tested here is not the search."""
    monkeypatch.setattr(fit, "FAST_STARTS", 2)


@pytest.mark.parametrize("design", overtraining.DESIGNS)
def test_most_intervals_hold_the_laws_and_new_measurements(design: str):
    found = overtraining.coverage(design, 0.01, KNOWN, laws=15, samples=60)
    for shares in (found.loss, found.loss_measured, found.error, found.error_measured):
        assert len(shares) == len(TARGETS)
        assert np.mean(shares) >= 0.65
    assert found.loss_width[0] < found.loss_width[1], "intervals widen with the distance"


def test_draws_that_take_an_estimate_for_the_truth_are_too_narrow():
    student, normal = (
        overtraining.coverage("5 cells", 0.002, level, laws=6, samples=200) for level in (STUDENT, NORMAL)
    )
    assert student.loss_width[0] > 1.1 * normal.loss_width[0]
    assert np.mean(student.loss) >= np.mean(normal.loss)


def test_every_random_law_is_a_law():
    rng = np.random.default_rng(0)
    for _ in range(50):
        loss, error = overtraining.draw_laws(rng)
        losses = overtraining.losses_of(loss, (*overtraining.PAPER, *TARGETS))
        errors = overtraining.FAMILIES["error_law"].predict(losses, error)
        assert np.all(losses > loss["E"])
        assert np.all((errors > 0.1) & (errors < 0.95))


def test_draws_of_an_estimated_level_are_students_t():
    drawn = Noise.independent([0.01, 0.02], freedom=3, draws=20_000).draws
    for sd, column in zip((0.01, 0.02), drawn.T, strict=True):
        assert np.quantile(column / sd, 0.95) == pytest.approx(t.ppf(0.95, 3), rel=0.05)
        assert abs(column.mean()) < 1e-12
    # One scale for all points of a draw: where one is far out, so is the other.
    far = np.abs(drawn[:, 0]) > 0.05
    assert np.median(np.abs(drawn[far, 1])) > 2 * np.median(np.abs(drawn[:, 1]))
