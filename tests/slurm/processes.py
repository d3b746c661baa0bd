"""Processes of this machine: those of daemons, and those of Slurm's jobs."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterable
from pathlib import Path

_STEP = re.compile(r"slurmstepd: \[(\d+)\.")


def read_pid(pid_file: Path) -> int:
    return int(pid_file.read_text().split()[0])


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal and wait until the process is gone; a second one that cannot be refused after 10 s."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    deadline = time.monotonic() + 10
    while alive(pid):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _step_daemons(jobs: Iterable[int]) -> list[int]:
    """The slurmstepd of some jobs; each names its job as `slurmstepd: [12.batch]`."""
    wanted = set(jobs)
    return [pid for pid in _processes() if (found := _STEP.match(_command(pid))) and int(found[1]) in wanted]


def kill_jobs(jobs: Iterable[int]) -> None:
    for step in _step_daemons(jobs):
        for pid in [step, *_descendants(step)]:  # the daemon first, so that it reports nothing
            kill(pid)


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def _descendants(pid: int) -> list[int]:
    """All processes below one, the deepest first."""
    children: dict[int, list[int]] = {}
    for other in _processes():
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{other}/stat").read_text().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(other)
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found[:0:-1]


def processes_of(job: int) -> list[tuple[int, str]]:
    """Every process of a job on this machine, with its command line."""
    return [(pid, _command(pid)) for step in _step_daemons([job]) for pid in _descendants(step)]
