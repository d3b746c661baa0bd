from __future__ import annotations

import io
from dataclasses import replace

import lm_toy
import pytest
from rich.console import Console

from downlaw.engine.flops import parameters
from downlaw.plan import Machine, actual_table, as_json, beside_actual, differences, plan_study, print_plan
from downlaw.plan.same_machine import measured_with
from downlaw.plan.table import plan_lines, size
from downlaw.plan.throughput import throughput_of
from downlaw.study import load_study


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


def test_what_is_done_and_trained_again_is_told(toy_study):
    made = plan_study(toy_study(), Machine(2))
    assert "Up to 1 done training is trained again" in "\n".join(plan_lines(replace(made, trained_again=1)))
    assert "Up to 1,200 done trainings are" in "\n".join(plan_lines(replace(made, trained_again=1200)))
    assert "again" not in "\n".join(plan_lines(made))


def test_a_job_that_asks_for_too_little_memory_is_named(toy_study):
    study = toy_study(resources={"pretrain": {"memory_mb": 100}})
    text = printed(study, 200, start_seconds=5)
    assert "Rule pretrain asks a scheduler for 100 MB a job, and may take" in text
    assert "resources.pretrain.memory_mb" in text


def test_without_times_there_is_one_table(toy_study):
    text = printed(toy_study(), 100)
    assert "What that takes" not in text and "--calibrate" in text


def test_a_calibration_made_with_something_else_is_told(toy_study):
    study = toy_study()
    size = parameters(study.model, study.tokenizer.vocabulary)
    same = printed(study, 200, about={"parameters": size, "study": "toy", "device": "cpu"})
    other = printed(
        study, 200, about={"parameters": 999, "threads": 9, "tokens_per_update": [64, 1], "device": "cpu"}
    )
    assert f"models of so many weights 999, and this study has {size:,}" in other
    assert "threads 9, and this study has" in other
    assert "updates of so many tokens 64 and 1, and this study has 64 and 256" in other
    assert "precision" not in other and "The calibration was made with" not in same
    assert "The calibration was made with" not in printed(study, 200, about=measured_with(study))


def test_sizes_and_batches_of_a_grid_are_compared(tmp_path):
    study = load_study(lm_toy.configured(results=str(tmp_path)))
    facts = measured_with(study)
    assert len(facts["parameters"]) == len(facts["tokens_per_update"]) == 2
    speed = throughput_of({"flops_per_second": 1e9, "about": {**facts, "parameters": [1, 2]}}, "here")
    (line,) = differences(study, speed)
    assert "models of so many weights 1 and 2, and this study has" in line
    assert not list(differences(study, throughput_of({"flops_per_second": 1e9, "about": facts}, "here")))


def test_a_plan_beside_what_it_took_fits_a_terminal_of_80_columns(toy_study, tmp_path):
    study = toy_study(results=str(tmp_path))
    speed = throughput_of({"flops_per_second": 1e8}, "here")
    found = beside_actual(study, as_json(plan_study(study, Machine(2), speed)), speed)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(actual_table(found))
    text = console.export_text()
    assert "…" not in text and "rescaled" in text and "15,360" in text
