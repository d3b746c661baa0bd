from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from downlaw.costs import COLUMNS, costs_table, job_costs, training_costs, transfer_costs


def training(folder: Path, *stretches: tuple[int, int, float]) -> Path:
    folder.mkdir(parents=True)
    lines = [
        {"from_update": first, "to_update": last, "seconds": seconds, "device": "cpu", "threads": 1}
        for first, last, seconds in stretches
    ]
    (folder / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_resumed_training_has_a_row_for_each_time_it_ran(tmp_path):
    folder = training(tmp_path / "a1", (0, 10, 5.0), (10, 40, 10.0))
    rows = training_costs(folder, "pretrain", 64.0, "en")
    assert [(row["updates"], row["tokens"], row["tokens_per_second"]) for row in rows] == [
        (10, 640, 128.0),
        (30, 1920, 192.0),
    ]


def test_updates_that_were_lost_are_told_and_counted_as_time_alone(tmp_path):
    folder = training(tmp_path / "a1")
    lines = [
        {"from_update": 0, "to_update": 20, "lost_updates": 10, "ended": "interrupted", "seconds": 6.0},
        {"from_update": 20, "to_update": 40, "lost_updates": 0, "ended": "done", "seconds": 4.0},
    ]
    how = {"device": "cpu", "threads": 2, "processes": 2}
    (folder / "history.jsonl").write_text("".join(json.dumps(line | how) + "\n" for line in lines))
    rows = training_costs(folder, "pretrain", 100.0, "en")
    assert [(row["updates"], row["lost_updates"], row["tokens"], row["ended"]) for row in rows] == [
        (20, 10, 2000, "interrupted"),
        (20, 0, 2000, "done"),
    ]
    assert [row["tokens_per_second"] for row in rows] == [500.0, 500.0]
    assert [row["processes"] for row in rows] == [2, 2]


def test_histories_that_tell_less_are_of_one_process_that_ended_well(tmp_path):
    (row,) = training_costs(training(tmp_path / "a1", (0, 10, 5.0)), "pretrain", 64.0, "en")
    assert (row["lost_updates"], row["processes"], row["ended"]) == (0, 1, "done")


def test_a_training_without_a_history_costs_nothing(tmp_path):
    assert training_costs(tmp_path / "none", "pretrain", 64.0, "en") == []


def benchmark(path: Path, seconds: float, memory: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{memory}\n")


def test_jobs_are_read_from_benchmarks(tmp_path):
    benchmark(tmp_path / "pretrain/en.tsv", 12.34, "512.5")
    benchmark(tmp_path / "laws/laws.tsv", 0.5, "-")
    assert job_costs(tmp_path) == [
        {"stage": "rule laws", "job": "laws", "seconds": 0.5, "max_rss_mb": None},
        {"stage": "rule pretrain", "job": "en", "seconds": 12.3, "max_rss_mb": 512.5},
    ]


def test_the_table_holds_trainings_then_jobs(tmp_path):
    results = tmp_path / "results"
    segment = training(results / "pretrain/en/seed1/512/a1", (4, 8, 2.0))
    run = training(results / "finetune/en-de/en/seed1/512/b2", (0, 6, 3.0))
    pretrain, finetune = results / "pretrain/en/seed1/512.json", results / "finetune/en-de/en/seed1/512.json"
    pretrain.write_text(json.dumps({"identity": segment.name, "tokens": 512, "updates": 8}))
    record = {"finetune_pairs": 100, "learning_rate": 0.002, "finetuning_seed": 3}
    done = {"identity": run.name, "target_tokens_a_update": 200.5, **record}
    finetune.write_text(json.dumps([done, {**record, "status": "diverged in pretraining"}]))
    benchmark(results / "benchmarks/runs/runs.tsv", 1.0, "100")

    table = costs_table(transfer_costs([pretrain], [finetune]), results / "benchmarks")
    assert list(table.columns) == COLUMNS
    assert table["stage"].tolist() == ["pretrain", "finetune", "rule runs"]
    assert table["job"].tolist() == [
        "en/seed1/512",
        "en-de/en/seed1/512 Df 100 rate 0.002 seed 3",
        "runs",
    ]
    assert table["tokens"].tolist()[:2] == [256, 1203]
    assert table["tokens_per_second"].tolist()[:2] == [128.0, 401.0]
    assert pd.isna(table["tokens"][2])


def test_a_diverged_training_costs_what_it_took(tmp_path):
    results = tmp_path / "results"
    training(results / "pretrain/en/seed1/512/a1", (0, 3, 2.0))
    pretrain = results / "pretrain/en/seed1/512.json"
    pretrain.write_text(json.dumps({"status": "diverged", "identity": "a1", "tokens": 512, "updates": 8}))
    table = costs_table(transfer_costs([pretrain], []), results / "benchmarks")
    assert table["updates"].tolist() == [3]


def test_no_trainings_give_an_empty_table(tmp_path):
    assert costs_table([], tmp_path).empty
