"""The jobs of a study with what each waits for, as the workflow's rules have them.

The library knows nothing of Snakemake, so that the graph is written down here a second time; tests compare it
with what `snakemake --dry-run` announces.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from downlaw.study import LmStudy, Study
from downlaw.study.compute import TrainingResources

TRAINING_RULES = ("pretrain", "finetune", "overtrain")


@dataclass(frozen=True)
class Work:
    """What a job has to do.

    Attributes:
        flops: of one process's share where a training has several: the operations of all of them together.
        tokens: pieces trained on; a source and its target count once.
        texts: segments that are read or written by a job on text; a pair counts twice.
        segments: test or validation segments, or sequences, that models score.
        runs: models, curves or points that a table is made of.
    """

    trainings: int = 0
    updates: int = 0
    tokens: int = 0
    flops: float = 0.0
    texts: float = 0.0
    segments: int = 0
    runs: int = 0


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        rule: of the workflow.
        name: what tells it from the others of its rule.
        needs: keys of the jobs whose output it reads.
        outputs: files below the results folder; all of them there means that it ran.
        first: keys of `needs` that only have to be there: that they are made anew is no reason to run.
        target: whether the study ends in it.
        local: whether it runs beside Snakemake, not as a job of a cluster.
        cores: CPU cores it takes on this machine.
        gpus: GPUs it takes.
        priority: of two jobs that could start, the one with more goes first.
    """

    rule: str
    name: str
    needs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    first: frozenset[str] = frozenset()
    target: bool = False
    local: bool = False
    cores: int = 1
    gpus: int = 0
    priority: int = 0
    work: Work = field(default_factory=Work)

    @property
    def key(self) -> str:
        return f"{self.rule}/{self.name}"

    @property
    def trainings(self) -> int:
        """Models that the study counts: a run of a grid is one, whose trunk is a training beside it."""
        return 1 if self.rule == "overtrain" else self.work.trainings


class Graph(dict[str, Job]):
    """Jobs by key, each after all that it needs."""

    def add(self, rule: str, name: str, needs: Iterable[str] = (), **facts: object) -> str:
        """Add a job; its key.

        Raises:
            KeyError: where it needs a job that is not there yet.
        """
        job = Job(rule, name, tuple(dict.fromkeys(needs)), **facts)  # type: ignore[arg-type]
        for need in job.needs:
            self[need]
        self[job.key] = job
        return job.key

    def replace(self, key: str, **facts: object) -> None:
        self[key] = replace(self[key], **facts)  # type: ignore[type-var]

    def of(self, rule: str) -> list[Job]:
        return [job for job in self.values() if job.rule == rule]


def training_shape(study: Study | LmStudy, asked: TrainingResources) -> dict[str, int]:
    """Cores and GPUs of a training job."""
    cuda = study.compute.device == "cuda"
    return {"cores": study.compute.threads * asked.processes, "gpus": asked.processes if cuda else 0}


def scoring_shape(study: Study | LmStudy) -> dict[str, int]:
    """Cores and GPUs of a job that scores text with models."""
    return {"cores": study.compute.threads, "gpus": int(study.compute.device == "cuda")}
