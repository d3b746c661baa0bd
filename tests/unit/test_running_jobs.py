from __future__ import annotations

import os
from pathlib import Path

import pytest

from downlaw.running_jobs import other_running_jobs, running_jobs, with_running_scores
from downlaw.status import DONE, RUNNING, TO_DO, RunStatus

RESULTS = Path("results/mine")
LOCKED = 1000


def put(path: Path, text: str, at: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


@pytest.fixture
def workflow(tmp_path) -> Path:
    put(tmp_path / ".snakemake/locks/0.output.lock", "results/mine/runs.csv\nresults/mine/x\n", LOCKED)
    put(tmp_path / ".snakemake/locks/0.input.lock", "text/en.txt\n", LOCKED)
    return tmp_path


def log(workflow: Path, job: str, began: float, text: str = "", ended: float | None = None) -> None:
    put(workflow / RESULTS / f"logs/{job}.log", text, began)
    if ended is not None:
        put(workflow / RESULTS / f"benchmarks/{job}.tsv", "s\n1.0\n", ended)


def test_a_job_runs_from_its_log_to_its_benchmark(workflow):
    log(workflow, "split_corpus/fr", LOCKED + 9)
    log(workflow, "evaluate/en-de-fr-seed1-256", LOCKED + 5)
    log(workflow, "evaluate/again", LOCKED + 7, ended=LOCKED - 50)
    log(workflow, "evaluate/done", LOCKED + 5, ended=LOCKED + 8)
    log(workflow, "evaluate/earlier", LOCKED - 5)
    log(workflow, "evaluate/failed", LOCKED + 5, "error: the disk is full\n")
    found = running_jobs(RESULTS, workflow)
    assert found == ["evaluate/en-de-fr-seed1-256", "evaluate/again", "split_corpus/fr"]
    assert other_running_jobs(found) == ["split_corpus/fr"]


def test_without_a_lock_no_job_runs(workflow, tmp_path):
    log(workflow, "split_corpus/fr", LOCKED + 9)
    (workflow / ".snakemake/locks/0.output.lock").unlink()
    assert running_jobs(RESULTS, workflow) is None
    assert running_jobs(RESULTS, tmp_path / "elsewhere") is None


def test_the_lock_of_another_study_does_not_count(workflow):
    put(workflow / ".snakemake/locks/0.output.lock", "results/mine2/runs.csv\n", LOCKED)
    log(workflow, "split_corpus/fr", LOCKED + 9)
    assert running_jobs(RESULTS, workflow) is None
    assert running_jobs(Path("results/mine2"), workflow) == []


def test_a_lock_that_begins_with_a_file_of_another_workflow_counts(workflow):
    """Where downlaw is a module of it."""
    put(workflow / ".snakemake/locks/0.output.lock", "best.csv\nresults/mine/runs.csv\n", LOCKED)
    log(workflow, "split_corpus/fr", LOCKED + 9)
    assert running_jobs(RESULTS, workflow) == ["split_corpus/fr"]


def test_runs_that_are_scored_now_are_running():
    scores = [
        RunStatus("evaluate", "en-de", "fr", 1, 256, state=state, job="evaluate/x") for state in (DONE, TO_DO)
    ]
    training = RunStatus("finetune", "en-de", "fr", 1, 256, state=TO_DO, job="finetune/x")
    found = with_running_scores([*scores, training], ["evaluate/x", "finetune/x"])
    assert [run.state for run in found] == [DONE, RUNNING, TO_DO]
