"""What is measured and how it is told; the trainings themselves are no test's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from benchmarks import language_model as benchmark
from benchmarks.language_model import METHODS, SIZES, BenchmarkError, Size, app, methods_on, row, write_text
from benchmarks.workers import train_language_model as worker
from downlaw.engine import commands
from downlaw.engine.mmap import read_dataset
from downlaw.study import load_study

TINY = Size(16, 2, 2, 100, 8, 4, warm=2, updates=3)


def job(size: Size, folder: Path = Path("nowhere"), **changes: object) -> worker.Job:
    job = {**asdict(size), "device": "cpu", "precision": "fp32", "profile": False}
    return job | {"data": str(folder / "train"), "folder": "saved", "text": "text.txt"} | changes


def test_speeds_are_medians_and_ratios_those_within_a_round():
    seconds = {"fairseq": [2.0, 4.0, 3.0], "torch": [1.0, 1.0, 3.0]}
    found = row("tiny", TINY, "torch", job(TINY), seconds, peak=1e9)
    assert TINY.tokens == 96
    assert (found["tokens_a_second"], found["lowest"], found["highest"]) == (96, 32, 96)
    assert (found["ratio_to_fairseq"], found["rounds"], found["method"]) == (2, 3, "plain PyTorch")
    assert found["utilisation"] == 6 * TINY.params * 96 / 1e9
    assert set(found) == set(benchmark.COLUMNS)
    alone = row("tiny", TINY, "torch", job(TINY), {"torch": [1.0]}, peak=1e9)
    assert alone["ratio_to_fairseq"] is None


def test_fairseq_has_no_bf16_on_a_cpu():
    assert methods_on("cpu", "bf16") == ["torch", "transformers"]
    assert all(methods_on(*where) == [*METHODS] for where in (("cpu", "fp32"), ("cuda", "bf16")))


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_named_by_their_weights(name):
    assert len(SIZES[name]) == 3
    for label, size in SIZES[name].items():
        assert float(label.removesuffix("M")) == pytest.approx(
            size.params / 1e6, abs=0.1 if size.params < 1e7 else 1
        )


def test_the_plain_model_has_the_weights_that_are_counted_and_sees_only_what_came_before():
    model = worker.plain_model(job(TINY))
    assert sum(weight.numel() for weight in model.parameters()) == TINY.params
    ids = torch.arange(8)[None]
    changed = torch.where(ids == 5, 50, ids)
    with torch.no_grad():
        one, two = model(ids), model(changed)
    assert torch.equal(one[:, :5], two[:, :5]) and not torch.allclose(one[:, 5:], two[:, 5:])


def test_fairseq_is_given_the_sizes_by_this_projects_command_line(tmp_path):
    study = load_study(worker.config(job(TINY)))
    assert study.parameters("model").total == TINY.params
    cell = SimpleNamespace(model="model", seed=1)
    arguments = commands.language_modeling(study, cell, tmp_path, tmp_path, commands.Stretch(5), None)
    for name, value in (("batch-size", 4), ("tokens-per-sample", 8), ("decoder-embed-dim", 16)):
        assert arguments[arguments.index(f"--{name}") + 1] == str(value)


def test_text_is_enough_for_every_update_and_read_as_blocks(tmp_path):
    prefix = write_text(TINY, tmp_path / "data")
    assert len((tmp_path / "data/dict.txt").read_text().splitlines()) == 100 - 4
    blocks = read_dataset(prefix)
    assert (len(blocks), {len(block) for block in blocks}) == (20, {8})
    read = list(worker.batches(job(TINY, tmp_path / "data")))
    assert len(read) == 5
    for number, (previous, targets) in enumerate(read):
        assert targets.tolist() == np.stack(blocks[4 * number : 4 * number + 4]).tolist()
        assert (previous[:, 0] == 2).all() and torch.equal(previous[:, 1:], targets[:, :-1])


def test_the_clock_runs_from_the_last_warm_update_to_the_last_one(monkeypatch):
    now = iter([10.0, 16.0])
    monkeypatch.setattr(worker.time, "perf_counter", lambda: next(now))
    monkeypatch.setattr(worker.time, "process_time", lambda: 1.0)
    stopwatch = worker.Stopwatch(job(TINY))
    for _ in range(4):
        stopwatch.tick()
        assert stopwatch.result == {}
    stopwatch.tick()
    stopwatch.tick()
    assert stopwatch.result == {"wall": 6.0, "cpu": 0.0}


def test_a_profile_is_told_by_the_update_and_the_longest_first():
    def event(key: str, cpu: float, device: float = 0) -> SimpleNamespace:
        return SimpleNamespace(key=key, self_cpu_time_total=cpu, self_device_time_total=device, count=4)

    averages = [event("add", 1e6), event("mm", 3e6), event("add", 1e6)]
    assert worker.rows(averages, 2) == [("mm", 1.5, 2), ("add", 1.0, 4)]
    on_gpu = [event("launch", 9e6), event("mm", 0, 2e6)]
    assert worker.rows(on_gpu, 2) == [("mm", 1.0, 2), ("launch", 0.0, 2)]


def test_a_worker_that_fails_says_its_last_words(tmp_path, monkeypatch):
    (tmp_path / "worker.py").write_text("print('one')\nraise SystemExit('no such device')\n")
    monkeypatch.setattr(benchmark, "WORKER", tmp_path / "worker.py")
    with pytest.raises(BenchmarkError, match=r"^torch failed: no such device$"):
        benchmark.run_worker("torch", job(TINY), tmp_path)


def test_what_there_is_not_is_refused():
    done = CliRunner().invoke(app, ["--sizes", "large"])
    assert done.exit_code == 2 and "large is not small or paper" in done.output
