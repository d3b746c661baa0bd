"""Trainings by real fairseq: cut, killed, starved of disk, diverged, and asked for twice."""

from __future__ import annotations

import io
import resource
import shlex
import shutil
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from downlaw.engine import checkpoints, holding, scratch
from downlaw.engine.checkpoints import CheckpointError
from downlaw.engine.errors import EngineError
from downlaw.engine.once import DIVERGED, OK, Output, read_history
from downlaw.engine.training import DIVERGED_IN_PRETRAINING, pretraining_identity
from downlaw.files import digest, read_json, sha256_of_file
from downlaw.study.matrix import segments

from .conftest import (
    CUTS,
    LONG,
    LONG_UPDATES,
    REPEATING,
    ROOT,
    assert_same_state,
    assert_same_weights,
    finetune,
    folder_of,
    history,
    load,
    pretrain,
)

KEPT = ["checkpoint.pt", "model.pt"]


# --- Chains


def test_a_chain_cut_in_segments_equals_an_uncut_training_to_the_bit(trained):
    assert_same_state(load(trained["chain"][-1]), load(trained["uncut"]))


def test_the_segments_of_a_chain_are_not_alike(trained):
    """Or the test above would say nothing."""
    weights = [load(record)["model"]["encoder.embed_tokens.weight"] for record in trained["chain"]]
    assert not any(torch.equal(one, two) for one, two in pairwise(weights))


def test_every_segment_trains_only_its_own_updates(trained):
    stretches = [history(folder_of(record)) for record in trained["chain"]]
    assert stretches == [[(0, 4)], [(4, 6)], [(6, 7)], [(7, 16)]]
    assert history(folder_of(trained["uncut"])) == [(0, 16)]


def test_a_segment_record_counts_tokens_and_epochs(trained):
    for record, tokens in zip(trained["chain"], CUTS, strict=True):
        assert record["status"] == OK
        assert record["tokens"] == record["tokens_asked"] == tokens == 64 * record["updates"]
        assert record["epochs"] == round(tokens / 384, 4)
        assert record["sha256"] == sha256_of_file(record["checkpoint"])
        assert record["target_tokens_a_update"] == 4 * 18
    flops = [record["flops"] for record in trained["chain"]]
    assert flops == pytest.approx([flops[0] * tokens / CUTS[0] for tokens in CUTS])


def test_cut_and_uncut_trainings_have_one_identity(trained):
    assert trained["chain"][-1]["identity"] == trained["uncut"]["identity"]


def test_a_larger_dp_trains_only_the_difference(trained, repeating, toy_study, tmp_path):
    study = toy_study(**REPEATING, pretrain__tokens=[*CUTS, 1152])
    record = pretrain(study, repeating, tmp_path, trained["chain"][-1])
    assert history(folder_of(record)) == [(16, 18)]
    assert load(record)["optimizer_history"][-1]["num_updates"] == 18


def test_a_finished_training_is_not_repeated(trained, repeating, toy_study):
    study = toy_study(**REPEATING, pretrain__tokens=CUTS[-1:])
    folder = folder_of(trained["uncut"])
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != ".lock"}
    log = io.StringIO()
    again = pretrain(study, repeating, folder.parent, output=Output(log, "again"))
    assert again == trained["uncut"]
    assert log.getvalue() == f"trained before: command line and log in {folder / 'train.log'}\n"
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != ".lock"} == before
    assert len(list(folder.parent.iterdir())) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"pretrain__learning_rate": 0.02},
        {"pretrain__mask": 0.4},
        {"pretrain__seeds": [2]},
        {"model__width": 18},
        {"pretrain__clip_norm": 0.5},
    ],
)
def test_what_decides_the_weights_changes_the_identity(changes, trained, repeating, toy_study):
    study = toy_study(**REPEATING | {"pretrain__tokens": CUTS[-1:]} | changes)
    segment = list(segments(study))[-1]
    identity = pretraining_identity(study, segment, read_json(repeating / "manifest.json"))
    assert digest(identity) != trained["uncut"]["identity"]


def test_what_does_not_decide_the_weights_leaves_the_identity(trained, repeating, toy_study):
    study = toy_study(
        **REPEATING
        | {"pretrain__tokens": CUTS[-1:], "pretrain__save_every_updates": 99, "compute": {"threads": 2}}
        | {"finetune__updates": 7, "evaluate__beam": 5}
    )
    identity = pretraining_identity(study, list(segments(study))[-1], read_json(repeating / "manifest.json"))
    assert digest(identity) == trained["uncut"]["identity"]


def test_only_the_final_checkpoint_stays(trained):
    for record in (*trained["chain"], trained["uncut"]):
        assert sorted(path.name for path in folder_of(record).glob("*.pt")) == KEPT
    assert [path.name for path in folder_of(trained["finetuned"]).glob("*.pt")] == ["model.pt"]


def test_an_altered_checkpoint_is_refused_with_its_name(trained, repeating, toy, toy_study, tmp_path):
    altered = tmp_path / "altered.pt"
    data = bytearray(Path(trained["chain"][-1]["checkpoint"]).read_bytes())
    data[len(data) // 2] ^= 1
    altered.write_bytes(data)
    start = {**trained["chain"][-1], "checkpoint": str(altered), "model": str(altered)}
    study = toy_study(**REPEATING, pretrain__tokens=[*CUTS, 1152])
    with pytest.raises(CheckpointError, match=rf"{altered} is not the file that was trained"):
        pretrain(study, repeating, tmp_path / "pretrain", start)
    with pytest.raises(CheckpointError, match=rf"{altered} is not the file that was trained"):
        finetune(study, toy.subset(100), start, tmp_path / "finetune")
    altered.unlink()
    with pytest.raises(CheckpointError, match=rf"{altered} is on record but missing"):
        finetune(study, toy.subset(100), start, tmp_path / "finetune")
    assert not list(tmp_path.rglob("record.json"))


def test_the_command_in_the_log_is_ready_to_paste(trained, repeating):
    from fairseq import options

    log = (folder_of(trained["chain"][-1]) / "train.log").read_text()
    (command,) = [line for line in log.splitlines() if line.startswith("$ ")]
    setting, name, *arguments = shlex.split(command)[2:]
    assert (setting, name) == ("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1", "fairseq-train")
    parsed = options.parse_args_and_arch(options.get_training_parser(), arguments)
    assert (parsed.data, parsed.task, parsed.max_update) == (str(repeating), "text_infilling", 16)
    assert (parsed.lr, parsed.adam_betas, parsed.lr_scheduler) == ([0.01], "(0.9, 0.98)", "inverse_sqrt")
    assert parsed.restore_file == trained["chain"][-2]["checkpoint"]
    assert (parsed.batch_size, parsed.tokens_per_sample, parsed.seed) == (4, 18, 1)
    assert Path(parsed.user_dir, "__init__.py").exists()


# --- Killed


def test_fairseq_dies_with_the_process_that_started_it(killed):
    facts = {"children": 1, "ended": True, "training_finished": False}
    assert read_json(killed / "facts.json") == facts


def test_a_killed_training_resumes_from_its_last_save_and_ends_alike(
    interrupted, undisturbed, toy, toy_study
):
    record = pretrain(toy_study(**LONG), toy.mixture("fr"), interrupted)
    dead, resumed = read_history(folder_of(record))
    saved = dead["to_update"]
    assert saved >= 10 and saved % 10 == 0
    assert (dead["ended"], dead["from_update"]) == ("interrupted", 0)
    assert 0 <= dead["lost_updates"] <= LONG_UPDATES - saved
    assert (resumed["ended"], resumed["lost_updates"]) == ("done", 0)
    assert (resumed["from_update"], resumed["to_update"]) == (saved, LONG_UPDATES)
    assert_same_state(load(record), load(undisturbed))
    assert record["target_tokens_a_update"] == undisturbed["target_tokens_a_update"]
    assert sorted(path.name for path in folder_of(record).glob("*.pt")) == KEPT


def test_a_truncated_checkpoint_falls_back_to_the_periodic_one(interrupted, undisturbed, toy, toy_study):
    (periodic,) = interrupted.glob("*/checkpoint_1_*.pt")
    data = periodic.read_bytes()
    (periodic.parent / "checkpoint_last.pt").write_bytes(data[: len(data) // 2])
    (periodic.parent / "checkpoint_1_99.pt.tmp").write_bytes(data[:100])
    record = pretrain(toy_study(**LONG), toy.mixture("fr"), interrupted)
    saved = int(periodic.stem.split("_")[-1])
    assert history(folder_of(record)) == [(0, saved), (saved, LONG_UPDATES)]
    assert_same_state(load(record), load(undisturbed))
    assert {path.suffix for path in folder_of(record).iterdir()} <= {".pt", ".json", ".jsonl", ".log", ""}


def test_a_full_disk_is_said_and_the_checkpoint_before_survives(
    interrupted, undisturbed, toy, toy_study, monkeypatch
):
    import fairseq.checkpoint_utils

    class NoWaiting:  # fairseq waits 5 s for a disk that will not empty itself here
        sleep = staticmethod(lambda seconds: None)

    monkeypatch.setattr(fairseq.checkpoint_utils, "time", NoWaiting)
    study = toy_study(**LONG)
    (periodic,) = interrupted.glob("*/checkpoint_1_*.pt")
    reached = int(periodic.stem.split("_")[-1])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (periodic.stat().st_size // 2, hard))
    try:
        with pytest.raises(EngineError, match=r"the disk is full: .* the one before it is intact"):
            pretrain(study, toy.mixture("fr"), interrupted)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(interrupted.rglob("record.json"))
    (last,) = interrupted.glob("*/checkpoint_last.pt")
    assert checkpoints.updates_done(last) >= reached
    record = pretrain(study, toy.mixture("fr"), interrupted)
    stretches = history(folder_of(record))
    assert stretches[-1][1] == LONG_UPDATES
    assert all(one[1] == other[0] for one, other in pairwise(stretches))
    assert_same_state(load(record), load(undisturbed))


def test_a_process_that_dies_just_before_its_record_loses_nothing(undisturbed, toy, toy_study, tmp_path):
    """All updates are made and the final checkpoint is there, but no record."""
    source = folder_of(undisturbed)
    folder = tmp_path / source.name
    folder.mkdir()
    for name in ("checkpoint.pt", "train.log"):
        (folder / name).write_bytes((source / name).read_bytes())
    record = pretrain(toy_study(**LONG), toy.mixture("fr"), tmp_path)
    for fact in ("sha256", "training_loss", "target_tokens_a_update", "updates", "tokens", "identity"):
        assert record[fact] == undisturbed[fact]
    assert history(folder) == [(0, LONG_UPDATES)]
    assert (folder / "train.log").read_text() == (source / "train.log").read_text()  # nothing was trained


def test_a_second_process_waits_for_the_first_and_takes_over_what_it_left(
    interrupted, toy, toy_study, capsys, monkeypatch
):
    monkeypatch.setattr(holding, "_LOOK_SECONDS", 0.05)
    (folder,) = interrupted.iterdir()
    code = (
        "import sys, pathlib, time; from downlaw.engine.holding import hold\n"
        "with hold(pathlib.Path(sys.argv[1]), 'x', print): print('held', flush=True); time.sleep(1)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        record = pretrain(toy_study(**LONG), toy.mixture("fr"), interrupted)
        assert holder.wait() == 0
    said = capsys.readouterr().err
    assert f"{folder} is being trained by process {holder.pid} on {socket.gethostname()}" in said
    assert record["status"] == OK


# --- Diverged


def test_divergence_is_a_result_that_is_passed_on_and_not_repeated(toy, toy_study, tmp_path):
    study = toy_study(pretrain__learning_rate=1e30, pretrain__warmup_updates=1, pretrain__tokens=[320, 640])
    data = toy.mixture("fr")
    record = pretrain(study, data, tmp_path / "pretrain", tokens=320)
    assert record["status"] == DIVERGED
    assert "not finite" in record["reason"] or "loss is nan" in record["reason"]
    (folder,) = (tmp_path / "pretrain").iterdir()
    assert not list(folder.glob("*.pt"))
    before = (folder / "train.log").read_bytes()

    assert pretrain(study, data, tmp_path / "pretrain", tokens=320) == record
    assert (folder / "train.log").read_bytes() == before

    later = pretrain(study, data, tmp_path / "pretrain", record)
    assert (later["status"], later["reason"]) == (DIVERGED, record["reason"])
    assert (later["updates"], later["tokens"]) == (10, 640)
    passed_on = finetune(study, toy.subset(100), later, tmp_path / "finetune")
    assert (passed_on["status"], passed_on["reason"]) == (DIVERGED_IN_PRETRAINING, record["reason"])
    assert passed_on["pretrain_tokens"] == 640
    assert len(list((tmp_path / "pretrain").iterdir())) == 1
    assert not (tmp_path / "finetune").exists()


def test_the_updates_of_a_diverged_training_are_counted(toy, toy_study, tmp_path):
    study = toy_study(pretrain__learning_rate=1e30, pretrain__warmup_updates=1, pretrain__tokens=[320])
    pretrain(study, toy.mixture("fr"), tmp_path)
    ((first, last),) = history(next(tmp_path.iterdir()))
    assert first == 0 and 0 < last < 5


def test_a_crash_is_not_a_divergence_and_leaves_no_record(toy, toy_study, tmp_path):
    data = tmp_path / "mixture"
    data.mkdir()
    for name in ("manifest.json", "dict.txt", "train.view.json", "train.order.npy"):
        (data / name).write_bytes((toy.mixture("fr") / name).read_bytes())
    with pytest.raises(
        EngineError,
        match=r"^fairseq stopped with code 1: .*mono\.fr-0\.bin is missing.*\(all it said: .*train\.log\)",
    ):
        pretrain(toy_study(), data, tmp_path / "pretrain")
    assert not list(tmp_path.rglob("record.json"))


# --- On a node


def test_scratch_changes_neither_record_nor_checkpoint(toy, toy_study, tmp_path, monkeypatch):
    """Not even where a path is kept: fairseq writes all its settings into a checkpoint."""

    def train(place: Path | None) -> tuple[list[dict], list[dict]]:
        for name, source in (("mixture", toy.mixture("fr")), ("subset", toy.subset(100))):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
            shutil.copytree(source, tmp_path / name)
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        study = toy_study(compute={"scratch": str(place) if place else None})
        segment = pretrain(study, tmp_path / "mixture", tmp_path / "runs/pretrain")
        records = [segment, finetune(study, tmp_path / "subset", segment, tmp_path / "runs/finetune")]
        return records, [load(record) for record in records]

    plain_records, plain = train(None)
    bring = scratch.read_from_scratch

    def bring_and_damage(folder: Path, place: str) -> None:
        """Whoever still reads the results finds other data there."""
        bring(folder, place)
        for path in folder.glob("train*.bin"):
            path.write_bytes(bytes(path.stat().st_size))

    monkeypatch.setenv(scratch.COPIES, "{}")
    monkeypatch.setattr(scratch, "read_from_scratch", bring_and_damage)
    records, states = train(tmp_path)
    for one, other in zip(plain, states, strict=True):
        assert str(one["cfg"]) == str(other["cfg"])
        assert_same_weights(one, other)
    for one, other in zip(plain_records, records, strict=True):
        assert one.keys() == other.keys()
        assert not [name for name in one if one[name] != other[name] and "sha256" not in name]
