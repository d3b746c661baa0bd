from __future__ import annotations

import json
import os

import jobs_on_disk
import pandas as pd
import pytest

from downlaw.costs import COLUMNS as COST_COLUMNS
from downlaw.files import write_json
from downlaw.plan import Machine, PlanError, as_json, beside_actual, plan_study, stored_plan, write_beside
from downlaw.plan.actual import ALL, COLUMNS, WALL
from downlaw.plan.graph import graph
from downlaw.plan.throughput import throughput_of

SPEEDS = {"flops_per_second": 1e7, "start_seconds": 5, "training_seconds": 2, "unit_seconds": 1}
BEGAN = 1_700_000_000.0


@pytest.fixture
def study(toy_study, tmp_path):
    return toy_study(results=str(tmp_path / "results"))


@pytest.fixture
def stored(study):
    return as_json(plan_study(study, Machine(1), throughput_of(SPEEDS, "here")))


def benchmark(study, rule: str, name: str, seconds: float, end: float) -> None:
    path = study.results / f"benchmarks/{rule}/{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:00\t100.0\n")
    os.utime(path, (end, end))


def measured(study, seconds: float = 10.0) -> None:
    """Every job, one after the other, of so many seconds each; and the tokens of trainings."""
    jobs_on_disk.make(study)
    for number, job in enumerate(graph(study).values(), start=1):
        benchmark(study, job.rule, job.name.replace("/", "-"), seconds, BEGAN + number * seconds)
    rows = [
        {"stage": "pretrain", "tokens": 512},
        {"stage": "pretrain", "tokens": 512},
        {"stage": "finetune", "tokens": 14_000},
    ]
    pd.DataFrame(rows, columns=COST_COLUMNS).to_csv(study.results / "costs.csv", index=False)


def test_jobs_tokens_and_seconds_stand_beside_each_other(study, stored):
    measured(study)
    table = beside_actual(study, stored).table.set_index("rule")
    jobs = len(graph(study))
    assert list(table.reset_index().columns) == COLUMNS
    assert table.loc["pretrain", ["jobs_planned", "jobs", "tokens_planned", "tokens"]].tolist() == [
        4,
        4,
        1024,
        1024,
    ]
    assert table.loc["finetune", ["tokens_planned", "tokens"]].tolist() == [15_360, 14_000]
    assert (table.loc[ALL, "jobs_planned"], table.loc[ALL, "jobs"]) == (jobs, jobs)
    assert table.loc[ALL, "seconds"] == pytest.approx(10 * jobs)
    assert table.loc[WALL, "seconds"] == pytest.approx(10 * jobs)
    assert table.loc[WALL, "seconds_planned"] == pytest.approx(stored["totals"]["wall_seconds"], abs=0.1)
    assert table["seconds_rescaled"].isna().all()


def test_jobs_side_by_side_share_the_wall_time(study, stored):
    benchmark(study, "pretrain", "a", 10, BEGAN + 10)
    benchmark(study, "pretrain", "b", 10, BEGAN + 15)
    assert beside_actual(study, stored).table.set_index("rule").loc[WALL, "seconds"] == 15


def test_the_time_that_a_stopped_study_rested_does_not_count(study, stored):
    benchmark(study, "pretrain", "a", 10, BEGAN + 10)
    benchmark(study, "pretrain", "b", 10, BEGAN + 86_400)
    benchmark(study, "pretrain", "c", 10, BEGAN + 86_440)
    assert beside_actual(study, stored).table.set_index("rule").loc[WALL, "seconds"] == pytest.approx(60)


def test_a_machine_half_as_fast_at_the_end_doubles_what_was_planned(study, stored):
    measured(study)
    slower = {"flops_per_second": 5e6, "start_seconds": 10, "training_seconds": 4, "unit_seconds": 2}
    rest = {"cleaned_texts_per_second": 1e4, "tokenized_pieces_per_second": 5e5}
    found = beside_actual(study, stored, throughput_of({**slower, **rest}, "again"))
    table = found.table.set_index("rule")
    ratio = table["seconds_rescaled"] / table["seconds_planned"]
    assert ratio["pretrain"] == pytest.approx(2, rel=0.01)
    assert ratio["laws"] == pytest.approx(2, rel=0.01)
    assert found.ratio == pytest.approx(2, rel=0.1)
    assert ratio[WALL] == pytest.approx(found.ratio, rel=0.01)
    assert any(
        "calibration repeated at the end" in line and "times as long" in line for line in found.lines()
    )


def test_the_same_calibration_changes_nothing(study, stored):
    found = beside_actual(study, stored, throughput_of(SPEEDS, "again"))
    assert found.ratio == pytest.approx(1)


def test_a_zero_that_was_measured_stays_when_it_is_rescaled(study):
    first = {**SPEEDS, "training_seconds": 0}
    before = as_json(plan_study(study, Machine(1), throughput_of(first, "here")))
    assert beside_actual(study, before, throughput_of(first, "again")).ratio == pytest.approx(1)


def test_before_anything_ran_there_is_only_the_plan(study, stored):
    found = beside_actual(study, stored)
    assert found.table["seconds"].isna().all() and (found.table["jobs"].dropna() == 0).all()
    assert list(found.lines()) == ["No job has been measured yet."]


def test_a_plan_without_times_has_nothing_to_rescale(study):
    counts = as_json(plan_study(study, Machine(1)))
    with pytest.raises(PlanError, match="no times"):
        beside_actual(study, counts, throughput_of(SPEEDS, "again"))
    assert beside_actual(study, counts).table["seconds_planned"].isna().all()


def test_a_plan_of_what_was_left_is_compared_with_it(study):
    jobs_on_disk.make(study, ["evaluate/en-de/fr/seed1/512"])
    left = as_json(plan_study(study, Machine(1), throughput_of(SPEEDS, "here")))
    assert beside_actual(study, left).table.set_index("rule").loc["evaluate", "jobs_planned"] == 1


def test_what_was_done_before_the_plan_does_not_count(study):
    measured(study)
    scores = study.results / "evaluate/en-de/fr/seed1/512.json"
    kept = scores.rename(scores.with_suffix(".kept"))
    left = as_json(plan_study(study, Machine(1), throughput_of(SPEEDS, "here")))
    end = BEGAN + 86_400
    benchmark(study, "evaluate", "en-de-fr-seed1-512", 30, end)
    kept.rename(scores)
    table = beside_actual(study, {**left, "made_at": end - 60}).table.set_index("rule")
    assert table.loc["evaluate", ["jobs_planned", "jobs", "seconds"]].tolist() == [1, 1, 30]
    assert table.loc["pretrain", ["jobs_planned", "jobs", "tokens"]].tolist() == [0, 0, 0]
    assert pd.isna(table.loc["pretrain", "seconds"]) and pd.isna(table.loc["finetune", "tokens"])
    assert table.loc[WALL, "seconds"] == 30


def test_the_table_is_written_and_read_back(study, stored, tmp_path):
    measured(study)
    found = beside_actual(study, stored)
    write_beside(tmp_path / "plan.csv", found)
    again = pd.read_csv(tmp_path / "plan.csv")
    assert list(again.columns) == COLUMNS and again["rule"].tolist() == found.table["rule"].tolist()
    assert again["tokens"].tolist()[-2] == 15_024


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"rules": []}', '{"rules": [1], "machine": {}}'])
def test_a_file_that_is_no_plan_is_named(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(PlanError, match=r"plan\.json: "):
        stored_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(
    "place", ["machine", "totals", "speed", "rules.0.left", "rules.0.left.seconds", "rules.0.tokens"]
)
def test_a_plan_that_lacks_something_is_named(tmp_path, stored, place):
    *sections, key = place.split(".")
    found = json.loads(json.dumps(stored))
    section = found
    for name in sections:
        section = section[int(name)] if name.isdigit() else section[name]
    del section[key]
    write_json(tmp_path / "plan.json", found)
    with pytest.raises(PlanError, match=r"plan\.json: is no plan of downlaw"):
        stored_plan(tmp_path / "plan.json")


def test_a_plan_that_is_not_there_says_how_to_store_one(tmp_path):
    with pytest.raises(PlanError, match="snakemake --cores N plan stores one"):
        stored_plan(tmp_path / "plan.json")


def test_a_stored_plan_is_read_as_it_was(tmp_path, stored):
    write_json(tmp_path / "plan.json", stored)
    assert stored_plan(tmp_path / "plan.json") == json.loads(json.dumps(stored))


def test_a_job_that_was_killed_has_no_time(study, stored):
    path = study.results / "benchmarks/pretrain/a.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("s\th:m:s\n")
    assert pd.isna(beside_actual(study, stored).table.set_index("rule").loc["pretrain", "seconds"])
