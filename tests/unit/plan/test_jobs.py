from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from downlaw.plan import plan
from downlaw.plan.graph import graph
from downlaw.study import load_study

ROOT = Path(__file__).resolve().parents[3]
STUDIES = ["config.yaml", *sorted(f"studies/{path.name}" for path in (ROOT / "studies").glob("*.yaml"))]


@pytest.mark.parametrize("name", STUDIES)
def test_jobs_and_their_work_are_those_that_are_counted(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    study = load_study(ROOT / name)
    jobs, counted = graph(study), {stage.rule: stage for stage in plan(study) if stage.jobs}
    assert Counter(job.rule for job in jobs.values()) == {rule: one.jobs for rule, one in counted.items()}
    for rule, stage in counted.items():
        work = [job.work for job in jobs.of(rule)]
        assert sum(one.updates for one in work) == stage.updates
        assert sum(one.tokens for one in work) == stage.tokens
        assert sum(one.flops for one in work) == pytest.approx(stage.flops)


def test_a_segment_waits_for_the_one_before_and_a_finetuning_for_its_segment(toy_study):
    jobs = graph(toy_study())
    assert "pretrain/fr/seed1/256" in jobs["pretrain/fr/seed1/512"].needs
    assert not any(need.startswith("pretrain/") for need in jobs["pretrain/fr/seed1/256"].needs)
    assert "pretrain/fr/seed1/256" in jobs["finetune/en-de/fr/seed1/256"].needs
    assert "finetune/en-de/fr/seed1/256" in jobs["evaluate/en-de/fr/seed1/256"].needs
    assert not any(need.startswith("pretrain/") for need in jobs["finetune/en-de/none/seed0/0"].needs)


def test_a_segment_trains_only_what_its_chain_has_not(toy_study):
    jobs = graph(toy_study(pretrain__tokens=[128, 256, 512]))
    assert [job.work.updates for job in jobs.of("pretrain")][:3] == [2, 2, 4]


def test_every_job_comes_after_what_it_needs(toy_study):
    seen: set[str] = set()
    for key, job in graph(toy_study(evaluate__comet_local={"variant": "tiny"})).items():
        assert seen.issuperset(job.needs)
        seen.add(key)
