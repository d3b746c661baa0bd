from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from made_results import VERSIONS, MadeResults

from downlaw import status
from downlaw.engine import holding
from downlaw.status import CRASHED, DIVERGED, DONE, RUNNING, TO_DO, RunStatus, statuses
from downlaw.study.matrix import BASELINE_START, Start, runs, segments

FR = Start("fr", 1, 256)


@pytest.fixture
def made(toy_study, tmp_path) -> MadeResults:
    return MadeResults(toy_study(results=str(tmp_path / "results"), finetune__seeds=[1, 2])).subsets()


def of_stage(made: MadeResults, stage: str) -> list[RunStatus]:
    return [run for run in statuses(made.study) if run.stage == stage]


def first_segment(made: MadeResults) -> Path:
    return made.segment_folder(next(segments(made.study)))


def hold(folder: Path, **changes: object) -> holding.Holder:
    """Leave the file of somebody who trains, as of this living process but for `changes`."""
    with holding.hold(folder, "pretrain", print) as held:
        held.write()
        holder = replace(holding.read_holder(folder), **changes)
    (folder / holding.HOLDER).write_text(json.dumps(asdict(holder)) + "\n")
    return holder


def test_a_study_that_has_not_begun_is_all_to_do(toy_study, tmp_path):
    found = statuses(toy_study(results=str(tmp_path / "none")))
    assert {run.state for run in found} == {TO_DO}
    assert [sum(run.stage == stage for run in found) for stage in status.STAGES] == [4, 10, 0, 10]


def test_a_study_that_is_done(made):
    found = statuses(made.everything().study)
    assert {run.state for run in found} == {DONE}
    assert [sum(run.stage == stage for run in found) for stage in status.STAGES] == [4, 20, 0, 20]
    assert found[0].versions == VERSIONS
    assert (found[0].update, found[0].updates) == (4, 4)


def test_runs_of_an_older_version_or_without_their_subsets_are_known_by_their_records(made):
    made.everything()
    for path in made.results.rglob("manifest.json"):
        path.unlink()
    for path in (made.results / "finetune").rglob("*.json"):
        older = [{k: v for k, v in run.items() if k != "versions"} for run in json.loads(path.read_text())]
        path.write_text(json.dumps(older))
    found = statuses(made.study)
    assert {run.state for run in found} == {DONE}
    assert status.mixed_versions(found) == {}


def test_runs_made_under_other_settings_are_to_do(made, toy_study):
    made.everything()
    study = toy_study(results=str(made.results), finetune__seeds=[1, 2], finetune__updates=7)
    states = {(run.stage, run.state) for run in statuses(study)}
    assert states == {("pretrain", DONE), ("finetune", TO_DO), ("evaluate", TO_DO)}


def test_a_training_is_done_before_its_job_is(made):
    segment = next(segments(made.study))
    folder = first_segment(made)
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps({"status": "ok", "reason": ""}))
    first, second, *_ = of_stage(made, "pretrain")
    assert (first.state, first.tokens, second.state) == (DONE, segment.tokens_asked, TO_DO)


def test_what_starts_from_a_diverged_chain_has_diverged(made):
    segment = next(one for one in segments(made.study) if one.mixture == "fr")
    made.pretrain([segment], status="diverged", reason="training loss is nan at update 3")
    found = statuses(made.study)
    (chain,) = (run for run in found if run.stage == "pretrain" and run.state == DIVERGED)
    assert chain.reason == "training loss is nan at update 3"
    runs_from_it = [run for run in found if (run.mixture, run.tokens) == ("fr", 256) and run.task]
    assert {run.state for run in runs_from_it} == {DIVERGED}
    assert runs_from_it[0].reason == "diverged in pretraining: training loss is nan at update 3"


def test_a_training_whose_holder_lives_is_running(made):
    with holding.hold(first_segment(made), "pretrain", print) as held:
        held.tell(update=3, updates=4)
        held.write()
        first, second, *_ = of_stage(made, "pretrain")
    assert (first.state, first.update, first.updates, second.state) == (RUNNING, 3, 4, TO_DO)
    assert f"process {os.getpid()} on" in first.reason


def test_a_training_whose_holder_died_has_crashed_and_goes_on_from_its_save(made):
    folder = first_segment(made)
    hold(folder, started=1, job="77")
    (folder / "checkpoint_1_2.pt").touch()
    (first, *_) = of_stage(made, "pretrain")
    assert (first.state, first.update) == (CRASHED, 2)
    assert first.reason.endswith("Slurm job 77 died")


def test_the_log_of_a_training_tells_what_its_last_checkpoint_holds(made):
    folder = first_segment(made)
    hold(folder, started=1)
    (folder / "checkpoint_last.pt").touch()
    line = "INFO | Saved checkpoint x/checkpoint_last.pt (epoch 1 @ {} updates, score None) (in 0.1 s)\n"
    (folder / "train.log").write_text(line.format(1) + line.format(3))
    assert of_stage(made, "pretrain")[0].update == 3


def test_a_training_on_another_host_is_judged_by_when_it_last_told_of_itself(made):
    folder = first_segment(made)
    hold(folder, processes="another machine", host="node7")
    assert of_stage(made, "pretrain")[0].state == RUNNING
    silent = time.time() - status.SILENT_SECONDS - 60
    os.utime(folder / holding.HOLDER, (silent, silent))
    assert of_stage(made, "pretrain")[0].state == CRASHED


def test_a_training_that_was_stopped_goes_on_from_there(made):
    folder = first_segment(made)
    made.history(folder, {"from_update": 0, "to_update": 2, "ended": "stopped"})
    (folder / "checkpoint_last.pt").touch()
    (first, *_) = of_stage(made, "pretrain")
    assert (first.state, first.update, first.reason) == (CRASHED, 2, "stopped, and saved")


def test_the_error_in_a_jobs_log_is_the_reason_of_the_run_that_it_stopped_at(made):
    made.pretrain(segments(made.study))
    first = next(iter(runs(made.study, "en-de", FR)))
    folder = made.run_folder(first)
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps({"status": "ok", "reason": ""}))
    made.log("finetune/en-de-fr-seed1-256.log", "$ env ...\nerror: finetune en-de: the disk is full\n")
    batch = [run for run in of_stage(made, "finetune") if (run.mixture, run.tokens) == ("fr", 256)]
    assert [run.state for run in batch] == [DONE, CRASHED, TO_DO, TO_DO]
    assert batch[1].reason == "finetune en-de: the disk is full"


def test_the_error_of_an_earlier_attempt_does_not_count_once_the_job_is_done(made):
    made.everything()
    made.log("finetune/en-de-fr-seed1-256.log", "error: the disk is full\n")
    assert {run.state for run in statuses(made.study)} == {DONE}


def test_an_evaluation_that_failed_has_its_error(made):
    made.pretrain(segments(made.study))
    made.finetune("en-de", BASELINE_START)
    made.log("evaluate/en-de-none-seed0-0.log", "Traceback (most recent call last):\n  x\nKeyError: 'a'\n")
    first, *others = (run for run in of_stage(made, "evaluate") if run.tokens == 0)
    assert (first.state, first.reason) == (CRASHED, "KeyError: 'a'")
    assert {run.state for run in others} == {TO_DO}


def test_errors_of_other_jobs_are_found_in_their_logs(made):
    made.log("tokenizer/tokenizer.log", "reading\n")
    made.log("mixture/fr.log", "error: mixtures.fr: its text does not fill one update of 64 tokens\n")
    made.log("evaluate/en-de-none-seed0-0.log", "error: of a run\n")
    assert status.other_errors(made.study) == {
        "mixture/fr": "mixtures.fr: its text does not fill one update of 64 tokens"
    }


def test_counts_are_by_stage_task_and_mixture(made):
    made.everything()
    made.batch_record("evaluate", "en-de", FR).unlink()
    counted = status.counts(statuses(made.study))
    assert list(counted)[:2] == [("pretrain", None, "en+de"), ("pretrain", None, "fr")]
    assert counted["evaluate", "en-de", "fr"] == {DONE: 4, TO_DO: 4}


def test_versions_are_mixed_where_runs_differ(made):
    made.everything()
    made.finetune("en-de", FR, versions={"torch": ["2.12.0", "2.13.0"], "downlaw": ["0.1.0"]})
    made.finetune("en-de", BASELINE_START, versions={"torch": ["2.12.0"], "downlaw": ["0.1.0"]})
    assert status.mixed_versions(statuses(made.study)) == {
        "torch": {"2.12.0": 4, "2.12.0 + 2.13.0": 4, "2.13.0": 12}
    }


def test_every_file_is_read_at_most_once(made, monkeypatch):
    made.everything()
    read: list[Path] = []
    monkeypatch.setattr(status, "read_json", lambda path: read.append(path) or json.loads(path.read_text()))
    statuses(made.study)
    assert len(read) == len(set(read)) == 2 + 2 + 4 + 5 + 5


def test_torch_is_not_imported():
    code = "import sys, downlaw.cli, downlaw.status; print({'torch', 'fairseq'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
