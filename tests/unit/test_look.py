from __future__ import annotations

import json
import os
from pathlib import Path

import lm_toy
import pytest
from made_results import MadeResults

from downlaw.engine import holding
from downlaw.files import write_json
from downlaw.look import Looker
from downlaw.status import CRASHED, DONE, RUNNING
from downlaw.study import load_study
from downlaw.study.matrix import BASELINE_START, Start, segments
from downlaw.unreadable import ResultsError


@pytest.fixture
def made(toy_study, tmp_path) -> MadeResults:
    return MadeResults(toy_study(results=str(tmp_path / "results"))).subsets()


def first_segment(made: MadeResults) -> Path:
    return made.segment_folder(next(segments(made.study)))


def lock(folder: Path, results: Path, at: float = 1000) -> Path:
    path = folder / ".snakemake/locks/0.output.lock"
    path.parent.mkdir(parents=True)
    path.write_text(f"{results}/runs.csv\n")
    os.utime(path, (at, at))
    return path


def test_of_a_study_that_has_not_begun_nothing_is_known(toy_study, tmp_path):
    look = Looker(toy_study(results=str(tmp_path / "none")), tmp_path).look()
    assert (look.left.seconds, look.left.at_once, look.other_jobs, look.failures) == (None, 0.0, None, [])
    assert len(look.curves) == 2 + 2 * 3
    assert not look.is_over


def test_of_the_over_training_track_each_size_is_a_curve(tmp_path):
    look = Looker(load_study(lm_toy.configured(results=str(tmp_path / "results"))), tmp_path).look()
    assert {(curve.stage, curve.model, len(curve.points)) for curve in look.curves} == {
        ("overtrain", "small", 3),
        ("overtrain", "large", 3),
    }


def test_a_failure_has_the_end_of_its_jobs_log(made, tmp_path):
    made.log("finetune/en-de-none-seed0-0.log", "".join(f"{n}\n" for n in range(30)) + "error: disk full\n")
    made.log("laws/laws.log", "error: laws: no points\n")
    run, job = Looker(made.study, tmp_path).look().failures
    assert (run.heading, run.reason) == (CRASHED, "disk full")
    assert run.log == made.results / "logs/finetune/en-de-none-seed0-0.log"
    assert run.lines == (*map(str, range(21, 30)), "error: disk full")
    assert (job.heading, job.name, job.reason) == ("failed", "laws/laws", "laws: no points")
    assert job.lines == ("error: laws: no points",)


def test_of_a_training_that_was_killed_without_a_word_its_own_log_is_shown(made, tmp_path):
    folder = first_segment(made)
    with holding.hold(folder, "pretrain", print) as held:
        held.write()
        told = json.loads((folder / holding.HOLDER).read_text())
    (folder / holding.HOLDER).write_text(json.dumps(told | {"started": 1}) + "\n")
    (folder / "checkpoint_1_2.pt").touch()
    (failure,) = Looker(made.study, tmp_path).look().failures
    assert (failure.log, failure.lines, failure.goes_on) == (None, (), (2, 4))
    (folder / "train.log").write_text("begin training\n")
    (failure,) = Looker(made.study, tmp_path).look().failures
    assert (failure.log, failure.lines) == (folder / "train.log", ("begin training",))


def test_runs_of_one_job_are_one_failure(made, tmp_path):
    made.finetune("en-de", BASELINE_START)
    made.log("evaluate/en-de-none-seed0-0.log", "error: out of memory\n")
    assert len(Looker(made.study, tmp_path).look().failures) == 1


def test_a_study_is_over_when_all_is_done_and_no_snakemake_is_at_work(made, tmp_path):
    made.everything()
    held = lock(tmp_path, made.results)
    looker = Looker(made.study, tmp_path)
    assert not looker.look().is_over
    held.unlink()
    assert looker.look().is_over
    made.batch_record("evaluate", "en-de", Start("fr", 1, 256)).unlink()
    assert not looker.look().is_over


def test_a_metric_that_all_runs_are_still_to_be_scored_by_is_open(toy_study, tmp_path):
    study = toy_study(results=str(tmp_path / "results"), evaluate__comet_local={"variant": "tiny"})
    made = MadeResults(study).everything()
    look = Looker(study, tmp_path).look()
    assert (look.open_metrics, look.is_over) == (("comet_local",), False)
    assert (look.left.seconds, look.left.unmeasured) == (None, ("comet_local",))
    write_json(made.results / "evaluate/comet_local.json", [])
    look = Looker(study, tmp_path).look()
    assert (look.open_metrics, look.is_over, look.left.seconds) == ((), True, 0.0)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, 3])
def test_results_of_another_shape_are_named(made, tmp_path, content):
    made.everything()
    path = made.batch_record("finetune", "en-de", BASELINE_START)
    write_json(path, content)
    with pytest.raises(ResultsError, match=r"^results cannot be read: .*none/seed0/0\.json \("):
        Looker(made.study, tmp_path).look()


def test_a_file_that_cannot_be_opened_is_named(made, tmp_path):
    made.everything()
    path = made.batch_record("evaluate", "en-de", BASELINE_START)
    path.unlink()
    path.mkdir()
    with pytest.raises(ResultsError, match=r"^results cannot be read: .*none/seed0/0\.json: Is a directory"):
        Looker(made.study, tmp_path).look()


def test_jobs_that_run_are_told(made, tmp_path):
    made.everything()
    made.batch_record("evaluate", "en-de", Start("fr", 1, 256)).unlink()
    lock(tmp_path, made.results)
    made.log("evaluate/en-de-fr-seed1-256.log", "")
    made.log("laws/laws.log", "")
    look = Looker(made.study, tmp_path).look()
    assert look.other_jobs == ["laws/laws"]
    assert {run.state for run in look.found} == {DONE, RUNNING}
    assert look.left.at_once == 1


def test_jobs_at_once_are_a_mean_over_the_last_looks(made, tmp_path):
    looker = Looker(made.study, tmp_path)
    chains = [segment for segment in segments(made.study) if segment.previous is None]
    with holding.hold(made.segment_folder(chains[0]), "pretrain", print) as held:
        held.write()
        assert looker.look().left.at_once == 1
        with holding.hold(made.segment_folder(chains[1]), "pretrain", print) as other:
            other.write()
            assert looker.look().left.at_once == 1.5
    assert looker.look().left.at_once == 0


def test_nothing_is_written(made, tmp_path):
    made.everything()
    lock(tmp_path, made.results)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    Looker(made.study, tmp_path).look()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_files_that_are_half_written_are_as_if_they_were_not_there(made, tmp_path):
    made.everything()
    for path in made.results.rglob("*.json"):
        path.write_text(path.read_text()[: path.stat().st_size // 2])
    look = Looker(made.study, tmp_path).look()
    assert not look.is_over
