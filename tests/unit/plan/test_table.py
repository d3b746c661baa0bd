from __future__ import annotations

import io

import pytest
from rich.console import Console

from downlaw.engine.flops import parameters
from downlaw.plan import Machine, actual_table, as_json, beside_actual, plan_study, print_plan
from downlaw.plan.table import duration, size
from downlaw.plan.throughput import throughput_of


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1:00 min"),
        (245, "4:05 min"),
        (3599.7, "1.0 h"),
        (11_520, "3.2 h"),
        (999_999, "12 days"),
    ],
)
def test_durations_are_short(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 MB"), (2.6e6, "3 MB"), (1.25e9, "1.2 GB"), (3.4e12, "3.4 TB")]
)
def test_sizes_are_short(count, said):
    assert size(count) == said


def printed(study, width: int, **speeds: float) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    speed = throughput_of({"flops_per_second": 1e9, **speeds}, "here") if speeds else None
    print_plan(study, plan_study(study, Machine(2), speed), console)
    return console.export_text()


def test_nothing_is_cut_on_a_terminal_of_80_columns(toy_study):
    text = printed(toy_study(evaluate__comet_local={"variant": "tiny"}), 80, start_seconds=5)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_job_that_asks_for_too_little_memory_is_named(toy_study):
    study = toy_study(resources={"pretrain": {"memory_mb": 100}})
    text = printed(study, 200, start_seconds=5)
    assert "Rule pretrain asks a scheduler for 100 MB a job, and may take" in text
    assert "resources.pretrain.memory_mb" in text


def test_without_times_there_is_one_table(toy_study):
    text = printed(toy_study(), 100)
    assert "What that takes" not in text and "--calibrate" in text


def test_a_calibration_of_another_model_is_told(toy_study):
    study = toy_study()
    size = parameters(study.model, study.tokenizer.vocabulary)
    same = printed(study, 200, about={"parameters": size, "study": "toy", "device": "cpu"})
    other = printed(study, 200, about={"parameters": 999, "study": "other", "device": "cpu"})
    assert "It trained a model of 999 weights" in other
    assert "It trained a model" not in same


def test_a_plan_beside_what_it_took_fits_a_terminal_of_80_columns(toy_study, tmp_path):
    study = toy_study(results=str(tmp_path))
    speed = throughput_of({"flops_per_second": 1e8}, "here")
    found = beside_actual(study, as_json(plan_study(study, Machine(2), speed)), speed)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(actual_table(found))
    text = console.export_text()
    assert "…" not in text and "rescaled" in text and "15,360" in text
