"""Finetunings by real fairseq: their start, their data, their cuts, and what they keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from downlaw import subsets
from downlaw.engine import commands, launch, log, mmap
from downlaw.files import read_json

from .conftest import CUTS, REPEATING, assert_same_weights, finetune, folder_of, history, load


def test_a_finetuning_record_names_its_start(trained):
    found = trained["finetuned"]
    assert (found["mixture"], found["pretraining_seed"]) == ("fr", 1)
    assert (found["pretrain_tokens"], found["pretrain_tokens_asked"]) == (1024, 1024)
    assert found["pretrain_epochs"] == round(1024 / 384, 4)
    assert found["pretrain_flops"] == trained["chain"][-1]["flops"]
    baseline = trained["baseline"]
    assert (baseline["mixture"], baseline["pretraining_seed"], baseline["pretrain_tokens"]) == (None, None, 0)
    assert (baseline["pretrain_epochs"], baseline["pretrain_flops"]) == (0.0, 0.0)


def test_finetuning_starts_from_the_weights_of_its_checkpoint(trained, toy, toy_study, tmp_path):
    study = toy_study(
        **REPEATING, pretrain__tokens=CUTS, finetune__updates=1, finetune__learning_rates=[1e-30]
    )
    record = finetune(study, toy.subset(100), trained["chain"][-1], tmp_path)
    assert_same_weights(load(record), load(trained["chain"][-1]))
    assert load(record)["optimizer_history"][-1]["num_updates"] == 1


def test_finetuning_counts_its_target_tokens(toy, toy_study, tmp_path):
    """Over whole epochs every pair counts once an epoch."""
    subset = read_json(toy.subset(100) / "manifest.json")
    study = toy_study(finetune__tokens_per_update=100_000, finetune__updates=2)
    record = finetune(study, toy.subset(100), None, tmp_path)
    assert record["target_tokens_a_update"] == record["finetune_tokens"] == subset["target_tokens"]
    assert history(folder_of(record)) == [(0, 2)]


@pytest.mark.parametrize("cut", [15, 19, 23], ids=["first epoch", "its end", "second epoch"])
def test_a_resumed_finetuning_equals_an_uncut_one_to_the_bit(cut, trained, toy, toy_study, tmp_path):
    settings = {"finetune__label_smoothing": 0.1, "finetune__updates": 42}
    study, start = toy_study(**settings), trained["chain"][-1]
    uncut = finetune(study, toy.subset(100), start, tmp_path / "uncut")
    ends = [updates for updates, _ in log.read_log(folder_of(uncut) / "train.log").epochs.values()]
    assert ends == [19, 38, 42]
    folder = tmp_path / "cut" / folder_of(uncut).name
    arguments = commands.finetuning(
        toy_study(**settings | {"finetune__updates": cut}),
        *("en-de", toy.subset(100), folder, 0.01, 1, Path(start["model"])),
    )
    launch.train(arguments, folder / "train.log", launch.Processes(), lambda log: None)
    resumed = finetune(study, toy.subset(100), start, tmp_path / "cut")
    assert history(folder) == [(0, cut), (cut, 42)]
    assert_same_weights(load(resumed), load(uncut))
    assert resumed["target_tokens_a_update"] == uncut["target_tokens_a_update"]


def test_a_finished_finetuning_is_not_repeated(trained, toy, toy_study):
    study = toy_study(**REPEATING, pretrain__tokens=CUTS)
    root = folder_of(trained["finetuned"]).parent
    again = finetune(study, toy.subset(100), trained["chain"][-1], root)
    assert again == trained["finetuned"]
    assert history(folder_of(again)) == [(0, 6)]


def test_a_model_keeps_no_optimizer_state(trained):
    assert load(trained["finetuned"])["last_optimizer_state"] is None


def test_the_best_checkpoint_is_the_one_with_the_lowest_validation_loss(toy, toy_study, tmp_path):
    study = toy_study(
        finetune__checkpoint="best",
        finetune__validate_every_updates=1,
        finetune__updates=4,
        finetune__learning_rates=[1.0],  # so large that the first validation is not the worst
        finetune__tokens_per_update=30,  # less than the longest validation pair
        finetune__pairs=[50],
    )
    prepared, data = tmp_path / "prepared", tmp_path / "data"
    subsets.write_task("en-de", study, toy.pairs, toy.model, toy.dictionary, prepared)
    subsets.write_finetuning_subset(study.tasks["en-de"], 50, prepared, toy.dictionary, data)
    assert max(map(len, mmap.read_dataset(prepared / "valid.target"))) > 30
    record = finetune(study, data, None, tmp_path / "finetune")
    log = (folder_of(record) / "train.log").read_text()
    losses = [
        float(json.loads(line.split(" | ")[3])["valid_loss"])
        for line in log.splitlines()
        if " | valid | {" in line
    ]
    assert len(losses) == 4
    best = load(record)
    assert best["optimizer_history"][-1]["num_updates"] == 1 + min(range(4), key=losses.__getitem__)
    assert best["extra_state"]["val_loss"] == pytest.approx(min(losses), abs=2e-3)
