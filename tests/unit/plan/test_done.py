from __future__ import annotations

from collections import Counter

import jobs_on_disk
import lm_toy
import pytest
from toy_configs import changed

from downlaw.files import write_json
from downlaw.plan import PlanError, plan_study
from downlaw.plan.done import to_do
from downlaw.plan.graph import graph
from downlaw.study import load_study


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


def test_what_was_removed_and_comes_again_as_it_was_trains_nothing_that_is_done(study):
    """The mixture is missing, and a training needs it."""
    jobs_on_disk.make(study, ["mixture/fr", "pretrain/fr/seed1/512"])
    jobs = to_do(study, graph(study)).jobs
    assert jobs["pretrain/fr/seed1/256"].work.updates == 0
    assert jobs["pretrain/fr/seed1/512"].work.updates == 4
    assert "mixture/fr" in jobs and "mixture/en+de" not in jobs


def grown_by_text(toy_config, **changes):
    """One more corpus of French, as a user adds it."""
    files = [{"language": "fr", "path": "new.txt"}]
    corpora = {**toy_config()["corpora"], "new": {"source": "files", "kind": "monolingual", "files": files}}
    mixtures = {**toy_config()["mixtures"], "new": {"shares": {"new.fr": 1.0}}}
    return {"corpora": corpora, "mixtures": mixtures, **changes}


def test_a_mixture_of_new_text_trains_everything_anew(toy_study, toy_config, study):
    """The tokenizer learns from it, too."""
    jobs_on_disk.make(study)
    grown = plan_study(toy_study(results=str(study.results), **grown_by_text(toy_config)))
    rules = {rule.whole.rule: rule for rule in grown.rules}
    for rule in ("pretrain", "finetune"):
        assert rules[rule].trainings == rules[rule].whole.trainings
        assert rules[rule].updates == rules[rule].whole.updates
        assert rules[rule].flops == pytest.approx(rules[rule].whole.flops)
    assert (rules["pretrain"].trainings, rules["finetune"].trainings) == (6, 14)
    assert rules["tokenizer"].jobs == 1
    assert grown.trained_again == 4 + 10


def test_with_a_tokenizer_that_stays_only_the_new_mixture_is_trained(toy_study, toy_config, tmp_path):
    pinned = {"tokenizer__text": ["mono.en", "mono.de", "mono.fr", "pairs.de-en"]}
    before = toy_study(results=str(tmp_path / "results"), **pinned)
    jobs_on_disk.make(before)
    grown = plan_study(toy_study(results=str(before.results), **grown_by_text(toy_config, **pinned)))
    rules = {rule.whole.rule: rule for rule in grown.rules}
    assert (rules["pretrain"].trainings, rules["finetune"].trainings) == (2, 4)
    assert rules["tokenizer"].jobs == 0 and grown.trained_again == 0


def test_a_task_of_new_text_trains_everything_anew(toy_study, toy_config, study):
    """Its test text is kept out of all other text, and the tokenizer learns from it."""
    jobs_on_disk.make(study)
    files = [{"languages": ["de", "en"], "tsv": "new.tsv"}]
    corpora = {**toy_config()["corpora"], "new": {"source": "files", "kind": "parallel", "files": files}}
    task = {**toy_config()["tasks"]["en-de"], "corpus": "new"}
    grown = plan_study(
        toy_study(results=str(study.results), corpora=corpora, **{"tasks__new": task}),
    )
    rules = {rule.whole.rule: rule for rule in grown.rules}
    assert (rules["pretrain"].trainings, rules["finetune"].trainings) == (4, 20)
    assert grown.trained_again == 4 + 10


def test_a_task_of_text_that_is_read_already_trains_its_own_runs(toy_study, toy_config, study):
    """The mixtures say anew how well they are aligned, with the same text."""
    jobs_on_disk.make(study)
    for name in study.mixtures:
        path = study.results / f"subsets/mixtures/{name}/manifest.json"
        write_json(path, {**jobs_on_disk.MANIFEST, "tasks": {"en-de": {}}})
    other = {**toy_config()["tasks"]["en-de"], "source": "de", "target": "en"}
    grown = plan_study(toy_study(results=str(study.results), **{"tasks__de-en": other}))
    rules = {rule.whole.rule: rule for rule in grown.rules}
    assert (rules["mixture"].jobs, rules["pretrain"].jobs) == (2, 4)
    assert (rules["pretrain"].trainings, rules["finetune"].trainings) == (0, 10)
    assert grown.trained_again == 0


def test_language_models_are_trained_anew_where_the_tokenizer_reads_more(tmp_path):
    before = lm_toy.configured(results=str(tmp_path / "results"))
    jobs = graph(load_study(before))
    for job in jobs.values():
        for output in job.outputs:
            content = {"status": "diverged", "reason": "of a loss"} if job.rule == "overtrain" else {}
            write_json(tmp_path / "results" / output, content)
    grid = sum(job.rule == "overtrain" for job in jobs.values())
    assert not to_do(load_study(before), jobs).jobs
    files = [{"language": before["languages"][0], "path": "new.txt"}]
    new = {"source": "files", "kind": "monolingual", "files": files}
    shares = {f"new.{before['languages'][0]}": 1.0}
    after = changed(before, {"corpora__new": new, "mixtures__new": {"shares": shares}})
    made = plan_study(load_study(after))
    assert made.trained_again == grid
    (rule,) = [rule for rule in made.rules if rule.whole.rule == "overtrain"]
    assert (rule.trainings, rule.flops) == (rule.whole.trainings, pytest.approx(rule.whole.flops))


def test_an_archive_without_text_grows_without_training_what_is_done(toy_study, study):
    """Manifests are in it: what was made before comes as it was."""
    jobs = jobs_on_disk.make(study)
    for job in jobs.values():
        for output in job.outputs:
            if output.startswith("corpora/") and output.endswith(".parquet"):
                (study.results / output).unlink()
    (study.results / "subsets/pools/mono.fr-0.bin").unlink()
    larger = toy_study(results=str(study.results), pretrain__tokens=[256, 512, 1024])
    grown = plan_study(larger)
    rules = {rule.whole.rule: rule for rule in grown.rules}
    assert rules["tokenizer"].jobs == 1
    assert (rules["pretrain"].trainings, rules["finetune"].trainings) == (2, 4)
    assert grown.trained_again == 0


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
    with pytest.raises(PlanError, match=r"results cannot be read: .*none/seed0/0\.json"):
        to_do(study, graph(study))


def test_results_of_another_shape_are_named(study):
    jobs_on_disk.make(study)
    write_json(study.results / "finetune/en-de/none/seed0/0.json", [1, 2])
    with pytest.raises(PlanError, match=r"results cannot be read: .*none/seed0/0\.json"):
        to_do(study, graph(study))


def test_a_history_that_is_cut_short_is_named(study):
    """Beside a save of a training that stopped."""
    jobs_on_disk.make(study, ["pretrain/fr/seed1/512"])
    folder = study.results / "pretrain/fr/seed1/512" / jobs_on_disk.segment_identity(study, "fr/seed1/512")
    folder.mkdir(parents=True)
    (folder / "checkpoint_last.pt").touch()
    (folder / "history.jsonl").write_text('{"to_update": ')
    with pytest.raises(PlanError, match=r"results cannot be read: .*history\.jsonl \(JSONDecodeError"):
        plan_study(study)


def test_a_half_written_record_counts_as_none(study):
    jobs_on_disk.make(study)
    (study.results / "pretrain/fr/seed1/512.json").write_text('{"identity": ')
    assert left(study)["pretrain"] == 1
