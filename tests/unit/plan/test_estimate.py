from __future__ import annotations

import json
from pathlib import Path

import jobs_on_disk
import pytest

from downlaw.plan import Machine, as_json, plan_study
from downlaw.plan.throughput import throughput_of
from downlaw.study import load_study

ROOT = Path(__file__).resolve().parents[3]
SPEEDS = {
    "flops_per_second": 1e9,
    "start_seconds": 5,
    "training_seconds": 2,
    "decoded_segments_per_second": 10,
    "cleaned_texts_per_second": 1e4,
    "tokenized_pieces_per_second": 1e6,
    "unit_seconds": 1,
}


def speed(**changes: float):
    return throughput_of({**SPEEDS, **changes}, "here")


def by_rule(made):
    return {rule.whole.rule: rule for rule in made.rules}


def test_without_a_speed_there_are_counts_and_no_times(toy_study):
    made = plan_study(toy_study(), Machine(2))
    assert made.totals is None and not made.is_begun
    assert all(rule.seconds is None and rule.memory_mb is None for rule in made.rules)
    assert all(rule.jobs == rule.whole.jobs for rule in made.rules)


def test_a_segment_takes_its_start_what_it_takes_beside_updates_and_its_operations(toy_study):
    made = by_rule(plan_study(toy_study(), Machine(2), speed()))["pretrain"]
    assert made.seconds == pytest.approx(4 * (5 + 2) + made.flops / 1e9)
    assert made.longest_seconds == pytest.approx(7 + made.flops / 4 / 1e9)


def test_half_the_speed_takes_twice_the_updates(toy_study):
    study = toy_study()
    fast, slow = (
        by_rule(
            plan_study(study, Machine(1), speed(flops_per_second=flops, start_seconds=0, training_seconds=0))
        )
        for flops in (1e6, 5e5)
    )
    for rule in ("pretrain", "finetune"):
        assert slow[rule].seconds == pytest.approx(2 * fast[rule].seconds)
    assert slow["laws"].seconds == fast["laws"].seconds


def test_jobs_of_fixed_cost_follow_the_piece_of_work(toy_study):
    study = toy_study()
    one, three = (by_rule(plan_study(study, Machine(1), speed(unit_seconds=unit))) for unit in (1, 3))
    for rule in ("laws", "figures", "comparisons", "mixture"):
        assert three[rule].seconds == pytest.approx(3 * one[rule].seconds)
    assert three["pretrain"].seconds == one["pretrain"].seconds


def test_processes_of_a_training_share_its_operations(toy_study):
    shared = toy_study(
        **{"resources": {"pretrain": {"processes": 2}}},
        pretrain__blocks_per_update=4,
        pretrain__batches_per_update=2,
        compute={"device": "cuda"},
    )
    alone = toy_study(compute={"device": "cuda"})
    one, two = (
        plan_study(study, Machine(4, gpus=2), speed(flops_per_second=1e6)) for study in (alone, shared)
    )
    first, second = by_rule(one)["pretrain"], by_rule(two)["pretrain"]
    assert second.seconds - 4 * 7 == pytest.approx((first.seconds - 4 * 7) / 2)
    assert two.totals.gpu_hours > 0 and second.gpu_memory_mb > 0


def test_totals_keep_their_bounds(toy_study):
    made = plan_study(toy_study(), Machine(2), speed())
    totals = made.totals
    assert totals.critical_seconds <= totals.wall_seconds
    assert totals.core_hours * 3600 == pytest.approx(sum(rule.seconds for rule in made.rules))
    assert totals.core_hours * 3600 <= 2 * totals.wall_seconds
    assert totals.gpu_hours == 0


def test_a_finished_study_takes_nothing(toy_study, tmp_path):
    study = toy_study(results=str(tmp_path / "results"))
    jobs_on_disk.make(study)
    made = plan_study(study, Machine(2), speed())
    assert (made.totals.wall_seconds, made.disk_bytes, made.totals.core_hours) == (0, 0, 0)
    assert plan_study(study, Machine(2), speed(), from_nothing=True).totals.wall_seconds > 0


def test_checkpoints_take_room_by_the_size_of_the_model(toy_study):
    small, large = (by_rule(plan_study(toy_study(model__width=width))) for width in (16, 64))
    assert large["finetune"].disk_bytes > small["finetune"].disk_bytes
    last, every = (
        by_rule(plan_study(toy_study(model__width=256, pretrain__keep_optimizer=kept)))["pretrain"].disk_bytes
        for kept in ("last", "all")
    )
    assert every > 1.5 * last


def test_memory_of_a_training_grows_with_its_model(toy_study):
    small, large = (
        by_rule(plan_study(toy_study(model__width=width), Machine(1), speed()))["pretrain"].memory_mb
        for width in (16, 1024)
    )
    assert large > small > 500


def test_the_json_of_a_plan_holds_what_it_says(toy_study):
    made = plan_study(toy_study(), Machine(2), speed())
    found = json.loads(json.dumps(as_json(made)))
    pretrain = next(rule for rule in found["rules"] if rule["rule"] == "pretrain")
    assert (pretrain["jobs"], pretrain["tokens"], pretrain["left"]["tokens"]) == (4, 1024, 1024)
    assert found["totals"]["wall_seconds"] == made.totals.wall_seconds
    assert Machine(**found["machine"]) == made.machine
    assert found["speed"]["start_seconds"] == 5


# The studies of the papers on A100s at 40% of their peak of 312 TFLOP/s in bf16.
A100 = {"flops_per_second": 0.4 * 312e12}


@pytest.mark.parametrize(("name", "hours"), [("isik2024", 8_200), ("gadre2024", 80_000)])
def test_the_papers_own_studies_on_a100s(name, hours, monkeypatch):
    monkeypatch.chdir(ROOT)
    made = plan_study(
        load_study(ROOT / f"studies/{name}.yaml"), Machine(64, gpus=8), throughput_of(A100, "A100")
    )
    assert made.totals.gpu_hours == pytest.approx(hours, rel=0.05)
    assert made.totals.wall_seconds >= made.totals.gpu_hours * 3600 / 8


@pytest.mark.parametrize("name", ["prose", "prose-small", "overtrain", "own-text"])
def test_every_shipped_study_can_be_planned(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    made = plan_study(load_study(ROOT / f"studies/{name}.yaml"), Machine(2), speed(), from_nothing=True)
    assert made.totals.wall_seconds > 0


def test_a_machine_has_the_gpus_of_the_largest_job_unless_it_is_said(toy_study):
    study = toy_study(compute={"device": "cuda"})
    assert plan_study(study, Machine(4), speed()).machine.gpus == 1
    assert plan_study(study, Machine(4, gpus=3), speed()).machine.gpus == 3
    assert plan_study(study, Machine(4, jobs=9), speed()).machine.gpus is None
    assert plan_study(toy_study(), Machine(4), speed()).machine.gpus is None
