"""What a training finds in its folder or its chain, and what it makes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from downlaw.engine import checkpoints, holding
from downlaw.engine.checkpoints import CheckpointError
from downlaw.engine.once import read_history
from downlaw.engine.training import architecture
from downlaw.files import read_json, sha256_of_file, write_json
from downlaw.study.training import Model
from downlaw.versions import versions

from .conftest import (
    CUTS,
    LONG,
    LONG_UPDATES,
    REPEATING,
    assert_same_state,
    finetune,
    folder_of,
    history,
    load,
    pretrain,
)

LEAN = REPEATING | {"pretrain__keep_optimizer": "last"}


def train_chain(study, data: Path, root: Path, points: list[int]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for tokens in points:
        records.append(pretrain(study, data, root, records[-1] if records else None, tokens))
    return records


# --- What a chain keeps


def test_only_the_end_of_a_chain_keeps_its_optimizer(trained, repeating, toy, toy_study, tmp_path):
    study = toy_study(**LEAN, pretrain__tokens=CUTS)
    chain = train_chain(study, repeating, tmp_path, CUTS)
    kept = [sorted(path.name for path in folder_of(record).glob("*.pt")) for record in chain]
    assert kept == [["model.pt"], ["model.pt"], ["model.pt"], ["checkpoint.pt", "model.pt"]]
    assert_same_state(load(chain[-1]), load(trained["uncut"]))
    for record in chain:
        assert record["model_sha256"] == sha256_of_file(record["model"])
        assert torch.load(record["model"], weights_only=False)["last_optimizer_state"] is None
    again = pretrain(study, repeating, tmp_path, None, CUTS[0])
    assert again == chain[0]  # on record, though its checkpoint is not there any more
    finetune(study, toy.subset(100), chain[0], tmp_path / "finetune")


def test_a_dp_whose_chain_was_not_kept_trains_from_zero_with_the_same_result(
    trained, repeating, toy_study, tmp_path, capsys
):
    study = toy_study(**LEAN, pretrain__tokens=CUTS)
    chain = train_chain(study, repeating, tmp_path, CUTS[:2])
    Path(chain[1]["checkpoint"]).unlink()
    later = pretrain(study, repeating, tmp_path, chain[1], CUTS[-1])
    said = f"{chain[1]['checkpoint']} was not kept, so this trains from zero, with the same result (384"
    assert said in capsys.readouterr().err
    assert history(folder_of(later)) == [(0, 16)]
    assert_same_state(load(later), load(trained["uncut"]))


def test_segments_of_older_versions_have_one_file_for_all(trained, toy, toy_study, tmp_path, repeating):
    new = trained["chain"][-1]
    old = {name: value for name, value in new.items() if not name.startswith("model")}
    study = toy_study(**LEAN, pretrain__tokens=[*CUTS, 1152])
    assert finetune(study, toy.subset(100), old, tmp_path / "finetune")["status"] == "ok"
    root = tmp_path / "pretrain"
    kept = shutil.copy(old["checkpoint"], tmp_path / "checkpoint.pt")
    old["checkpoint"] = str(kept)
    assert pretrain(study, repeating, root, old)["status"] == "ok"
    assert Path(kept).exists()  # finetunings start from it


# --- What is not continued


def test_a_checkpoint_of_another_architecture_is_refused(interrupted, toy, toy_study):
    (folder,) = interrupted.iterdir()
    checkpoints.prepare_to_resume(folder, "checkpoint.pt")
    wider = architecture(Model(encoder_layers=1, decoder_layers=1, width=32, heads=2, ffn_width=32))
    with pytest.raises(CheckpointError, match=r"checkpoint_last\.pt is of another model.*width 16, not 32"):
        checkpoints.refuse_foreign(folder / "checkpoint_last.pt", folder, wider)


def test_a_checkpoint_of_another_training_is_refused_and_both_are_named(interrupted, toy, toy_study):
    (folder,) = interrupted.iterdir()
    checkpoints.prepare_to_resume(folder, "checkpoint.pt")
    state = checkpoints.load(folder / "checkpoint_last.pt")
    state["cfg"]["checkpoint"]["save_dir"] = "results/pretrain/fr/seed1/640/0123456789abcdef"
    torch.save(state, folder / "other.pt")
    shutil.move(folder / "other.pt", folder / "checkpoint_last.pt")
    with pytest.raises(
        CheckpointError, match=rf"with other settings or data \(0123456789abcdef, here {folder.name}\)"
    ):
        pretrain(toy_study(**LONG), toy.mixture("fr"), interrupted)
    assert (folder / "checkpoint_last.pt").exists()
    assert not (folder / "record.json").exists()
    (folder / "checkpoint_last.pt").unlink()  # as the message says
    assert pretrain(toy_study(**LONG), toy.mixture("fr"), interrupted)["status"] == "ok"


# --- What was done and lost


def test_a_second_death_does_not_lose_the_updates_of_the_first_again(interrupted, toy, toy_study):
    study = toy_study(**LONG)
    (folder,) = interrupted.iterdir()
    first = holding.read_holder(folder)
    (saved,) = [int(path.stem.split("_")[-1]) for path in folder.glob("checkpoint_1_*.pt")]
    dead_again = holding.Holder(**vars(first) | {"from_update": 0, "update": 0, "log_bytes": None})
    write_json(folder / "holder.json", vars(dead_again))  # it died before it trained
    record = pretrain(study, toy.mixture("fr"), interrupted)
    assert [s["lost_updates"] for s in read_history(folder)] == [0, 0]
    assert history(folder_of(record)) == [(0, saved), (saved, LONG_UPDATES)]


def test_a_death_just_before_the_record_counts_no_update_twice(undisturbed, toy, toy_study, tmp_path):
    source = folder_of(undisturbed)
    folder = Path(shutil.copytree(source, tmp_path / source.name))
    (folder / "record.json").unlink()
    holder = holding.Holder(
        "here", holding._process_space(), 2**22 - 1, 1, None, "t",
        from_update=0, update=LONG_UPDATES, updates=LONG_UPDATES, log_bytes=0,
    )  # fmt: skip
    (folder / "holder.json").write_text(holding._text(holder))
    pretrain(toy_study(**LONG), toy.mixture("fr"), tmp_path)
    assert history(folder) == [(0, LONG_UPDATES)]


def test_leftovers_of_a_killed_writer_are_removed(interrupted, toy, toy_study):
    (folder,) = interrupted.iterdir()
    for name in (".model.pt.123.part", ".checkpoint_last.pt.9.part", "checkpoint_1_99.pt.tmp"):
        (folder / name).write_bytes(b"half")
    record = pretrain(toy_study(**LONG), toy.mixture("fr"), interrupted)
    assert not [path for path in folder_of(record).iterdir() if path.suffix in (".part", ".tmp")]


def test_a_record_names_the_versions_of_all_that_trained(interrupted, toy, toy_study):
    (folder,) = interrupted.iterdir()
    told = read_json(folder / "holder.json")
    told["versions"] = versions() | {"torch": "1.0"}
    write_json(folder / "holder.json", told)
    record = pretrain(toy_study(**LONG), toy.mixture("fr"), interrupted)
    assert record["versions"]["torch"] == ["1.0", versions()["torch"]]
    assert record["versions"]["fairseq"] == [versions()["fairseq"]]
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [line["versions"]["torch"] for line in lines] == record["versions"]["torch"]
