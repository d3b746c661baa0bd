"""Which GPUs a job may use: those that Slurm gave to it, else those of this machine."""

from __future__ import annotations

import functools
import multiprocessing
import os
import socket
import subprocess
import sys
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"
_QUERY = ["nvidia-smi", "--query-gpu=uuid,index", "--format=csv,noheader"]
_QUERY_SECONDS = 60


class GpuError(RuntimeError):
    """There are too few GPUs, or they cannot be used."""


def assigned_by_slurm() -> list[str] | None:
    """The GPUs that Slurm gave to this job; None outside of its jobs.

    A job without any has none of these variables, and must not take those of others.
    """
    if "SLURM_JOB_ID" not in os.environ:
        return None
    for name in (VISIBLE, "SLURM_STEP_GPUS", "SLURM_JOB_GPUS"):
        if os.environ.get(name):
            return _split(os.environ[name])
    return []


def usable() -> list[str]:
    """The GPUs of this machine that may be used, none of them twice."""
    known, problem = _ask_nvidia_smi()
    if VISIBLE in os.environ:
        names = [_resolve(name, known) for name in _split(os.environ[VISIBLE])]
        if not names:
            raise GpuError(_no_gpu(f'{VISIBLE}="{os.environ[VISIBLE]}"'))
    else:
        names = list(known.values()) or [str(index) for index in range(_ask_torch())]
        if not names:
            raise GpuError(_no_gpu(f"nvidia-smi {problem}"))
    return list(dict.fromkeys(names))


def _split(names: str) -> list[str]:
    """The names in CUDA_VISIBLE_DEVICES, up to the first that is none, as CUDA reads it."""
    found = []
    for name in map(str.strip, names.split(",")):
        if name in ("", "-1", "NoDevFiles"):
            break
        found.append(name)
    return found


def _resolve(name: str, known: dict[str, str]) -> str:
    """A GPU's UUID, for its number or the beginning of its UUID; an instance of MIG keeps its name."""
    if not known or name.startswith("MIG-"):
        return name
    if name in known:
        return known[name]
    found = [uuid for uuid in known.values() if uuid.startswith(name)]
    if name.startswith("GPU-") and len(found) == 1:
        return found[0]
    numbers = ", ".join(f"{index} ({uuid})" for index, uuid in known.items())
    raise GpuError(f"{VISIBLE} names {name}, but {socket.gethostname()} has {numbers}")


@functools.cache
def _ask_nvidia_smi() -> tuple[dict[str, str], str]:
    """UUIDs by number, and why there are none. Without initializing CUDA, and once a process."""
    try:
        done = subprocess.run(_QUERY, capture_output=True, text=True, timeout=_QUERY_SECONDS, check=False)
    except FileNotFoundError:
        return {}, "is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return {}, f"fails: {error}"
    if done.returncode:
        said = (done.stdout + done.stderr).strip() or f"code {done.returncode}"
        return {}, f"says: {said.splitlines()[0]}"
    rows = [[field.strip() for field in line.split(",")] for line in done.stdout.splitlines()]
    # A GPU that fell off the bus has a line without a UUID.
    found = {row[1]: row[0] for row in rows if len(row) == 2 and row[0].startswith("GPU-")}
    return found, "lists none"


def _ask_torch() -> int:
    """How many GPUs torch sees, asked in a process of its own: this one must not initialize CUDA."""
    command = [sys.executable, "-c", "import torch; print(torch.cuda.device_count())"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout.strip()
    return int(said) if said.isdigit() else 0


def _no_gpu(why: str) -> str:
    return (
        f"compute.device is cuda, but {socket.gethostname()} has no usable GPU ({why}); start the job on a "
        "machine with one, see to its driver, or set compute.device: cpu"
    )


@functools.cache
def check_torch(names: tuple[str, ...]) -> None:
    """Have a forked child initialize CUDA, once for the same GPUs."""
    import torch

    if torch.version.cuda is None:
        raise GpuError(
            f"compute.device is cuda, but torch {torch.__version__} is built without CUDA; make the "
            "environment with one that is not (docs/dependencies.md), or set compute.device: cpu"
        )
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=_initialize, args=(writer,), daemon=True)
    child.start()
    writer.close()
    try:
        said = reader.recv()
    except EOFError:
        said = "it dies when CUDA is initialized"
    child.join()
    if said != len(names):
        seen = f"{said} of them" if isinstance(said, int) else f"none of them: {said}"
        raise GpuError(
            f"compute.device is cuda, and {', '.join(names)} would be used on {socket.gethostname()}, but "
            f"torch sees {seen}; the driver is too old for CUDA {torch.version.cuda}, or the GPU broken"
        )


def _initialize(writer: Any) -> None:
    import torch

    try:
        torch.cuda.init()
        writer.send(torch.cuda.device_count())
    except Exception as error:
        writer.send(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
