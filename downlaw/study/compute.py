"""Where jobs run and what they ask a scheduler for; of these keys only `precision` decides a result."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from .base import Positive, Strict


class Compute(Strict):
    """The hardware of trainings and of scoring."""

    device: Literal["cpu", "cuda"] = Field("cpu", description="where models train, translate and are scored")
    precision: Literal["fp32", "fp16", "bf16"] = Field(
        "fp32", description="of trainings; fp16 and bf16 need cuda"
    )
    threads: Positive = Field(1, description="CPU threads a process of a training")
    scratch: str | None = Field(
        None,
        description="a folder on the node, such as $TMPDIR, to read a training's data from",
    )

    @model_validator(mode="after")
    def _precision_runs(self) -> Compute:
        if self.device == "cpu" and self.precision != "fp32":
            raise ValueError(f"precision: {self.precision} needs device: cuda (a CPU trains in fp32)")
        return self


class JobResources(Strict):
    """What a job asks for at its first attempt; at the second it asks for twice that, and so on."""

    memory_mb: Positive = Field(4000, description="memory on a node, in MB")
    minutes: Positive = Field(60, description="time limit")
    most_memory_mb: Positive | None = Field(None, description="no attempt asks for more, such as a node's")
    most_minutes: Positive | None = Field(None, description="no attempt asks for more: a partition's limit")

    def at(self, attempt: int) -> tuple[int, int]:
        """Memory in MB and minutes of an attempt, the first of which is 1."""
        memory, minutes = self.memory_mb * attempt, self.minutes * attempt
        return min(memory, self.most_memory_mb or memory), min(minutes, self.most_minutes or minutes)

    @model_validator(mode="after")
    def _first_attempt_fits(self) -> JobResources:
        for key in ("memory_mb", "minutes"):
            most = getattr(self, f"most_{key}")
            if most is not None and most < getattr(self, key):
                raise ValueError(f"most_{key}: {most} is less than {key}, {getattr(self, key)}")
        return self


class TrainingResources(JobResources):
    """What a training asks for."""

    minutes: Positive = Field(240, description="time limit")
    processes: Positive = Field(1, description="processes a training, one a GPU with device: cuda")
    nodes: Positive = Field(1, description="nodes that the processes of a training are spread over")

    @model_validator(mode="after")
    def _processes_fill_nodes(self) -> TrainingResources:
        if self.processes % self.nodes:
            raise ValueError(f"processes: {self.processes} cannot be spread over {self.nodes} nodes evenly")
        return self


class SharedResources(Strict):
    """What the jobs of each stage ask for. Partitions and accounts stand in a profile (docs/cluster.md)."""

    corpora: JobResources = Field(JobResources(), description="cleaning, splitting, overlap with test text")
    subsets: JobResources = Field(
        JobResources(), description="tokenizer, encoding, mixtures, their alignment"
    )
    evaluate: JobResources = Field(
        JobResources(), description="translations and scores, comparisons, contamination"
    )
    laws: JobResources = Field(JobResources(), description="resamples, laws, relations")
    report: JobResources = Field(JobResources(), description="figures and report")


class Resources(SharedResources):
    """What the jobs of each stage of the transfer track ask for."""

    pretrain: TrainingResources = Field(TrainingResources(), description="a segment of a chain")
    finetune: TrainingResources = Field(
        TrainingResources(), description="a batch: all finetunings of a task from one checkpoint"
    )


class LmResources(SharedResources):
    """What the jobs of each stage of the over-training track ask for."""

    overtrain: TrainingResources = Field(TrainingResources(), description="a stretch of a trunk, or a run")
