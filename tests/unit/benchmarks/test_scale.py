from __future__ import annotations

import pytest

from benchmarks.scale import SHAPES, Shape, make_results, make_study
from downlaw.costs import costs_table, transfer_costs
from downlaw.plan import plan
from downlaw.status import DONE, statuses


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_has_its_runs_in_at_most_12000_jobs(name, tmp_path):
    for shape, runs in zip(SHAPES[name], (1_000, 10_000), strict=True):
        stages = {stage.rule: stage for stage in plan(make_study(shape, tmp_path / str(runs)))}
        assert stages["finetune"].trainings == pytest.approx(runs, rel=0.03)
        assert sum(stage.jobs for stage in stages.values()) <= 12_000 * runs / 10_000 * 1.05


def test_a_made_up_study_is_done(tmp_path, monkeypatch):
    study = make_study(Shape(2, 2, 1, 2, 2, 1, 2), tmp_path)
    monkeypatch.chdir(tmp_path)
    make_results(study)
    found = statuses(study)
    assert {run.state for run in found} == {DONE}
    assert len(found) == 4 + 2 * 2 * 5 * 4
    records = [sorted((study.results / stage).rglob("*.json")) for stage in ("pretrain", "finetune")]
    costs = costs_table(transfer_costs(*records), study.results / "benchmarks")
    assert costs["stage"].value_counts().to_dict() == {
        "pretrain": 4,
        "finetune": 40,
        "rule pretrain": 4,
        "rule finetune": 10,
        "rule evaluate": 10,
    }
