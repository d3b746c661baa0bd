"""Real trainings of a toy model, made once for all tests of a session."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import language_model_toy
import pytest
from toy_mixtures import make_mixture

from downlaw.engine import launch
from downlaw.engine.once import Output
from downlaw.engine.training import finetune_run, pretrain_segment
from downlaw.files import read_json, write_json
from downlaw.study.matrix import BASELINE_START, Start, runs, segments

ROOT = Path(__file__).resolve().parents[3]
QUIET = Output(None, "test")

# Six updates are an epoch: the cuts fall within one, at its end, and after it.
REPEATING = {
    "mixtures__fr__max_tokens": 384,
    "pretrain__allow_repeats": True,
    "pretrain__dropout": 0.1,
    "pretrain__save_every_updates": 5,
    "pretrain__keep_optimizer": "all",
}
CUTS = [256, 384, 448, 1024]

LONG = {
    "pretrain__tokens": [5120],
    "pretrain__allow_repeats": True,
    "pretrain__save_every_updates": 10,
}
LONG_UPDATES = 80

PRETRAIN = """
import json, sys
from pathlib import Path
from downlaw.engine.once import Output
from downlaw.engine.training import pretrain_segment
from downlaw.study import load_study
from downlaw.study.matrix import segments

config, data, root = sys.argv[1:]
study = load_study(json.loads(config))
segment = [one for one in segments(study) if one.mixture == "fr"][-1]
pretrain_segment(study, segment, Path(data), None, Path(root), Output(None, "test"))
"""


def pretrain(
    study, data: Path, root: Path, previous=None, tokens: int | None = None, output: Output = QUIET
) -> dict[str, Any]:
    """Train the segment of mixture fr up to `tokens`, the last one where none is given."""
    chain = [one for one in segments(study) if one.mixture == "fr"]
    segment = next(
        one for one in chain if tokens in (one.tokens_asked, None) and (tokens or one is chain[-1])
    )
    return pretrain_segment(study, segment, data, previous, root, output)


def finetune(study, data: Path, start, root: Path) -> dict[str, Any]:
    """Train the first run from a pretraining record, or from nothing."""
    begin = Start(start["mixture"], start["seed"], start["tokens_asked"]) if start else BASELINE_START
    return finetune_run(study, runs(study, "en-de", begin)[0], data, start, root, QUIET)


def load(record: dict[str, Any]) -> dict[str, Any]:
    import torch

    return torch.load(record["checkpoint"], weights_only=False)


def folder_of(record: dict[str, Any]) -> Path:
    return Path(record["checkpoint"]).parent


def assert_same_weights(one, two) -> None:
    import torch

    assert one["model"].keys() == two["model"].keys()
    for name, weights in one["model"].items():
        assert torch.equal(weights, two["model"][name]), name


def assert_same_state(one, two) -> None:
    import torch

    assert_same_weights(one, two)
    states = [checkpoint["last_optimizer_state"]["state"] for checkpoint in (one, two)]
    for index, moments in states[0].items():
        for name, value in moments.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(states[1][index][name])), (index, name)
    assert one["optimizer_history"][-1]["num_updates"] == two["optimizer_history"][-1]["num_updates"]
    assert one["extra_state"]["train_iterator"] == two["extra_state"]["train_iterator"]


def history(folder: Path) -> list[tuple[int, int]]:
    """(from, to) of every stretch of updates that was really trained."""
    entries = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return [(entry["from_update"], entry["to_update"]) for entry in entries]


@pytest.fixture(scope="session")
def repeating(once, toy, toy_study) -> Path:
    """A mixture of six updates, for chains that cross the end of an epoch."""
    study = toy_study(**REPEATING, pretrain__tokens=CUTS)

    def make(folder: Path) -> None:
        make_mixture("fr", study, toy.text, toy.model, toy.dictionary, folder)

    return once("repeating", make)


@pytest.fixture(scope="session")
def trained(once, toy, toy_study, repeating) -> dict[str, Any]:
    """Records of a chain in four segments, of that chain uncut, and of finetunings from it or nothing."""

    def make(folder: Path) -> None:
        study = toy_study(**REPEATING, pretrain__tokens=CUTS)
        chain, previous = [], None
        for tokens in CUTS:
            previous = pretrain(study, repeating, folder / "cut", previous, tokens)
            chain.append(previous)
        uncut = toy_study(**REPEATING, pretrain__tokens=CUTS[-1:])
        records = {
            "chain": chain,
            "uncut": pretrain(uncut, repeating, folder / "uncut"),
            "finetuned": finetune(study, toy.subset(100), previous, folder / "finetune"),
            "baseline": finetune(study, toy.subset(100), None, folder / "finetune"),
        }
        write_json(folder / "records.json", records)

    return read_json(once("trained", make) / "records.json")


@pytest.fixture(scope="session")
def undisturbed(once, toy, toy_study) -> dict[str, Any]:
    """The record of a longer pretraining that nothing disturbed."""

    def make(folder: Path) -> None:
        write_json(
            folder / "record.json", pretrain(toy_study(**LONG), toy.mixture("fr"), folder / "pretrain")
        )

    return read_json(once("undisturbed", make) / "record.json")


@pytest.fixture(scope="session")
def killed(once, toy, toy_config) -> Path:
    """What is left of the same pretraining when its process is killed after the first save.

    `facts.json` says whether fairseq's own process died too, before it was through.
    """

    def make(folder: Path) -> None:
        command = [sys.executable, "-c", PRETRAIN, json.dumps(toy_config(**LONG)), str(toy.mixture("fr"))]
        process = subprocess.Popen([*command, str(folder / "pretrain")], cwd=ROOT)
        try:
            wait_for(lambda: list(folder.glob("pretrain/*/checkpoint_1_*.pt")) or process.poll() is not None)
            assert process.poll() is None, "the training ended before it could be killed"
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            process.wait()
        ended = [wait_for(lambda child=child: not is_alive(child), 10) for child in children]
        (log,) = folder.glob("pretrain/*/train.log")
        finished = "done training" in log.read_text()
        facts = {"children": len(children), "ended": all(ended), "training_finished": finished}
        write_json(folder / "facts.json", facts)

    return once("killed", make)


def wait_for(condition: Callable[[], object], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.002)
    return False


def stop_once_it_trains(root: Path, number: int = signal.SIGTERM) -> None:
    """Send this process a signal as soon as a training below `root` has made some updates."""

    def trains() -> bool:
        return any(" | train_inner | {" in log.read_text() for log in root.glob("*/train.log"))

    threading.Thread(target=lambda: wait_for(trains) and os.kill(os.getpid(), number), daemon=True).start()


def is_alive(process: str) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture(scope="session")
def language_models(once) -> Path:
    """Decoder-only models of a few updates, `tied.pt` of 2 layers and `untied.pt` of 1, and their data."""
    return once("language-models", language_model_toy.make)


@pytest.fixture
def children(monkeypatch) -> list[int]:
    """The exit codes of the children of a job so far."""
    codes = []
    run_forked = launch.run_forked
    monkeypatch.setattr(launch, "run_forked", lambda *a: codes.append(run_forked(*a)) or codes[-1])
    return codes


@pytest.fixture
def interrupted(killed, tmp_path) -> Path:
    """A copy of the killed training's root folder."""
    return Path(shutil.copytree(killed / "pretrain", tmp_path / "pretrain"))
