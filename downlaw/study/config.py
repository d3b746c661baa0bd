"""A study of the transfer track, and the names in it that must agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .base import Language, Name, refuse_repeats
from .compute import Resources
from .shared import BASELINE, LANGUAGES, BlockLayout, SharedStudy, process_problems, refuse
from .task import Task
from .training import Evaluate, Finetune, Laws, Model, Pretrain

__all__ = ["BASELINE", "KEPT_TASKS", "Study"]

KEPT_TASKS = ("comet", "comet_local")
"""Names of files and folders beside those of tasks; no task may be called so."""


class Study(SharedStudy):
    """A complete study of the transfer track (Isik et al. 2024, arXiv:2402.04177)."""

    track: Literal["transfer"] = Field(
        "transfer", description="pretraining, finetuning on translation, laws over pretraining tokens"
    )
    languages: Annotated[list[Language], Field(min_length=2)] = Field(description=LANGUAGES)
    tasks: Annotated[dict[Name, Task], Field(min_length=1)]
    model: Model = Model()
    pretrain: Pretrain
    finetune: Finetune
    evaluate: Evaluate = Evaluate()
    laws: Laws = Laws()
    resources: Resources = Resources()

    @property
    def block_layout(self) -> BlockLayout:
        return BlockLayout(self.pretrain.block_pieces - 2, self.pretrain.blocks_per_update, documents=False)

    @model_validator(mode="after")
    def _names_resolve(self) -> Study:
        refuse_repeats("languages", self.languages)
        refuse(
            [
                *self.mixture_problems("mixtures", self.mixtures),
                *self._task_problems(),
                *self.tokenizer_problems(),
                *self._length_problems(),
                *self._process_problems(),
            ]
        )
        return self

    def _task_problems(self) -> Iterator[str]:
        for name, task in self.tasks.items():
            if name in KEPT_TASKS:
                yield f"tasks.{name}: this name is kept for what {name} makes beside the tasks"
            for side in ("source", "target"):
                yield from self.language_problems(f"tasks.{name}.{side}", getattr(task, side))
            for key in ("corpus", "valid_corpus", "test_corpus"):
                if corpus := getattr(task, key):
                    yield from self.pair_problems(f"tasks.{name}.{key}", corpus, task.source, task.target)

    def _length_problems(self) -> Iterator[str]:
        block, longest = self.pretrain.block_pieces, self.model.max_pieces
        if block > longest:
            yield f"pretrain.block_pieces: {block} is more than model.max_pieces, {longest}"

    def _process_problems(self) -> Iterator[str]:
        for stage in ("pretrain", "finetune"):
            batches = getattr(self, stage).batches_per_update
            yield from process_problems(stage, batches, getattr(self.resources, stage).processes)
        if self.finetune.tokens_per_update < self.finetune.batches_per_update * 8:
            yield "finetune.batches_per_update: leaves less than 8 tokens a batch"
