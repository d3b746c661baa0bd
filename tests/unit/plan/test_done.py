from __future__ import annotations

from collections import Counter

import jobs_on_disk
import pytest

from downlaw.files import write_json
from downlaw.plan import PlanError, plan_study
from downlaw.plan.done import to_do
from downlaw.plan.graph import graph


@pytest.fixture
def study(toy_study, tmp_path):
    return toy_study(results=str(tmp_path / "results"))


def left(study) -> Counter[str]:
    return Counter(job.rule for job in to_do(study, graph(study)).jobs.values())


def test_nothing_is_done_without_results(study):
    found = to_do(study, graph(study))
    assert dict(found.jobs) == dict(graph(study))
    assert found.trainings == {"pretrain": 4, "finetune": 10}


def test_a_finished_study_has_nothing_left(study):
    jobs_on_disk.make(study)
    assert not left(study)
    made = plan_study(study)
    assert made.is_begun and not any(rule.jobs or rule.tokens for rule in made.rules)


def test_what_is_missing_and_all_that_depends_on_it_is_left(study):
    jobs_on_disk.make(study, ["evaluate/en-de/fr/seed1/512"])
    found = left(study)
    assert found["evaluate"] == 1 and not found["finetune"] and not found["pretrain"]
    assert {"runs", "resamples", "laws", "figures", "costs", "summary", "comparisons"} <= set(found)
    assert not {"contamination", "alignment", "task", "mixture"} & set(found)


def test_what_is_missing_and_not_needed_is_not_made(study):
    """As of an archive without text: nobody asks for it."""
    jobs_on_disk.make(study, ["split_corpus/", "decontaminate_corpus/", "pool/", "tokenizer/"])
    assert not left(study)


def test_a_missing_table_alone_is_made_alone(study):
    jobs_on_disk.make(study, ["summary/"])
    assert left(study) == {"summary": 1}


def test_a_larger_dp_trains_one_segment_more(toy_study, study, tmp_path):
    jobs_on_disk.make(study)
    larger = toy_study(results=str(tmp_path / "results"), pretrain__tokens=[256, 512, 1024])
    rules = {rule.whole.rule: rule for rule in plan_study(larger).rules}
    assert (rules["pretrain"].jobs, rules["pretrain"].trainings) == (2, 2)
    assert (rules["pretrain"].updates, rules["pretrain"].tokens) == (2 * 8, 2 * 512)
    assert (rules["finetune"].jobs, rules["finetune"].trainings) == (2, 4)
    assert rules["pretrain"].whole.tokens == 2 * 1024
    assert rules["laws"].jobs == 1 and rules["pool"].jobs == 0


def test_a_training_that_stopped_has_the_rest_left(study):
    """At update 6 of a segment from 4 to 8."""
    jobs_on_disk.make(study, ["pretrain/fr/seed1/512"])
    folder = study.results / "pretrain/fr/seed1/512" / jobs_on_disk.segment_identity(study, "fr/seed1/512")
    folder.mkdir(parents=True)
    (folder / "checkpoint_1_6.pt").touch()
    rules = {rule.whole.rule: rule for rule in plan_study(study).rules}
    pretrain = rules["pretrain"]
    assert (pretrain.jobs, pretrain.trainings, pretrain.updates, pretrain.tokens) == (1, 1, 2, 128)
    assert pretrain.flops == pytest.approx(pretrain.whole.flops / 8)


def test_a_job_whose_text_comes_anew_trains_nothing_that_is_done(study):
    """The mixture is missing, and a larger study needs it: done trainings have nothing left."""
    jobs_on_disk.make(study, ["mixture/fr", "pretrain/fr/seed1/512"])
    jobs = to_do(study, graph(study)).jobs
    assert jobs["pretrain/fr/seed1/256"].work.updates == 0
    assert jobs["pretrain/fr/seed1/512"].work.updates == 4
    assert "mixture/fr" in jobs and "mixture/en+de" not in jobs


def test_a_rate_more_finetunes_what_is_new(toy_study, study, tmp_path):
    jobs_on_disk.make(study)
    wider = toy_study(results=str(tmp_path / "results"), finetune__learning_rates=[0.01, 0.02])
    rules = {rule.whole.rule: rule for rule in plan_study(wider).rules}
    assert rules["finetune"].whole.trainings == 20
    assert (rules["finetune"].jobs, rules["finetune"].trainings) == (5, 10)
    assert rules["finetune"].updates == rules["finetune"].whole.updates // 2
    assert rules["pretrain"].jobs == 0


def test_results_that_cannot_be_read_are_named(study):
    jobs_on_disk.make(study)
    path = study.results / "finetune/en-de/none/seed0/0.json"
    path.unlink()
    path.mkdir()
    with pytest.raises(PlanError, match="results: its files cannot be read"):
        to_do(study, graph(study))


def test_results_of_another_shape_are_named(study):
    jobs_on_disk.make(study)
    write_json(study.results / "finetune/en-de/none/seed0/0.json", [1, 2])
    with pytest.raises(PlanError, match="cannot be read"):
        to_do(study, graph(study))


def test_a_half_written_record_counts_as_none(study):
    jobs_on_disk.make(study)
    (study.results / "pretrain/fr/seed1/512.json").write_text('{"identity": ')
    assert left(study)["pretrain"] == 1
