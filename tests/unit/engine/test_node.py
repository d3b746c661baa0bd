from __future__ import annotations

import fcntl
import os
import stat

import pytest

from downlaw.engine.node import Lock, NodeError, own_folder


def test_a_folder_of_ones_own_is_closed_to_others_and_made_once(tmp_path):
    folder = own_folder(tmp_path)
    assert folder == tmp_path / f"downlaw-{os.geteuid()}" == own_folder(tmp_path)
    folder.chmod(0o755)
    own_folder(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_link_that_somebody_laid_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"downlaw-{os.geteuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NodeError, match="is not a folder of this user"):
        own_folder(tmp_path)


def test_somebody_elses_folder_is_not_used(tmp_path, monkeypatch):
    somebody = os.geteuid() + 1
    (tmp_path / f"downlaw-{somebody}").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: somebody)
    with pytest.raises(NodeError, match="is not a folder of this user"):
        own_folder(tmp_path)


def test_a_lock_is_shared_by_readers_and_excludes_the_others(tmp_path):
    first, second = (Lock(tmp_path / "it.lock") for _ in range(2))
    assert first.try_to(fcntl.LOCK_SH)
    assert second.try_to(fcntl.LOCK_SH)
    assert not second.try_to(fcntl.LOCK_EX)
    first.close()
    assert second.try_to(fcntl.LOCK_EX)
    assert not first.try_to(fcntl.LOCK_SH)


def test_a_lock_file_that_was_removed_is_no_lock(tmp_path):
    path = tmp_path / "it.lock"
    first, second, third = (Lock(path) for _ in range(3))
    assert first.try_to(fcntl.LOCK_EX)
    assert not second.try_to(fcntl.LOCK_EX)  # has the file open that is removed now
    path.unlink()
    first.close()
    assert second.try_to(fcntl.LOCK_EX)
    assert not third.try_to(fcntl.LOCK_EX)


def test_a_lock_file_is_no_link(tmp_path):
    (tmp_path / "it.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        Lock(tmp_path / "it.lock").try_to(fcntl.LOCK_EX)


def test_a_file_system_that_cannot_lock_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(NodeError, match=r"it\.lock cannot be locked \(Operation not supported\)"):
        Lock(tmp_path / "it.lock").try_to(fcntl.LOCK_EX)
