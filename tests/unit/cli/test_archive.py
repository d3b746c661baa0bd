"""`downlaw restore`: what it says of an archive, and of what is wrong with one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from made_archives import Place


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = Place(tmp_path / "place").make().write(checkpoints="last")
    shutil.move(path, tmp_path / "study.tar.zst")
    return tmp_path / "study.tar.zst"


def test_restore_says_what_there_is_and_what_to_run(run, archive, tmp_path, monkeypatch):
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    done = run("restore", archive)
    assert done.exit_code == 0
    assert "made-up: " in done.stdout and "every hash is right" in done.stdout
    assert "left out of the archive: text, 10 files" in done.stdout
    assert "snakemake --cores all --configfile results/archive/study.yaml --dry-run" in done.stdout
    assert "only if you trust who made this archive" in done.stderr
    assert (tmp_path / "clone/results/runs.csv").exists()


def test_restore_refuses_in_one_line(run, archive, tmp_path):
    archive.write_bytes(archive.read_bytes()[:-100])
    done = run("restore", archive, "--into", tmp_path)
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {archive}: ") and line.endswith("nothing was restored")
    assert not (tmp_path / "results").exists()
