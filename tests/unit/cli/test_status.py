from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from made_results import MadeResults

from downlaw.study import load_study
from downlaw.study.matrix import BASELINE_START, segments


@pytest.fixture
def made(tmp_path, toy_config) -> MadeResults:
    config = toy_config(results=str(tmp_path / "results"))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    return MadeResults(load_study(config)).everything()


@pytest.fixture
def show(run, tmp_path):
    return lambda *options: run("status", "--configfile", tmp_path / "study.yaml", *options)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()]


def test_a_table_by_stage_and_mixture(made, show):
    done = show()
    assert done.exit_code == 0
    assert ["pretrain", "en+de", "2"] in rows(done.stdout)
    assert ["evaluate", "en-de", "none", "2"] in rows(done.stdout)
    assert "crashed:" not in done.stdout and "made with" not in done.stdout


def test_crashes_and_divergences_are_named_with_their_reason(made, show):
    segment, *_ = segments(made.study)
    made.pretrain([segment], status="diverged", reason="training loss is nan at update 3")
    made.batch_record("finetune", "en-de", BASELINE_START).unlink()
    made.log("finetune/en-de-none-seed0-0.log", "error: the disk is full\n")
    made.log("laws/laws.log", "error: laws: no points\n")
    lines = show().stdout.splitlines()
    assert "crashed: finetune en-de from nothing, Df 100 rate 0.01 seed 1: the disk is full" in lines
    assert "diverged: pretrain en+de seed 1 at 256 tokens: training loss is nan at update 3" in lines
    assert "failed: laws/laws: laws: no points" in lines


def test_mixed_versions_are_told(made, show):
    made.finetune("en-de", BASELINE_START, versions={"torch": ["2.12.0"], "downlaw": ["0.1.0"]})
    assert "runs were made with torch 2.12.0 (2) and 2.13.0 (8)" in show().stdout.splitlines()


def test_every_run_is_listed_if_asked(made, show):
    lines = show("--runs").stdout.splitlines()
    assert sum(line.startswith("done: ") for line in lines) == 4 + 10 + 10
    assert "done: evaluate en-de from fr seed 1 at 512 tokens, Df 300 rate 0.01 seed 1" in lines


def test_json_has_the_same(made, show):
    told = json.loads(show("--json").stdout)
    assert len(told["runs"]) == 24
    assert told["runs"][0]["state"] == "done" and told["runs"][0]["versions"]["torch"] == ["2.13.0"]
    assert told["counts"][0] == {
        "stage": "pretrain", "task": None, "mixture": "en+de",
        "done": 2, "running": 0, "crashed": 0, "diverged": 0, "to do": 0,
    }  # fmt: skip
    assert (told["failed_jobs"], told["mixed_versions"]) == ({}, {})


def test_a_study_that_is_not_there_is_one_line(run, tmp_path):
    done = run("status", "--configfile", Path(tmp_path / "none.yaml"))
    assert done.exit_code == 1
    assert "none.yaml: No such file or directory" in done.stderr
