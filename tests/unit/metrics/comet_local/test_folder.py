from __future__ import annotations

import pytest

from downlaw.metrics.comet_local.folder import ModelError, verify, whole_folder


def make(folder, text="a"):
    with whole_folder(folder, {"kind": "toy"}) as aside:
        (aside / "part").mkdir()
        (aside / "part/file.txt").write_text(text)


def test_a_folder_takes_the_place_of_an_earlier_one_whole(tmp_path):
    make(tmp_path / "out")
    (tmp_path / "out/stale").touch()
    make(tmp_path / "out", "b")
    manifest = verify(tmp_path / "out")
    assert manifest["kind"] == "toy" and list(manifest["files"]) == ["part/file.txt"]
    assert not (tmp_path / "out/stale").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_error_leaves_the_earlier_folder_and_nothing_else(tmp_path):
    make(tmp_path / "out")
    before = verify(tmp_path / "out")
    with pytest.raises(OSError, match="disk full"), whole_folder(tmp_path / "out", {}) as aside:
        (aside / "half").write_text("half")
        raise OSError("disk full")
    assert verify(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_without_a_manifest_a_lost_and_an_altered_file_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"out: no whole model .*; remove .*out and run the study again"):
        verify(tmp_path / "out")
    make(tmp_path / "out")
    (tmp_path / "out/part/file.txt").write_text("b")
    with pytest.raises(ModelError, match=r"file.txt: altered since it was written; remove"):
        verify(tmp_path / "out")
    (tmp_path / "out/part/file.txt").unlink()
    with pytest.raises(ModelError, match=r"file.txt: missing; remove"):
        verify(tmp_path / "out")
    (tmp_path / "out/manifest.json").write_text('{"files": ')
    with pytest.raises(ModelError, match="no whole model"):
        verify(tmp_path / "out")
