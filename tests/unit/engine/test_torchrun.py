"""Trainings of several processes, here two on one CPU, beside one process that accumulates gradients."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from downlaw.engine import launch, torchrun, worker
from downlaw.engine.errors import StoppedError
from downlaw.engine.once import OK, read_history

from .conftest import LONG, finetune, folder_of, load, pretrain, stop_once_it_trains

TWO = {"processes": 2}
SHARED = {
    "finetune__batches_per_update": 2,
    "finetune__dropout": 0.0,
    "finetune__updates": 30,
    "finetune__tokens_per_update": 512,
    "pretrain__batches_per_update": 2,
}


def losses(record: dict[str, Any]) -> list[str]:
    """What fairseq printed of its losses, in bits a token."""
    lines = (folder_of(record) / "train.log").read_text().splitlines()
    return [line.split('"loss": "')[1].split('"')[0] for line in lines if " | train_inner | {" in line]


def assert_close(one: dict[str, Any], other: dict[str, Any]) -> None:
    weights = [load(record)["model"] for record in (one, other)]
    for name, values in weights[0].items():
        assert values.allclose(weights[1][name], atol=1e-4), name


@pytest.fixture(scope="module")
def alone(toy, toy_study, tmp_path_factory) -> dict[str, Any]:
    """A finetuning of one process, which makes two batches an update one after the other."""
    return finetune(toy_study(**SHARED), toy.subset(100), None, tmp_path_factory.mktemp("alone"))


def test_two_processes_train_as_one_that_accumulates_gradients(alone, toy, toy_study, tmp_path):
    together = finetune(toy_study(**SHARED, resources={"finetune": TWO}), toy.subset(100), None, tmp_path)
    assert together["status"] == OK
    assert together["identity"] == alone["identity"]
    assert together["target_tokens_a_update"] == alone["target_tokens_a_update"]
    assert len(losses(alone)) > 3
    assert [float(loss) for loss in losses(together)] == pytest.approx(
        [float(loss) for loss in losses(alone)], abs=2e-3
    )
    assert_close(together, alone)
    (stretch,) = read_history(folder_of(together))
    assert (stretch["from_update"], stretch["to_update"], stretch["processes"]) == (0, 30, 2)


def test_an_update_of_other_batches_is_another_training(alone, toy, toy_study, tmp_path):
    """Or the test above would say nothing."""
    other = finetune(
        toy_study(**SHARED | {"finetune__batches_per_update": 1}), toy.subset(100), None, tmp_path
    )
    assert other["identity"] != alone["identity"]
    assert losses(other) != losses(alone)


def test_a_chain_goes_on_with_another_number_of_processes(toy, toy_study, tmp_path):
    points = [640, 1280, 1920]
    chain = {"pretrain__tokens": points, "pretrain__batches_per_update": 2, "pretrain__dropout": 0.0}
    data = toy.mixture("fr")
    ends = []
    for name, numbers in (("one", (1, 1, 1)), ("changing", (1, 2, 1))):
        previous = None
        for tokens, processes in zip(points, numbers, strict=True):
            study = toy_study(**chain, resources={"pretrain": {"processes": processes}})
            previous = pretrain(study, data, tmp_path / name, previous, tokens)
            assert previous["status"] == OK
        ends.append(previous)
    assert_close(*ends)
    positions = [load(record)["extra_state"]["train_iterator"] for record in ends]
    assert positions[0] == positions[1]


def test_a_signal_saves_at_the_next_update_of_all_processes(toy, toy_study, tmp_path):
    settings = {**LONG, "pretrain__batches_per_update": 2, "pretrain__save_every_updates": 1000}
    study = toy_study(**settings, resources={"pretrain": TWO})
    stop_once_it_trains(tmp_path)
    with pytest.raises(StoppedError, match=r"^at update \d+ of 80: stopped by SIGTERM"):
        pretrain(study, toy.mixture("fr"), tmp_path)
    (folder,) = tmp_path.iterdir()
    (stopped,) = read_history(folder)
    assert stopped["ended"] == "stopped" and 0 < stopped["to_update"] < 80
    record = pretrain(study, toy.mixture("fr"), tmp_path)
    assert [(s["from_update"], s["to_update"]) for s in read_history(folder)] == [
        (0, stopped["to_update"]),
        (stopped["to_update"], 80),
    ]
    assert record["status"] == OK


def test_a_killed_torchrun_leaves_no_worker(tmp_path):
    child = torchrun.Torchrun(["--no-such-option"], tmp_path / "log", 2, 1, 1)
    child.start()
    child.kill()
    assert child.wait(0) == -signal.SIGKILL


def test_a_crash_of_a_worker_is_an_error_with_its_last_words(toy, toy_study, tmp_path):
    data = tmp_path / "mixture"
    data.mkdir()
    for name in ("manifest.json", "dict.txt", "train.view.json", "train.order.npy"):
        (data / name).write_bytes((toy.mixture("fr") / name).read_bytes())
    study = toy_study(pretrain__batches_per_update=2, resources={"pretrain": TWO})
    with pytest.raises(launch.EngineError, match=r"fairseq stopped with code 1: .*train"):
        pretrain(study, data, tmp_path / "pretrain")


def test_processes_of_two_nodes_are_started_by_srun(monkeypatch, tmp_path):
    child = torchrun.Torchrun(["data"], tmp_path / "log", 8, 2, 4)
    command = child._command
    assert command[:4] == ["srun", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1"]
    assert command[command.index("--nnodes") + 1] == "2"
    assert command[command.index("--nproc-per-node") + 1] == "4"


def test_each_process_has_its_own_rank_and_gpu():
    environment = {"RANK": "5", "LOCAL_RANK": "1"}
    on_gpu = worker.process_arguments(environment, cuda=True)
    assert on_gpu[on_gpu.index("--distributed-rank") + 1] == "5"
    assert on_gpu[on_gpu.index("--device-id") + 1] == "1"
    assert "nccl" in on_gpu and "--ddp-backend" not in on_gpu
    on_cpu = worker.process_arguments(environment, cuda=False)
    assert on_cpu[on_cpu.index("--device-id") + 1] == "0"
    assert "gloo" in on_cpu and "legacy_ddp" in on_cpu
