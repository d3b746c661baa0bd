from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from made_results import MadeResults

from downlaw.study import load_study
from downlaw.study.matrix import BASELINE_START, Start, segments


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


def test_what_was_refused_beside_the_study_is_no_failure_of_it(made, show):
    for rule in ("plan", "archive", "prefetch"):
        made.log(f"{rule}/{rule}.log", "error: too many operations\n")
    assert "failed:" not in show().stdout


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
    assert told["curves"][0] | {"points": None} == {
        "stage": "pretrain", "mixture": "en+de", "points": None,
        "task": None, "pairs": None, "seed": 1, "model": None,
    }  # fmt: skip
    assert told["curves"][0]["points"][0] == {"at": 256, "state": "done", "share": 1.0}
    assert told["time_left"] == {"seconds": 0.0, "at_once": 0.0, "unmeasured": []}
    assert told["speeds"][0] == {"kind": "pretrain", "running": {}, "finished": None, "measured": 0}
    assert (told["other_jobs"], told["failures"]) == (None, [])


def test_json_has_failures_with_the_ends_of_their_logs(made, show):
    made.log("laws/laws.log", "one\nerror: laws: no points\n")
    told = json.loads(show("--json").stdout)
    assert told["failed_jobs"] == {"laws/laws": "laws: no points"}
    assert told["failures"] == [
        {
            "heading": "failed", "name": "laws/laws", "reason": "laws: no points", "goes_on": None,
            "log": str(made.results / "logs/laws/laws.log"), "lines": ["one", "error: laws: no points"],
        }
    ]  # fmt: skip


def test_the_end_of_the_log_stands_below_a_failure(made, show):
    made.log("laws/laws.log", "".join(f"line {n}\n" for n in range(20)) + "error: laws: no points\n")
    lines = show().stdout.splitlines()
    place = lines.index("failed: laws/laws: laws: no points")
    log = f"  {made.results / 'logs/laws/laws.log'}"
    shown = [*(f"  | line {n}" for n in range(11, 20)), "  | error: laws: no points"]
    assert lines[place + 1 :] == [log, *shown]


def test_of_many_failures_the_first_show_their_logs_and_the_rest_is_counted(made, show):
    for number in range(25):
        made.log(f"laws/laws{number:02d}.log", "error: laws: no points\n")
    lines = show().stdout.splitlines()
    assert sum(line.startswith("failed: laws/laws") for line in lines) == 20
    assert lines.count("  | error: laws: no points") == 5
    assert lines[-1] == "failed: 5 more (--runs lists all)"
    assert sum(line.startswith("failed: laws/laws") for line in show("--runs").stdout.splitlines()) == 25


def test_curves_have_a_sign_for_each_point(made, show):
    made.batch_record("evaluate", "en-de", Start("fr", 1, 512)).unlink()
    lines = show().stdout.splitlines()
    assert "fr          1    ●    ●" in lines
    assert "en-de    100  fr            ●    ○" in lines
    assert "time left: not known, nothing is measured yet" in lines


def test_beyond_40_lines_of_curves_the_rest_is_counted(tmp_path, toy_config, run):
    config = toy_config(results=str(tmp_path / "none"), finetune__pairs=list(range(100, 600, 10)))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    some = run("status", "--configfile", tmp_path / "study.yaml").stdout
    assert "more curves: 1" in some
    all_of_them = run("status", "--configfile", tmp_path / "study.yaml", "--curves").stdout
    assert len(all_of_them.splitlines()) - len(some.splitlines()) == 2 + 150 + 4 - 40


def test_speed_and_time_left_are_told_once_something_is_measured(made, show):
    segment, *_ = segments(made.study)
    made.history(
        made.segment_folder(segment), {"from_update": 0, "to_update": 4, "seconds": 2.0, "lost_updates": 0}
    )
    made.batch_record("evaluate", "en-de", Start("fr", 1, 512)).unlink()
    lines = show().stdout.splitlines()
    assert "speed: pretrain: 128 tokens/s when done (one training)" in lines
    done = made.results / "benchmarks/evaluate/en-de-fr-seed1-256.tsv"
    done.parent.mkdir(parents=True)
    done.write_text("s\n90.0\n")
    left = (
        "time left: about 1 min 30 s if one job follows the other (none runs now); laws and the report come"
    )
    assert f"{left} after" in show().stdout.splitlines()


def test_a_metric_of_a_job_of_its_own_is_named_until_it_is_there(tmp_path, toy_config, run):
    config = toy_config(results=str(tmp_path / "results"), evaluate__comet_local={"variant": "tiny"})
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    MadeResults(load_study(config)).everything()
    lines = run("status", "--configfile", tmp_path / "study.yaml").stdout.splitlines()
    assert "all runs are done; comet_local (not measured yet), laws and the report come now" in lines


def test_results_that_cannot_be_read_are_an_error_of_one_line(made, show):
    path = made.batch_record("finetune", "en-de", BASELINE_START)
    path.write_text("[1, 2]")
    done = show()
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: results cannot be read: {path} (")
    assert done.stderr.count("\n") == 1


def test_a_study_that_is_not_there_is_one_line(run, tmp_path):
    done = run("status", "--configfile", Path(tmp_path / "none.yaml"))
    assert done.exit_code == 1
    assert "none.yaml: No such file or directory" in done.stderr
