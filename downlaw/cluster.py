"""Whether a Slurm cluster has what jobs ask for: said before the first job, not after hours in a queue."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

_SINFO = ("sinfo", "--exact", "--noheader", "--format=%P|%l|%c|%m|%G")
_SACCT = ("sacct", "--noheader", "--allocations", "--starttime=now")
_GPUS = re.compile(r"\bgpu(?::([A-Za-z0-9_.-]+))?:(\d+)")
_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


class ClusterError(ValueError):
    """Jobs ask for what the cluster does not have."""


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind in a partition; `gpus` counts those of each model, '' where Slurm names none."""

    cpus: int
    memory_mb: int
    gpus: dict[str, int]


@dataclass(frozen=True)
class Partition:
    """A queue of the cluster; `minutes` is None where its jobs may run for ever."""

    name: str
    default: bool
    minutes: int | None
    nodes: tuple[Nodes, ...]


@dataclass(frozen=True)
class Request:
    """What one job asks for; CPUs, memory and GPUs are those of a node.

    `stage` names its keys in the study, and is empty for several jobs that go to Slurm as one.
    """

    label: str
    stage: str = ""
    partition: str | None = None
    cpus: int = 1
    memory_mb: int = 0
    minutes: int = 0
    gpus: int = 0
    gpu_model: str = ""


def read_partitions(sinfo: str) -> list[Partition]:
    """Partitions in the order of the lines `name|time limit|CPUs|memory in MB|generic resources` of sinfo."""
    limits: dict[str, tuple[bool, int | None]] = {}
    nodes: dict[str, list[Nodes]] = {}
    for line in filter(None, sinfo.splitlines()):
        name, limit, cpus, memory, gres = line.split("|")
        default, name = name.endswith("*"), name.rstrip("*")
        limits[name] = (default, _minutes(limit))
        gpus: dict[str, int] = {}
        for model, count in _GPUS.findall(gres):
            gpus[model] = gpus.get(model, 0) + int(count)
        # A partition without nodes is printed too, with 0 CPUs.
        nodes.setdefault(name, []).append(Nodes(int(cpus.rstrip("+")), int(memory.rstrip("+")), gpus))
    return [Partition(name, *limits[name], tuple(nodes[name])) for name in limits]


def _minutes(limit: str) -> int | None:
    """`infinite`, `30:00`, `2:00:00` or `1-00:00:00` in whole minutes."""
    found = _TIME.fullmatch(limit)
    if not found:
        return None
    days, first, second, third = (int(part or 0) for part in found.groups())
    if found[1] is not None or found[4] is not None:
        return days * 1440 + first * 60 + second
    return first + (second + third > 0)


def problems(requests: Iterable[Request], partitions: Sequence[Partition]) -> list[str]:
    """One sentence for each thing that the cluster cannot give, each once."""
    return list(dict.fromkeys(said for request in requests for said in _problems_of(request, partitions)))


def _problems_of(request: Request, partitions: Sequence[Partition]) -> list[str]:
    if request.partition is None:
        candidates = [each for each in partitions if each.default]
        if not candidates:
            return [
                f"{request.label}: this cluster has no default partition; it has {_names(partitions)}: "
                "set slurm_partition in default-resources of the profile"
            ]
    else:
        wanted = request.partition.split(",")
        candidates = [each for each in partitions if each.name in wanted]
        if unknown := [name for name in wanted if name not in {each.name for each in candidates}]:
            return [
                f"{request.label}: partition {_quoted(unknown)} is not on this cluster; "
                f"it has {_names(partitions)}: set slurm_partition in the profile"
            ]
    found = [_misfits(request, partition) for partition in candidates]
    return [] if not all(found) else found[0]


def _misfits(request: Request, partition: Partition) -> list[str]:
    """Why a partition cannot run a job, empty where one kind of its nodes can."""
    where = f"partition {partition.name!r}"
    said = []
    if partition.minutes is not None and request.minutes > partition.minutes:
        said.append(
            f"{request.minutes} minutes are asked for, but {where} ends jobs after {partition.minutes}: "
            + _key(request, "minutes")
        )
    models = sorted({model for nodes in partition.nodes for model in nodes.gpus if model})
    if request.gpu_model and request.gpu_model not in models:
        had = f"its nodes have {', '.join(models)}" if models else "Slurm names no GPU models there"
        said.append(f"{where} has no GPU {request.gpu_model!r}, {had}: set gpu_model in the profile")
    else:

        def gpus(nodes: Nodes) -> int:
            return nodes.gpus.get(request.gpu_model, 0) if request.gpu_model else sum(nodes.gpus.values())

        asks: list[tuple[int, str, Callable[[Nodes], int], str]] = [
            (request.cpus, "CPUs", lambda nodes: nodes.cpus, _cpu_key(request)),
            (request.memory_mb, "MB of memory", lambda nodes: nodes.memory_mb, _key(request, "memory_mb")),
            (request.gpus, "GPUs", gpus, _gpu_key(request)),
        ]
        fits = partition.nodes
        for asked, unit, offered, key in asks:
            most = max((offered(nodes) for nodes in partition.nodes), default=0)
            if asked > most:
                said.append(
                    f"{asked} {unit} of a node are asked for, but nodes of {where} have {most}: {key}"
                )
            fits = tuple(nodes for nodes in fits if offered(nodes) >= asked)
        if not said and not fits:
            said.append(
                f"no node of {where} has {request.cpus} CPUs, {request.memory_mb} MB of memory "
                f"and {request.gpus} GPUs at once: set slurm_partition in the profile"
            )
    return [f"{request.label}: {each}" for each in said]


def _key(request: Request, name: str) -> str:
    return (
        f"lower resources.{request.stage}.{name}"
        if request.stage
        else f"lower {name} in the study's resources"
    )


def _cpu_key(request: Request) -> str:
    return "lower compute.threads" if request.stage else "lower cores in the profile"


def _gpu_key(request: Request) -> str:
    if request.stage in ("pretrain", "finetune", "overtrain"):
        return (
            f"lower resources.{request.stage}.processes, raise resources.{request.stage}.nodes, or set "
            "slurm_partition in the profile"
        )
    return "set slurm_partition in the profile"


def _names(partitions: Sequence[Partition]) -> str:
    return ", ".join(partition.name for partition in partitions) or "none"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def check(requests: Sequence[Request], *, asks_sacct: bool = False) -> None:
    """Compare what jobs ask for with the cluster that this machine belongs to.

    Raises:
        ClusterError: naming each job, what it asks for and the key to change, or where Slurm does not answer.
    """
    try:
        sinfo = subprocess.run(_SINFO, capture_output=True, text=True, check=True, timeout=60).stdout
    except FileNotFoundError:
        raise ClusterError(
            "sinfo is not on this machine: start snakemake --profile slurm on a login node of the cluster"
        ) from None
    except subprocess.TimeoutExpired:
        raise ClusterError("sinfo has not answered for a minute: is Slurm down?") from None
    except subprocess.CalledProcessError as error:
        raise ClusterError(f"Slurm does not answer: {error.stderr.strip()}") from None
    said = problems(requests, read_partitions(sinfo))
    if asks_sacct and (reason := _why_no_accounts()):
        said.append(
            "Slurm keeps no accounts here, so that sacct cannot tell how a job ended "
            f"({reason}): set slurm-status-command: squeue in the profile"
        )
    if said:
        raise ClusterError("\n".join(said))


def _why_no_accounts() -> str:
    try:
        done = subprocess.run(_SACCT, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""
