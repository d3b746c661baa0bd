"""How long jobs take side by side: list scheduling over what they wait for (Graham 1969)."""

from __future__ import annotations

import heapq
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import PlanError
from .jobs import Graph, Job
from .reference import BETWEEN_JOBS_SECONDS, SLURM_SECONDS


@dataclass(frozen=True)
class Machine:
    """What jobs run on.

    Attributes:
        cores: of this machine, or the most of a job of a cluster.
        gpus: that jobs may take together; None: as many as they ask for.
        jobs: of a cluster, at once; None: this machine.
        groups: by rule, the group of jobs that go to a cluster together.
    """

    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    gpus: int | None = None
    jobs: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_cluster(self) -> bool:
        return self.jobs is not None

    def asks(self, job: Job) -> tuple[int, int]:
        """Cores (of a cluster: places) and GPUs that a job takes. More threads than there are cores are cut,
        as Snakemake does.

        Raises:
            PlanError: where a job takes more GPUs than there are.
        """
        if self.gpus is not None and job.gpus > self.gpus:
            raise PlanError(
                f"a job of rule {job.rule} takes {job.gpus} GPUs, and the plan is for {self.gpus}: raise "
                f"--gpus, or lower resources.{job.rule}.processes"
            )
        if self.is_cluster:
            return (0 if job.local else 1), job.gpus
        return min(job.cores, self.cores), job.gpus

    def waiting(self, job: Job, jobs: Graph) -> float:
        """Seconds between a job and those before it."""
        if not self.is_cluster or job.local:
            return BETWEEN_JOBS_SECONDS
        group = self.groups.get(job.rule)
        within = group and any(
            self.groups.get(jobs[need].rule) == group for need in job.needs if need in jobs
        )
        return 0.0 if within else SLURM_SECONDS


def wall_seconds(jobs: Graph, seconds: Mapping[str, float], machine: Machine) -> float:
    """The end of the last job where each starts as soon as what it needs is done and there is room for it.

    Of those that could start, the one of the highest priority does, then the one that comes first.

    Args:
        jobs: what runs; needs that are not among them are done.
        seconds: of each job, by key.

    Raises:
        PlanError: where a job takes more GPUs than there are.
    """
    open_needs = {key: sum(need in jobs for need in job.needs) for key, job in jobs.items()}
    readers: dict[str, list[str]] = defaultdict(list)
    for key, job in jobs.items():
        for need in job.needs:
            if need in jobs:
                readers[need].append(key)
    order = {key: number for number, key in enumerate(jobs)}
    asks = {key: machine.asks(job) for key, job in jobs.items()}
    # A heap for each kind of request: only its head has to be looked at.
    ready: dict[tuple[int, int], list[tuple[int, int, str]]] = defaultdict(list)

    def make_ready(key: str) -> None:
        heapq.heappush(ready[asks[key]], (-jobs[key].priority, order[key], key))

    for key, count in open_needs.items():
        if not count:
            make_ready(key)
    free = machine.jobs if machine.is_cluster else machine.cores
    free_gpus = float("inf") if machine.gpus is None else machine.gpus
    now, running = 0.0, []
    while any(ready.values()) or running:
        fitting = [
            (heap[0], kind)
            for kind, heap in ready.items()
            if heap and kind[0] <= free and kind[1] <= free_gpus
        ]
        if fitting:
            _, kind = min(fitting)
            *_, key = heapq.heappop(ready[kind])
            free, free_gpus = free - kind[0], free_gpus - kind[1]
            heapq.heappush(running, (now + seconds[key] + machine.waiting(jobs[key], jobs), order[key], key))
            continue
        now, _, key = heapq.heappop(running)
        free, free_gpus = free + asks[key][0], free_gpus + asks[key][1]
        for reader in readers[key]:
            open_needs[reader] -= 1
            if not open_needs[reader]:
                make_ready(reader)
    return now
