"""The whole plan: counts, what is done, and what the rest takes on a machine of known speed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from downlaw.study import LmStudy, Study

from .counts import StageCost, plan
from .done import ToDo, to_do
from .graph import graph
from .jobs import Graph, Job
from .room import device_memory_mb, disk_bytes, memory_mb
from .schedule import Machine, wall_seconds
from .seconds import job_seconds
from .throughput import NUMBERS, Throughput


@dataclass(frozen=True)
class RulePlan:
    """One rule: what the study has of it, and what is left.

    Attributes:
        whole: of the study, done or not. All else is what is left.
        seconds: of its jobs one after the other; None where no speed is known, as the next two.
        longest_seconds: of its longest job.
        memory_mb: of the job that takes most; None where it is not known.
        asked_memory_mb: what a job asks a scheduler for.
        gpu_memory_mb: of a process of a training, without what CUDA takes for itself; 0 without GPUs.
        disk_bytes: left on disk by all its jobs together.
    """

    whole: StageCost
    jobs: int
    trainings: int
    updates: int
    tokens: int
    flops: float
    disk_bytes: float
    seconds: float | None = None
    longest_seconds: float | None = None
    memory_mb: float | None = None
    asked_memory_mb: int | None = None
    gpu_memory_mb: float = 0.0


@dataclass(frozen=True)
class Totals:
    """What the jobs that are left take together.

    Attributes:
        wall_seconds: of list scheduling; with fewer free cores or a full queue it takes longer.
        core_hours: cores times hours of all jobs.
        gpu_hours: GPUs times hours of the jobs that hold some.
        critical_seconds: of the longest chain of jobs: no machine is faster.
    """

    wall_seconds: float
    core_hours: float
    gpu_hours: float
    critical_seconds: float


@dataclass(frozen=True)
class Plan:
    """A study's plan.

    Attributes:
        totals: None where no speed is known, as `speed` is.
        trained_again: at most so many trainings that are done are counted in, as their text has changed.
    """

    study: str
    rules: list[RulePlan]
    machine: Machine
    speed: Throughput | None = None
    totals: Totals | None = None
    trained_again: int = 0

    @property
    def is_begun(self) -> bool:
        return any(rule.jobs != rule.whole.jobs for rule in self.rules)

    @property
    def disk_bytes(self) -> float:
        return sum(rule.disk_bytes for rule in self.rules)


def plan_study(
    study: Study | LmStudy,
    machine: Machine | None = None,
    speed: Throughput | None = None,
    from_nothing: bool = False,
) -> Plan:
    """Plan a study: what is left of it, and, where a speed is known, what that takes.

    Args:
        from_nothing: as if nothing were done.

    Raises:
        PlanError: where results cannot be read, a speed is missing, or a job fits on no GPU.
    """
    jobs = graph(study)
    machine = _with_gpus(machine or Machine(), jobs)
    everything = ToDo(jobs, {stage.rule: stage.trainings for stage in plan(study)})
    left = everything if from_nothing else to_do(study, jobs)
    seconds = {key: job_seconds(study, job, speed) for key, job in left.jobs.items()} if speed else None
    rules = [
        _rule(study, stage, left.jobs.of(stage.rule), left.trainings.get(stage.rule, 0), seconds, speed)
        for stage in plan(study)
        if stage.jobs
    ]
    totals = _totals(left.jobs, seconds, machine) if seconds is not None else None
    return Plan(study.study, rules, machine, speed, totals, left.again)


def _with_gpus(machine: Machine, jobs: Graph) -> Machine:
    """Where nobody says how many GPUs this machine has: those that its largest job takes."""
    most = max((job.gpus for job in jobs.values()), default=0)
    if machine.gpus is None and not machine.is_cluster and most:
        return replace(machine, gpus=most)
    return machine


def _rule(
    study: Study | LmStudy,
    whole: StageCost,
    jobs: list[Job],
    trainings: int,
    seconds: Mapping[str, float] | None,
    speed: Throughput | None,
) -> RulePlan:
    training = whole.trainings > 0
    left = RulePlan(
        whole,
        jobs=len(jobs),
        trainings=trainings if training else 0,
        updates=sum(job.work.updates for job in jobs),
        tokens=sum(job.work.tokens for job in jobs),
        flops=sum(job.work.flops for job in jobs),
        disk_bytes=sum(disk_bytes(study, job) for job in jobs),
    )
    if seconds is None or speed is None or not jobs:
        return left
    on_gpus = training and study.compute.device == "cuda"
    return replace(
        left,
        seconds=sum(seconds[job.key] for job in jobs),
        longest_seconds=max(seconds[job.key] for job in jobs),
        memory_mb=max(memory_mb(study, job, speed) for job in jobs),
        asked_memory_mb=_asked(study, whole),
        gpu_memory_mb=max(device_memory_mb(study, job) for job in jobs) if on_gpus else 0.0,
    )


def _asked(study: Study | LmStudy, whole: StageCost) -> int | None:
    """Alignment asks as the subsets do; jobs that run beside Snakemake ask for nothing that counts."""
    stage = {"alignment": "subsets"}.get(whole.stage, whole.stage)
    resources = getattr(study.resources, stage, None)
    return resources.memory_mb if resources else None


def _totals(jobs: Graph, seconds: Mapping[str, float], machine: Machine) -> Totals:
    ends: dict[str, float] = {}
    for key, job in jobs.items():
        before = max((ends[need] for need in job.needs if need in ends), default=0.0)
        ends[key] = before + seconds[key] + machine.waiting(job, jobs)
    return Totals(
        wall_seconds=wall_seconds(jobs, seconds, machine),
        core_hours=sum(seconds[key] * job.cores for key, job in jobs.items()) / 3600,
        gpu_hours=sum(seconds[key] * job.gpus for key, job in jobs.items()) / 3600,
        critical_seconds=max(ends.values(), default=0.0),
    )


def as_json(made: Plan) -> dict[str, Any]:
    """A plan as plain values, as `stored_plan` reads them."""
    rules = []
    for rule in made.rules:
        left = {key: value for key, value in asdict(rule).items() if key != "whole"}
        rules.append({**asdict(rule.whole), "left": left})
    machine = {**asdict(made.machine), "groups": dict(made.machine.groups)}
    speed = None
    if made.speed:
        numbers = {key: getattr(made.speed, key) for key in NUMBERS}
        speed = {**numbers, "about": dict(made.speed.about), "assumed": list(made.speed.assumed)}
    return {
        "study": made.study,
        "rules": rules,
        "trained_again": made.trained_again,
        "totals": asdict(made.totals) if made.totals else None,
        "disk_bytes": made.disk_bytes,
        "machine": machine,
        "speed": speed,
    }
