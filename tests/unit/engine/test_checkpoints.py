from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from downlaw.engine.checkpoints import (
    CheckpointError,
    is_whole,
    keep_last,
    keep_weights,
    load,
    prepare_to_resume,
    remove_others,
    updates_done,
    verify,
)
from downlaw.files import sha256_of_file

LAST = "checkpoint_last.pt"


@pytest.fixture
def place(trained, tmp_path):
    """place(name, updates) puts a real checkpoint of 4, 6, 7 or 16 updates in a folder."""
    files = {record["updates"]: Path(record["checkpoint"]) for record in trained["chain"]}

    def put(name: str, updates: int, size: int | None = None) -> Path:
        path = tmp_path / name
        path.write_bytes(files[updates].read_bytes()[:size])
        return path

    return put


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_checkpoint_is_whole_to_its_last_byte(place):
    whole = place("whole.pt", 4)
    assert is_whole(whole)
    size = whole.stat().st_size
    for cut in (0, 1, size // 2, size - 1):
        assert not is_whole(place("cut.pt", 4, cut)), cut
    assert not is_whole(whole.with_name("none.pt"))


def test_an_altered_tensor_is_not_whole(place):
    path = place("a.pt", 4)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert not is_whole(path)
    with pytest.raises(CheckpointError, match=rf"{path} is missing or truncated"):
        load(path)


def test_nothing_to_resume(tmp_path):
    assert prepare_to_resume(tmp_path, "checkpoint.pt") == 0


def test_the_last_checkpoint_is_resumed(place, tmp_path):
    place(LAST, 7)
    place("checkpoint_1_6.pt", 6)
    assert prepare_to_resume(tmp_path, "checkpoint.pt") == 7
    assert updates_done(tmp_path / LAST) == 7


@pytest.mark.parametrize("size", [0, 1000])
def test_the_newest_whole_periodic_checkpoint_replaces_a_truncated_last_one(size, place, tmp_path):
    place(LAST, 16, size)
    place("checkpoint_2_16.pt", 16, 5000)
    place("checkpoint_1_4.pt", 4)
    place("checkpoint_2_7.pt", 7)
    place("checkpoint_1_6.pt", 6)
    place("checkpoint_2_16.pt.tmp", 16, 5000)
    assert prepare_to_resume(tmp_path, "checkpoint.pt") == 7
    assert updates_done(tmp_path / LAST) == 7
    assert not list(tmp_path.glob("*.tmp"))


def test_a_folder_without_a_whole_checkpoint_starts_anew(place, tmp_path):
    place(LAST, 16, 5000)
    place("checkpoint_2_16.pt", 16, 5000)
    assert prepare_to_resume(tmp_path, "checkpoint.pt") == 0
    assert not (tmp_path / LAST).exists()


def test_a_final_checkpoint_without_a_record_is_taken_back(place, tmp_path):
    place("checkpoint.pt", 16)
    assert prepare_to_resume(tmp_path, "checkpoint.pt") == 16
    assert names(tmp_path) == {LAST}


def test_the_final_checkpoint_is_kept_whole_for_a_longer_chain(place, tmp_path):
    data = place(LAST, 16).read_bytes()
    sha256 = keep_last(tmp_path, 16, "checkpoint.pt")
    assert (tmp_path / "checkpoint.pt").read_bytes() == data
    assert sha256 == sha256_of_file(tmp_path / "checkpoint.pt")


def test_a_model_is_kept_without_its_optimizer(place, tmp_path):
    import torch

    place(LAST, 16)
    before = load(tmp_path / LAST)
    sha256 = keep_weights(tmp_path, 16, "model.pt")
    after = load(tmp_path / "model.pt")
    assert sha256 == sha256_of_file(tmp_path / "model.pt")
    assert before["last_optimizer_state"] and after["last_optimizer_state"] is None
    assert all(torch.equal(before["model"][name], weights) for name, weights in after["model"].items())
    assert (tmp_path / LAST).exists()  # until the training is on record


def test_the_best_checkpoint_is_kept_where_it_is_asked_for(place, tmp_path):
    place(LAST, 16)
    place("checkpoint_best.pt", 7)
    keep_weights(tmp_path, 16, "model.pt", best=True)
    assert updates_done(tmp_path / "model.pt") == 7


def test_a_training_that_stopped_early_is_an_error(place, tmp_path):
    place(LAST, 7)
    with pytest.raises(CheckpointError, match=r"checkpoint_last\.pt is at update 7, not 16"):
        keep_last(tmp_path, 16, "checkpoint.pt")
    assert names(tmp_path) == {LAST}


def test_other_checkpoints_are_removed_once_one_is_on_record(place, tmp_path):
    for name in ("checkpoint.pt", "model.pt", LAST, "checkpoint_best.pt", "checkpoint_1_6.pt", "crash.pt"):
        place(name, 4)
    (tmp_path / "train.log").touch()
    remove_others(tmp_path, ("checkpoint.pt", "model.pt"))
    assert names(tmp_path) == {"checkpoint.pt", "model.pt", "train.log"}


def test_a_checkpoint_is_verified_by_its_hash(place, tmp_path):
    path = place("checkpoint.pt", 4)
    sha256 = sha256_of_file(path)
    verify(path, sha256)
    shutil.copy(place("other.pt", 6), path)
    with pytest.raises(CheckpointError, match=rf"{path} is not the file that was trained"):
        verify(path, sha256)
    path.unlink()
    with pytest.raises(CheckpointError, match=rf"{path} is on record but missing"):
        verify(path, sha256)
