from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections import namedtuple
from pathlib import Path

import pytest

from downlaw.engine import scratch
from downlaw.engine.scratch import ScratchError, on_scratch
from downlaw.engine.view import View

HOST = os.uname().nodename


@pytest.fixture
def data(toy, tmp_path) -> Path:
    """A mixture's folder of this test's own."""
    return Path(shutil.copytree(toy.mixture("en+de"), tmp_path / "data"))


@pytest.fixture
def place(tmp_path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def said(monkeypatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(scratch, "say", lines.append)
    return lines


def contents(folder: Path) -> dict[str, bytes]:
    """Files by name, and the pools of a mixture by what a copy calls them."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    pools = [folder / f"pools/mono.{name}.bin" for name in ("en-0", "de-1")]
    return files | {f"pool-{i}.bin": path.read_bytes() for i, path in enumerate(pools) if path.exists()}


def left(place: Path) -> list[str]:
    """What lies on scratch."""
    return sorted(str(path.relative_to(place)) for path in place.glob("*/*"))


# --- One job


def test_without_scratch_data_is_read_where_it_is(data):
    with on_scratch(data, None) as folder:
        assert folder == data


def test_a_mixture_is_copied_whole_and_removed_at_the_end(data, place, said):
    with on_scratch(data, str(place)) as copy:
        assert copy.parent == place / f"downlaw-{os.geteuid()}"
        assert contents(copy) == contents(data)
    assert left(place) == said == []


def test_so_is_a_finetuning_subset(toy, place):
    with on_scratch(toy.subset(100), str(place)) as copy:
        assert contents(copy) == contents(toy.subset(100))
        assert "dict.en.txt" in contents(copy)
    assert left(place) == []


def test_the_copy_goes_where_the_block_fails_too(data, place):
    with pytest.raises(ValueError), on_scratch(data, str(place)):
        raise ValueError
    assert left(place) == []


def test_variables_are_those_of_the_node(data, place, monkeypatch):
    monkeypatch.setenv("JOB_SCRATCH", str(place))
    for written in ("$JOB_SCRATCH", "${JOB_SCRATCH}/."):
        with on_scratch(data, written) as copy:
            assert copy.parent.parent == place


def test_other_data_has_another_name(toy, place):
    with (
        on_scratch(toy.mixture("en+de"), str(place)) as one,
        on_scratch(toy.mixture("fr"), str(place)) as other,
    ):
        assert one != other


# --- What the key names


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "$NO_SUCH_VARIABLE/x",
            rf"^compute\.scratch: \$NO_SUCH_VARIABLE is not set on {HOST}; name a variable",
        ),
        ("${NO_SUCH_VARIABLE}", r"^compute\.scratch: \$\{NO_SUCH_VARIABLE\} is not set"),
        ("$EMPTY_VARIABLE", rf'^compute\.scratch: \$EMPTY_VARIABLE is "" on {HOST}; it must be a path from'),
        ("scratch", r'^compute\.scratch: scratch is "scratch" on'),
        ("/no/such/folder", rf"^compute\.scratch: /no/such/folder is not a folder on {HOST}; make it"),
    ],
)
def test_a_key_that_names_no_folder_is_an_error(data, monkeypatch, key, message):
    monkeypatch.setenv("EMPTY_VARIABLE", "")
    with pytest.raises(ScratchError, match=message):
        on_scratch(data, key).__enter__()


def test_a_folder_that_cannot_be_written_to_is_an_error(data, place, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(
        ScratchError, match=rf"compute\.scratch: {place} cannot be written to on {HOST} \(.*denied"
    ):
        on_scratch(data, str(place)).__enter__()


def test_a_folder_that_somebody_else_laid_there_is_an_error(data, place, tmp_path):
    (place / f"downlaw-{os.geteuid()}").symlink_to(tmp_path)
    with pytest.raises(ScratchError, match=r"cannot be written to .* is not a folder of this user"):
        on_scratch(data, str(place)).__enter__()


# --- Where scratch does not suffice


Usage = namedtuple("Usage", "total used free")


def test_too_little_space_is_said_and_the_results_are_read(data, place, said, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 0, 10))
    with on_scratch(data, str(place)) as folder:
        assert folder == data
    (line,) = said
    assert line.startswith("compute.scratch: ")
    assert line.endswith(f" has 0.0 GB free, the data takes 0.0 GB; {data} is read where it is")
    assert left(place) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_too(data, place, said, monkeypatch, number):
    as_usual = shutil.copyfile

    def fill(source, target):
        as_usual(source, target)
        if target.name == "pool-0.bin":
            raise OSError(number, "full")

    monkeypatch.setattr(shutil, "copyfile", fill)
    with on_scratch(data, str(place)) as folder:
        assert folder == data
    assert "was not copied" in said[0] and "it is full" in said[0]
    assert left(place) == []


def test_a_file_system_that_cannot_lock_too(data, place, said, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with on_scratch(data, str(place)) as folder:
        assert folder == data
    assert "cannot be locked (No locks available)" in said[0]


def test_a_disk_that_gives_back_other_bytes_too(data, place, said, monkeypatch):
    def damage(source, target):
        target.write_bytes(b"other" + source.read_bytes()[5:])

    monkeypatch.setattr(shutil, "copyfile", damage)
    with on_scratch(data, str(place)) as folder:
        assert folder == data
    assert "gives back other bytes" in said[0]
    assert left(place) == []


def test_data_that_is_not_what_its_manifest_says_is_an_error(data, place):
    pool = data / "pools/mono.en-0.bin"
    pool.write_bytes(b"other" + pool.read_bytes()[5:])
    with pytest.raises(
        ScratchError, match=rf"{pool} is not what its manifest says .*; delete {pool} and run"
    ):
        on_scratch(data, str(place)).__enter__()
    assert left(place) == []


def test_data_without_a_file_of_its_manifest_is_an_error(data, place):
    (data / "pools/mono.de-1.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"mono\.de-1\.bin"):
        on_scratch(data, str(place)).__enter__()


# --- Several jobs

JOB = textwrap.dedent(
    """
    import os, shutil, sys
    from pathlib import Path
    from downlaw.engine import scratch

    as_usual = shutil.copyfile

    def copyfile(source, target):
        as_usual(source, target)
        print("copied", Path(target).name, flush=True)
        if dies:
            os.kill(os.getpid(), 9)

    shutil.copyfile = copyfile
    folder, place, dies = Path(sys.argv[1]), sys.argv[2], len(sys.argv) > 3
    with scratch.on_scratch(folder, place) as copy:
        print("reads", copy, flush=True)
        sys.stdin.readline()
        assert (copy / "pool-0.bin").read_bytes() == (folder / "pools/mono.en-0.bin").read_bytes()
    """
)


def start(data: Path, place: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", JOB, str(data), str(place), *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(scratch.__file__).parents[2])},
    )  # fmt: skip


def end(job: subprocess.Popen[str]) -> list[str]:
    said, _ = job.communicate("go on\n", timeout=60)
    assert job.returncode == 0
    return said.splitlines()


def test_two_jobs_share_one_copy_and_the_last_removes_it(data, place):
    jobs = [start(data, place) for _ in range(2)]
    lines = [[], []]
    for job, said in zip(jobs, lines, strict=True):
        while not said or not said[-1].startswith("reads"):
            said.append(job.stdout.readline().strip())
    assert sorted(map(len, lines)) == [1, 7]  # one of them copied six files
    (copy,) = {said[-1].removeprefix("reads ") for said in lines}
    end(jobs[0])
    assert contents(Path(copy)) == contents(data)
    end(jobs[1])
    assert left(place) == []


def test_what_a_job_had_copied_when_it_was_killed_is_not_read(data, place):
    job = start(data, place, "dies")
    job.communicate()
    assert job.returncode == -signal.SIGKILL
    assert any(name.endswith(".part") for name in left(place))
    with on_scratch(data, str(place)) as copy:
        assert contents(copy) == contents(data)
    assert left(place) == []


def test_the_copy_of_a_killed_job_is_used_and_then_removed(data, place, monkeypatch):
    job = start(data, place)
    while not job.stdout.readline().startswith("reads"):
        pass
    job.kill()
    job.communicate()
    monkeypatch.setattr(shutil, "copyfile", None)
    with on_scratch(data, str(place)) as copy:
        assert contents(copy) == contents(data)
    assert left(place) == []


def test_a_job_on_other_data_removes_it_too(toy, data, place):
    job = start(data, place)
    while not job.stdout.readline().startswith("reads"):
        pass
    job.kill()
    job.communicate()
    with on_scratch(toy.mixture("fr"), str(place)) as copy:
        assert left(place) == [f"downlaw-{os.geteuid()}/{copy.name}{end}" for end in ("", ".lock")]


@pytest.mark.parametrize("damage", ["one byte", "a file less"])
def test_a_damaged_copy_is_made_anew(data, place, damage):
    job = start(data, place)
    while not (line := job.stdout.readline()).startswith("reads"):
        pass
    job.kill()
    job.communicate()
    file = Path(line.strip().removeprefix("reads ")) / "pool-0.bin"
    if damage == "one byte":
        file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    else:
        file.unlink()
    with on_scratch(data, str(place)) as copy:
        assert contents(copy) == contents(data)


def test_a_damaged_copy_that_others_read_is_left_to_them(data, place, said):
    with on_scratch(data, str(place)) as copy:
        (copy / "pool-0.bin").write_bytes(b"")
        with on_scratch(data, str(place)) as folder:
            assert folder == data
        assert copy.exists()
    (line,) = said
    assert "is damaged, and other jobs read it" in line
    assert left(place) == []


# --- What fairseq reads

READER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from downlaw.engine import fairseq_plugin, scratch
    from fairseq.data import data_utils

    folder, place = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    scratch.read_from_scratch(folder, place)
    scratch.read_from_scratch(folder, place)
    scratch.read_copies()
    print(data_utils.load_indexed_dataset(f"{folder}/train", None, "mmap").view.prefix)
    """
)


@pytest.mark.parametrize("option", [True, False])
def test_fairseq_reads_the_copy_under_the_name_of_the_original(data, place, option):
    command = [sys.executable, "-c", READER, str(data), *([str(place)] if option else [])]
    root = Path(scratch.__file__).parents[2]
    done = subprocess.run(command, text=True, capture_output=True, check=True, cwd=root)
    path = Path(done.stdout.strip())
    assert path.name == "train"
    assert (path.parent != data) == option
    assert not option or path.parent.parent.parent == place
    assert left(place) == []


def test_a_copy_that_is_not_on_this_node_is_not_read(data, monkeypatch):
    from fairseq.data import data_utils

    as_usual = data_utils.load_indexed_dataset
    monkeypatch.setenv(scratch.COPIES, f'{{"{data}": "/no/such/folder"}}')
    scratch.read_copies()
    assert data_utils.load_indexed_dataset is as_usual
    assert len(View(data / "train"))
