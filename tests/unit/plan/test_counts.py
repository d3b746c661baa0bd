from __future__ import annotations

from pathlib import Path

import pytest

from downlaw.engine.flops import pretraining_flops, training_flops
from downlaw.plan import plan
from downlaw.study import load_study

ROOT = Path(__file__).resolve().parents[3]


def by_rule(study):
    return {stage.rule: stage for stage in plan(study)}


def test_a_study_of_two_sizes_three_rates_and_two_seeds_by_hand(toy_study):
    study = toy_study(
        pretrain__tokens=[128, 256, 512],
        pretrain__seeds=[1, 2],
        finetune__learning_rates=[0.1, 0.2, 0.3],
        finetune__seeds=[7, 8],
    )
    rules = by_rule(study)
    # 2 mixtures x 2 seeds are 4 chains of 3 segments, each of 8 updates of 64 tokens in all.
    assert (rules["pretrain"].jobs, rules["pretrain"].trainings) == (12, 12)
    assert (rules["pretrain"].updates, rules["pretrain"].tokens) == (4 * 8, 4 * 512)
    assert rules["pretrain"].flops == pytest.approx(
        4 * pretraining_flops(study.model, 200, study.pretrain, 8)
    )
    # 12 checkpoints and the baseline, 2 sizes x 3 rates x 2 seeds from each, 6 updates of at most 256 tokens.
    assert (rules["finetune"].jobs, rules["finetune"].trainings) == (13, 13 * 12)
    assert rules["finetune"].updates == 13 * 12 * 6
    assert rules["finetune"].tokens == 13 * 12 * 6 * 256
    one = training_flops(study.model, 200, 256, 256, 20, 20)
    assert rules["finetune"].flops == pytest.approx(13 * 12 * 6 * one)
    assert rules["evaluate"].jobs == 13
    assert rules["finetuning_subset"].jobs == 2
    assert (rules["alignment"].jobs, rules["alignment_relations"].jobs) == (2, 1)
    # mono.de, mono.en, mono.fr and the pairs, all from files
    assert (rules["fetch"].jobs, rules["split_corpus"].jobs, rules["mixture"].jobs) == (0, 4, 2)


def test_a_second_task_doubles_finetuning_and_leaves_pretraining(toy_study, toy_config):
    other = {**toy_config()["tasks"]["en-de"], "source": "de", "target": "en"}
    one, two = by_rule(toy_study()), by_rule(toy_study(**{"tasks__de-en": other}))
    assert two["pretrain"] == one["pretrain"]
    assert two["finetune"].trainings == 2 * one["finetune"].trainings
    assert two["evaluate"].jobs == 2 * one["evaluate"].jobs
    assert two["split_corpus"].jobs == one["split_corpus"].jobs


def test_comet_local_is_counted_with_the_wheel_of_its_encoder(toy_study):
    without, tiny, e5 = (
        by_rule(toy_study(evaluate__comet_local=section))
        for section in (None, {"variant": "tiny"}, {"variant": "e5"})
    )
    rules = {"comet_local_encoder", "comet_local_model", "comet_local"}
    assert rules.isdisjoint(without)
    for counted in (tiny, e5):
        assert {counted[rule].jobs for rule in rules} == {1}
    assert (tiny["fetch"].jobs, e5["fetch"].jobs) == (0, 1)


def test_the_default_study_stays_within_its_budget():
    study = load_study(ROOT / "config.yaml")
    rules = by_rule(study)
    points, mixtures = len(study.pretrain.tokens), len(study.mixtures)
    assert rules["pretrain"].jobs == points * mixtures
    assert rules["finetune"].jobs == points * mixtures + 1
    assert rules["pretrain"].tokens <= 2_500_000
    assert study.finetune.updates * study.finetune.tokens_per_update <= 300_000
    # 6 packages of catalogs and 4 of glosses; the corpus of each language and of the pair
    assert (rules["fetch"].jobs, rules["split_corpus"].jobs) == (10, 5)


def test_every_job_of_the_plan_has_a_rule():
    text = "".join(path.read_text() for path in (ROOT / "rules").rglob("*.smk"))
    for stage in plan(load_study(ROOT / "config.yaml")):
        assert f"rule {stage.rule}:" in text, stage.rule
