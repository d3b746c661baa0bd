from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml

from downlaw.cli import plan
from downlaw.plan import stored
from downlaw.plan.throughput import throughput_of

SPEEDS = {"flops_per_second": 1e9, "start_seconds": 5}


@pytest.fixture
def study_file(tmp_path, toy_config):
    def write(**changes):
        config = toy_config(results=str(tmp_path / "results"), **changes)
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
        return tmp_path / "study.yaml"

    return write


@pytest.fixture
def speeds(tmp_path):
    path = tmp_path / "speeds.json"
    path.write_text(json.dumps(SPEEDS))
    return path


@pytest.fixture
def calibrated(monkeypatch):
    """A calibration that takes no time."""
    found = throughput_of(
        {**SPEEDS, "about": {"study": "toy", "device": "cpu", "side_by_side": 2}}, "made up"
    )
    monkeypatch.setattr(stored, "calibrate", lambda study, machine, say: found)
    monkeypatch.setattr(plan, "calibrate", lambda study, machine, say: found)


def test_without_a_speed_it_says_how_to_get_times(run, study_file):
    done = run("plan", "--configfile", study_file())
    assert done.exit_code == 0
    assert "--calibrate measures this machine" in done.stdout and "Wall time" not in done.stdout


def test_with_stated_speeds_it_says_times(run, study_file, speeds):
    done = run("plan", "--configfile", study_file(), "--throughput", speeds, "--cores", 2)
    assert done.exit_code == 0, done.stderr
    assert "Wall time" in done.stdout and "on 2 cores" in done.stdout
    assert "Speeds: stated pretraining_flops_per_second" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line.strip().startswith("pretrain")]
    assert rows[0][1:5] == ["4", "4", "16", "1,024"] and rows[1][1] == "4"


def test_a_cluster_s_jobs(run, study_file, speeds):
    done = run("plan", "--configfile", study_file(), "--throughput", speeds, "--jobs", 7)
    assert "a cluster that runs 7 jobs at once" in done.stdout


def test_a_bad_speed_is_an_error_of_one_line(run, study_file, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text('{"flops_per_second": -3}')
    done = run("plan", "--configfile", study_file(), "--throughput", path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"error: {path}: flops_per_second: -3 must be above 0\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--throughput", "nowhere.json"], "nowhere.json: No such file"),
        (["--profile", "nowhere"], "--profile: no profile is at nowhere"),
        (["--actual"], "no plan is stored"),
        (["--calibrate", "--throughput", "x"], "take one of them"),
    ],
)
def test_what_is_missing_is_named(run, study_file, options, said):
    done = run("plan", "--configfile", study_file(), *options)
    assert done.exit_code == 1 and said in done.stderr


def test_a_calibration_is_kept_for_later_plans(run, study_file, calibrated, tmp_path):
    file = study_file()
    assert "measured with study toy on cpu" in run("plan", "--configfile", file, "--calibrate").stdout
    assert (tmp_path / "results/plan/calibration.json").exists()
    again = run("plan", "--configfile", file)
    assert "Wall time" in again.stdout


def test_a_calibration_of_another_device_is_refused(run, study_file, calibrated, tmp_path):
    run("plan", "--configfile", study_file(), "--calibrate")
    kept = tmp_path / "results/plan/calibration.json"
    for options in ([], ["--throughput", kept]):
        done = run("plan", "--configfile", study_file(compute={"device": "cuda"}), *options)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"error: {kept}: was measured on cpu, and the study trains on cuda: ")


def test_what_a_calibration_was_made_with_is_told_beside_json(run, study_file, calibrated, tmp_path):
    run("plan", "--configfile", study_file(), "--calibrate")
    kept = tmp_path / "results/plan/calibration.json"
    found = json.loads(kept.read_text())
    kept.write_text(json.dumps({**found, "about": {**found["about"], "threads": 7}}))
    done = run("plan", "--configfile", study_file(), "--json")
    assert json.loads(done.stdout)["totals"]
    assert done.stderr.startswith("note: The calibration was made with threads 7, and this study has")


@pytest.mark.parametrize("options", [["--throughput", "x.json"], ["--output", "plan.json"]])
def test_what_does_not_go_with_actual_is_refused(run, study_file, options):
    done = run("plan", "--configfile", study_file(), "--actual", *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert options[0] in done.stderr and "--actual" in done.stderr


def test_json_and_the_file_are_the_same(run, study_file, speeds, tmp_path):
    output = tmp_path / "plans/plan.json"
    done = run("plan", "--configfile", study_file(), "--throughput", speeds, "--json", "--output", output)
    written = json.loads(output.read_text())
    assert json.loads(done.stdout) == {key: value for key, value in written.items() if key != "made_at"}
    assert json.loads(done.stdout)["totals"]["wall_seconds"] > 0


def test_the_plan_beside_what_it_took(run, study_file, speeds, calibrated, tmp_path):
    file, stored = study_file(), tmp_path / "results/plan/plan.json"
    run("plan", "--configfile", file, "--throughput", speeds, "--cores", 2, "--output", stored)
    job = tmp_path / "results/benchmarks/tokenizer/tokenizer.tsv"
    job.parent.mkdir(parents=True)
    job.write_text("s\th:m:s\n12.5\t0:00:12\n")
    (tmp_path / "results/subsets/tokenizer").mkdir(parents=True)
    for name in ("sentencepiece.model", "dict.txt"):
        (tmp_path / "results/subsets/tokenizer" / name).touch()
    done = run("plan", "--configfile", file, "--actual")
    assert done.exit_code == 0, done.stderr
    table = pd.read_csv(tmp_path / "results/plan.csv").set_index("rule")
    assert (table.loc["tokenizer", "jobs"], table.loc["tokenizer", "seconds"]) == (1, 12.5)
    assert "took 12 s" in done.stdout
    assert done.stderr.endswith(
        "plan.csv: written; the report shows it once it is made again: downlaw report\n"
    )
    rescaled = run("plan", "--configfile", file, "--actual", "--calibrate")
    assert "With the calibration repeated at the end" in rescaled.stdout
    assert "1.00 times as long" in rescaled.stdout
    as_records = json.loads(run("plan", "--configfile", file, "--actual", "--json").stdout)
    assert as_records[0]["rule"] == "split_corpus"


def test_results_that_cannot_be_read_are_an_error_of_one_line(run, study_file, tmp_path):
    (tmp_path / "results").write_text("a file")
    done = run("plan", "--configfile", study_file())
    assert done.exit_code == 1
    assert done.stderr == f"error: {tmp_path / 'results'}: is no folder; results is the study's key for it\n"
