"""Signals to a training of one process; several are in test_torchrun."""

from __future__ import annotations

import os
import signal
import threading
from itertools import pairwise

import pytest

from downlaw import subsets
from downlaw.engine.errors import StoppedError
from downlaw.engine.once import OK, read_history
from downlaw.files import read_json

from .conftest import (
    LONG,
    LONG_UPDATES,
    assert_same_state,
    assert_same_weights,
    finetune,
    folder_of,
    load,
    pretrain,
    stop_once_it_trains,
    wait_for,
)

RARE_SAVES = {"pretrain__save_every_updates": 1000}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_at_the_next_update_and_the_rerun_goes_on_from_there(
    number, undisturbed, toy, toy_study, tmp_path
):
    study = toy_study(**LONG | RARE_SAVES)
    handler = signal.getsignal(number)
    stop_once_it_trains(tmp_path, number)
    with pytest.raises(StoppedError, match=rf"^at update \d+ of 80: stopped by {number.name} and saved"):
        pretrain(study, toy.mixture("fr"), tmp_path)
    assert signal.getsignal(number) == handler
    (folder,) = tmp_path.iterdir()
    assert not (folder / "holder.json").exists()
    record = pretrain(study, toy.mixture("fr"), tmp_path)
    first, second = read_history(folder)
    assert (first["ended"], first["lost_updates"], second["ended"]) == ("stopped", 0, "done")
    assert 0 == first["from_update"] < first["to_update"] == second["from_update"]
    assert second["to_update"] == LONG_UPDATES
    assert_same_state(load(record), load(undisturbed))
    assert record["target_tokens_a_update"] == undisturbed["target_tokens_a_update"]


def test_a_signal_does_not_choose_another_best_checkpoint(toy, toy_study, tmp_path):
    prepared, data = tmp_path / "prepared", tmp_path / "data"
    study = toy_study(
        finetune__checkpoint="best",
        finetune__updates=240,
        finetune__validate_every_updates=100,
        finetune__pairs=[50],
    )
    subsets.write_task("en-de", study, toy.pairs, toy.model, toy.dictionary, prepared)
    subsets.write_finetuning_subset(study.tasks["en-de"], 50, prepared, toy.dictionary, data)
    whole = finetune(study, data, None, tmp_path / "whole")
    stop_once_it_trains(tmp_path / "stopped")
    with pytest.raises(StoppedError):
        finetune(study, data, None, tmp_path / "stopped")
    resumed = finetune(study, data, None, tmp_path / "stopped")
    assert_same_weights(load(resumed), load(whole))


def test_a_finetuning_that_is_asked_often_counts_each_update_once(toy, toy_study, tmp_path):
    study = toy_study(finetune__updates=300, finetune__dropout=0.1)
    whole = finetune(study, toy.subset(100), None, tmp_path / "whole")
    stopping = tmp_path / "stopped"
    for _ in range(2):
        before = sum(1 for _ in stopping.glob("*/train.log")) and lines_of(stopping)
        threading.Thread(
            target=lambda before=before: (
                wait_for(lambda: lines_of(stopping) > before) and os.kill(os.getpid(), signal.SIGUSR1)
            ),
            daemon=True,
        ).start()
        with pytest.raises(StoppedError):
            finetune(study, toy.subset(100), None, stopping)
    resumed = finetune(study, toy.subset(100), None, stopping)
    stretches = [(s["from_update"], s["to_update"]) for s in read_history(folder_of(resumed))]
    assert len(stretches) == 3
    assert stretches[0][0] == 0 and stretches[-1][1] == 300
    assert all(one[1] == other[0] for one, other in pairwise(stretches))
    assert resumed["status"] == OK
    assert read_json(folder_of(resumed) / "record.json")["sha256"] == resumed["sha256"]
    assert_same_weights(load(resumed), load(whole))


def lines_of(root) -> int:
    return sum(log.read_text().count(" | train_inner | {") for log in root.glob("*/train.log"))
