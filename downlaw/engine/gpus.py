"""Hold GPUs: none of them works for two jobs at a time.

Snakemake counts GPUs, but gives none of them out. On a workstation a job therefore locks the GPUs that it
takes, and hides the others by CUDA_VISIBLE_DEVICES. Where a scheduler gave GPUs to the job, these are used.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from downlaw.console import say
from downlaw.engine.devices import VISIBLE, GpuError, assigned_by_slurm, check_torch, usable
from downlaw.engine.node import Lock, own_folder

_POLL_SECONDS = 0.5
_SAY_AFTER_SECONDS = 10.0
_SAY_AGAIN_SECONDS = 600.0


@contextmanager
def held(device: str, count: int = 1) -> Iterator[list[str]]:
    """Hold `count` GPUs for the block where `device` is cuda, and none on a CPU.

    Raises:
        GpuError: also where this torch cannot use them; fairseq would go on with the CPU and say nothing.
    """
    if device == "cpu":
        yield []
        return
    with hold_gpus(count) as names:
        check_torch(tuple(names))
        yield names


@contextmanager
def hold_gpus(count: int, folder: Path | None = None) -> Iterator[list[str]]:
    """Hold `count` GPUs of this machine for the block, and let CUDA see no others.

    Waits until so many are free at once. To be entered before this process uses CUDA; children of the block
    see the same GPUs, and hold them as long as they live.

    Args:
        folder: where lock files lie; by default one of this user on this machine, the same for all workflows.

    Yields:
        their names: UUIDs where nvidia-smi knows them, else what CUDA_VISIBLE_DEVICES or torch calls them.

    Raises:
        GpuError: where the machine, CUDA_VISIBLE_DEVICES or the scheduler's job has fewer.
    """
    assigned = assigned_by_slurm()
    if assigned is None:
        names = usable()
        restricted = f" ({VISIBLE}={os.environ[VISIBLE]})" if VISIBLE in os.environ else ""
        _check_count(count, names, f"{socket.gethostname()} has {{}}{restricted}")
    else:
        names = assigned
        job = f"job {os.environ['SLURM_JOB_ID']} of Slurm was given {{}} on {socket.gethostname()}"
        _check_count(count, names, job)
        if len(names) == count or VISIBLE not in os.environ:
            yield names
            return
    # Not $TMPDIR or $XDG_RUNTIME_DIR, which not all workflows of a user share.
    folder = folder or own_folder(Path("/tmp")) / "gpus"
    if assigned is not None:  # numbers count within an allocation, whose GPUs its jobs share
        folder /= f"slurm-{os.environ['SLURM_JOB_ID']}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_not_cleaned(folder))
        taken = _wait_for(count, names, folder)
        for lock in taken.values():
            stack.callback(_let_go, lock)
        stack.enter_context(_environment({VISIBLE: ",".join(taken), "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}))
        yield list(taken)


def _check_count(count: int, names: Sequence[str], who_has: str) -> None:
    if count > len(names):
        raise GpuError(
            f"a job needs {count} GPU{'s' * (count > 1)}, but {who_has.format(len(names) or 'none')}; lower "
            "resources.<stage>.processes, or let the job ask for more (docs/workstation.md, docs/cluster.md)"
        )


def _wait_for(count: int, names: Sequence[str], folder: Path) -> dict[str, Lock]:
    """Lock `count` of the GPUs, all of them or none, so that two jobs cannot wait for each other."""
    say_at = time.monotonic() + _SAY_AFTER_SECONDS
    while True:
        choosing = Lock(folder / "choosing.lock")  # one job at a time looks which are free
        choosing.take(fcntl.LOCK_EX, lambda: None)
        try:
            taken, busy = _take_free(count, names, folder)
        finally:
            choosing.close()
        if len(taken) == count:
            return taken
        if time.monotonic() >= say_at:
            say(f"waiting for {count} of {len(names)} GPUs of {socket.gethostname()}: {'; '.join(busy)}")
            say_at = time.monotonic() + _SAY_AGAIN_SECONDS
        time.sleep(_POLL_SECONDS)


def _take_free(count: int, names: Sequence[str], folder: Path) -> tuple[dict[str, Lock], list[str]]:
    """`count` locked GPUs, or none; and who holds the others."""
    taken: dict[str, Lock] = {}
    busy = []
    for name in names:
        lock = Lock(folder / f"{re.sub(r'[^A-Za-z0-9.-]', '_', name)}.lock")
        if len(taken) < count and lock.try_to(fcntl.LOCK_EX):
            taken[name] = lock
        else:
            lock.close()
            busy.append(f"{name} is held by {_holder(lock.read())}")
    if len(taken) == count:
        for lock in taken.values():
            lock.write(json.dumps({"pid": os.getpid(), "folder": os.getcwd()}))
        return taken, busy
    for lock in taken.values():
        lock.close()
    return {}, busy


@contextmanager
def _not_cleaned(folder: Path) -> Iterator[None]:
    """Keep old lock files where they are: systemd-tmpfiles passes by a folder that is locked."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _let_go(lock: Lock) -> None:
    lock.write("")
    lock.close()


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} in {holder['folder']}"
    except (ValueError, TypeError, KeyError):  # not written yet
        return "another process"


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
