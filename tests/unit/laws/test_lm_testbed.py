"""The over-training track on the public testbed of Gadre et al. 2024, as if it were a study of ours."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from downlaw.laws import LmLaws, fit_lm_runs
from downlaw.testbed.archive import open_archive
from downlaw.testbed.budget import ERROR_RUNS, LOSS_RUNS, TARGETS
from downlaw.testbed.table import TASKS_17, read_runs

REAL = "DOWNLAW_GADRE2024_ARCHIVE"
LOSS_SET = "c4_val"

PUBLISHED = {
    ("c4_original", "1.4B", 80.0): (0.0150, 0.0958),
    ("c4_original", "6.9B", 20.0): (0.0430, 0.0014),
    ("rpj", "1.4B", 640.0): (0.0071, 0.0364),
    ("rpj", "6.9B", 20.0): (0.0073, 0.0005),
    ("rw_original", "1.4B", 320.0): (0.0001, 0.0562),
    ("rw_original", "6.9B", 20.0): (0.0162, 0.0294),
}
"""Relative errors of loss and 17-task error by the paper's own code."""

pytestmark = pytest.mark.skipif(
    REAL not in os.environ, reason=f"{REAL} does not name a copy of the published testbed"
)


def as_lm_runs(testbed: pd.DataFrame) -> pd.DataFrame:
    """One row a run, evaluation and metric, with the flags of the paper's own fits."""
    design = ["run", "training_set", "model", "params", "tokens", "flops"]
    runs = testbed[design].assign(multiplier_asked=testbed["multiplier"])
    cells = list(zip(testbed["model"], testbed["multiplier"], strict=True))
    runs["loss_fit"] = [cell in LOSS_RUNS for cell in cells]
    runs["error_fit"] = [cell in ERROR_RUNS for cell in cells]
    loss = {"kind": "set", "evaluation": LOSS_SET, "metric": "cross_entropy"}
    parts = [runs.assign(**loss, value=testbed[f"loss_{LOSS_SET}"])]
    for task in TASKS_17:
        error = {"kind": "task", "evaluation": task, "metric": "error", "chance": 1.0}
        parts.append(runs.assign(**error, value=1 - testbed[f"accuracy_{task}"]))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def found() -> LmLaws:
    runs = as_lm_runs(read_runs(open_archive(os.environ[REAL]).members))
    return fit_lm_runs(runs, error_loss=LOSS_SET, task_margin=-1.0)


def test_all_tasks_of_the_paper_enter(found: LmLaws):
    assert len(found.tasks) == 3 * len(TASKS_17)
    assert found.tasks["enters"].all()


@pytest.mark.parametrize("target", TARGETS)
def test_the_papers_targets_are_predicted_as_by_its_own_code(found: LmLaws, target):
    rows = found.predictions.set_index(["training_set", "model", "multiplier_asked"]).sort_index()
    errors = rows.loc[target].set_index("metric")["relative_error"].abs()
    loss, error = PUBLISHED[target]
    assert errors["cross_entropy"] == pytest.approx(loss, abs=6e-5)
    assert errors["error"] == pytest.approx(error, abs=6e-5)


def test_the_headline_costs_what_the_paper_says(found: LmLaws):
    rows = found.predictions.set_index(["training_set", "model", "multiplier_asked", "metric"])
    times = rows["times_less_compute"]
    assert times["rpj", "1.4B", 640.0, "cross_entropy"] == pytest.approx(330, rel=0.02)
    assert times["rpj", "6.9B", 20.0, "error"] == pytest.approx(21, rel=0.02)
    fitted = found.laws.query("training_set == 'rpj' and role == 'law'").set_index("metric")["fitted_flops"]
    assert fitted.tolist() == pytest.approx([2.4e19, 2.7e20], rel=0.02)


def test_one_run_a_cell_leaves_no_noise_level(found: LmLaws):
    laws = found.laws[found.laws["role"] == "law"]
    assert (laws["interval_status"] == "noise unknown").all()
    assert np.isnan(found.predictions["low"].astype(float)).all()
