from __future__ import annotations

import sys

import pytest

from downlaw.files import read_json, write_json
from downlaw.plan import Machine, PlanError, calibrate, calibrate_anew, calibration, last_calibration
from downlaw.study import load_study

MEASURED = {
    "start_seconds": 5.0,
    "pretraining_flops_per_second": 2e10,
    "finetuning_flops_per_second": 1e10,
    "training_seconds": 1.0,
    "decoded_segments_per_second": 50.0,
    "unit_seconds": 1.0,
    "cleaned_texts_per_second": 1e4,
    "tokenized_pieces_per_second": 1e6,
    "pretraining_updates": 22,
}


@pytest.fixture
def measured(monkeypatch):
    """Processes that leave made-up numbers, the second twice those of the first; the commands that ran."""
    commands = []

    def run(started, folder, say):
        commands.extend(started)
        for number, command in enumerate(started):
            if "downlaw.plan.measure" in command:
                study = load_study(read_json(folder / "task.json")["study"])
                assert study.study == "toy"
                found = {key: (number + 1) * value for key, value in MEASURED.items()}
                write_json(folder / f"{command[4]}.json", found)
        say("measured")

    monkeypatch.setattr(calibration, "_run", run)
    return commands


def test_the_mean_of_processes_side_by_side_is_kept(toy_study, tmp_path, measured, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    study, said = toy_study(results=str(tmp_path)), []
    found = calibrate_anew(study, Machine(2), said.append)
    assert found.pretraining_flops_per_second == pytest.approx(3e10)
    assert found.about["side_by_side"] == 2 and found.about["pretraining_updates"] == 33
    assert len(measured) == 3 and said[-1] == "measured"
    assert last_calibration(study) == found


@pytest.mark.parametrize(
    ("cores", "threads", "there", "expected"),
    [(2, 1, 2, 2), (8, 4, 8, 2), (64, 1, 64, 4), (1, 4, 1, 1), (8, 1, 2, 2)],
)
def test_as_many_processes_as_would_run(toy_study, monkeypatch, cores, threads, there, expected):
    monkeypatch.setattr("os.cpu_count", lambda: there)
    study = toy_study(compute={"threads": threads})
    assert calibration.side_by_side(study, Machine(cores)) == expected


def test_a_model_too_large_for_it_is_refused_with_what_to_do(toy_study, measured):
    study = toy_study(
        model__width=4096, model__ffn_width=16384, model__encoder_layers=24, pretrain__tokens=[10**6]
    )
    with pytest.raises(PlanError, match=r"operations, too many for a calibration here.*--throughput"):
        calibrate(study, Machine(2))
    assert not measured


def test_a_process_that_fails_gives_its_last_words(tmp_path):
    code = "import sys; print('begun', flush=True); sys.exit('the disk is full')"
    said = []
    with pytest.raises(PlanError, match="failed with code 1: the disk is full"):
        calibration._run([[sys.executable, "-c", code]], tmp_path, said.append)
    assert said == ["begun"]


def test_nothing_is_known_before_it_was_measured(toy_study, tmp_path):
    assert last_calibration(toy_study(results=str(tmp_path))) is None
