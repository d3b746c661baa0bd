"""Who trains in a folder: waiting for the living, taking over from the dead."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from downlaw.engine import holding
from downlaw.engine.errors import EngineError
from downlaw.engine.holding import HOLDER, Holder, hold, read_holder

from .conftest import ROOT, wait_for

ELSEWHERE = "another boot pid:[1]"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(holding, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(holding, "_LOOK_SECONDS", 0.02)


@pytest.fixture
def no_flock(monkeypatch):
    """A file system that refuses to lock."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


def leave(folder: Path, **changes: object) -> Holder:
    """The file of a holder on another node."""
    folder.mkdir(exist_ok=True)
    facts = {"host": "node7", "processes": ELSEWHERE, "pid": 12, "started": 3, "job": "99", "token": "t"}
    holder = Holder(**facts | changes)
    (folder / HOLDER).write_text(holding._text(holder))
    return holder


def test_a_held_folder_says_by_whom_and_how_far(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    with hold(tmp_path / "a", "pretrain en", print) as held:
        held.tell(update=30, updates=80)
        assert wait_for(lambda: read_holder(tmp_path / "a").update == 30, 5)
        holder = read_holder(tmp_path / "a")
        assert (holder.pid, holder.job, holder.label) == (os.getpid(), "4711", "pretrain en")
        assert str(holder).endswith(", Slurm job 4711")
        assert wait_for(lambda: read_holder(tmp_path / "a").beat > holder.beat, 5)
        assert held.previous is None
    assert read_holder(tmp_path / "a") is None


def test_a_block_that_raises_leaves_the_holder_as_that_of_a_dead_training(tmp_path):
    with pytest.raises(ValueError), hold(tmp_path, "x", print) as held:
        held.tell(update=7)
        held.write()
        raise ValueError
    with hold(tmp_path, "x", print) as held:
        assert held.previous.update == 7


def test_a_killed_process_is_dead_at_once(tmp_path):
    code = (
        "import sys, pathlib, time; from downlaw.engine.holding import hold\n"
        "with hold(pathlib.Path(sys.argv[1]), 'x', print) as held:\n"
        "    held.tell(update=5); held.write(); print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGKILL)
    said: list[str] = []
    with hold(tmp_path, "x", said.append) as held:
        assert (held.previous.pid, held.previous.update) == (process.pid, 5)
    assert said == []


def test_a_process_number_that_is_used_again_is_another_process(tmp_path):
    mine = holding._myself("x")
    leave(tmp_path, processes=mine.processes, pid=os.getppid(), started=1)
    with hold(tmp_path, "x", print) as held:
        assert held.previous.started == 1


def test_a_holder_on_another_node_is_waited_for_while_its_beat_counts_up(tmp_path, no_flock, monkeypatch):
    monkeypatch.setattr(holding, "BEAT_SECONDS", 1.0)  # a busy machine may let the thread below wait
    beating = leave(tmp_path)
    over = threading.Event()

    def beat() -> None:
        holder = beating
        while not over.wait(0.05):
            holder = replace(holder, beat=holder.beat + 1)
            holding._write(tmp_path / HOLDER, holder)
        (tmp_path / HOLDER).unlink()

    thread = threading.Thread(target=beat)
    thread.start()
    threading.Timer(1.0, over.set).start()
    said: list[str] = []
    begun = time.monotonic()
    with hold(tmp_path, "x", said.append) as held:
        assert held.previous is None
        assert time.monotonic() - begun > 0.9
    thread.join()
    assert said == [
        f"{tmp_path} is being trained by process 12 on node7, Slurm job 99; waiting for it to end"
    ]


def test_a_silent_holder_on_another_node_is_dead(tmp_path, no_flock):
    leave(tmp_path, update=40)
    begun = time.monotonic()
    with hold(tmp_path, "x", print) as held:
        assert held.previous.update == 40
    assert time.monotonic() - begun > 0.3


def test_clocks_are_not_compared(tmp_path, no_flock):
    leave(tmp_path)
    tomorrow = time.time() + 86400
    os.utime(tmp_path / HOLDER, (tomorrow, tomorrow))
    with hold(tmp_path, "x", print) as held:
        assert held.previous.host == "node7"


def test_one_that_was_taken_over_ends(tmp_path):
    with hold(tmp_path, "x", print) as held:
        held.check()
        leave(tmp_path)
        assert wait_for(lambda: held.lost, 5)
        with pytest.raises(EngineError, match=r"was taken over by process 12 on node7, Slurm job 99"):
            held.check()
    assert read_holder(tmp_path).host == "node7"


def test_a_holder_cut_short_by_a_full_disk_is_dead_once_it_is_silent(tmp_path):
    (tmp_path / HOLDER).write_text('{"host": "nod')
    with hold(tmp_path, "x", print) as held:
        assert held.previous.host == "a host that is not known"
    assert read_holder(tmp_path) is None


def test_fields_of_a_later_version_are_left_out(tmp_path):
    holder = leave(tmp_path)
    told = json.loads((tmp_path / HOLDER).read_text()) | {"mood": "good"}
    (tmp_path / HOLDER).write_text(json.dumps(told))
    assert read_holder(tmp_path) == holder


def test_only_one_of_many_takes_over(tmp_path):
    """Without flock, as on a shared file system that has none."""
    code = (
        "import errno, fcntl, sys, pathlib, time\n"
        "from downlaw.engine import holding\n"
        "def refuse(*_): raise OSError(errno.ENOLCK, 'no locks')\n"
        "fcntl.flock = refuse\n"
        "holding._LOOK_SECONDS = 0.005\n"
        "log = open(sys.argv[2], 'a', buffering=1)\n"
        "with holding.hold(pathlib.Path(sys.argv[1]), 'x', lambda line: None):\n"
        "    log.write('+'); time.sleep(0.05); log.write('-')\n"
    )
    leave(tmp_path / "folder", processes=holding._process_space(), pid=2**22 - 1)
    command = [sys.executable, "-c", code, str(tmp_path / "folder"), str(tmp_path / "log")]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(6)]
    assert [process.wait(60) for process in processes] == [0] * 6
    assert (tmp_path / "log").read_text() == "+-" * 6
