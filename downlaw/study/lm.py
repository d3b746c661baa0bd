"""A study of the over-training track, and what in it must agree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from .base import nearest, refuse_repeats
from .compute import LmResources
from .overtrain import FileTask, LmEvaluate, LmLaws, Overtrain, Parameters, TextTask, multiplier_name
from .shared import BlockLayout, SharedStudy, process_problems, refuse
from .training import Mixture


class LmStudy(SharedStudy):
    """A complete study of the over-training track (Gadre et al. 2024, arXiv:2403.08540)."""

    track: Literal["lm"] = Field(
        description="language models of several sizes and token counts, laws over compute"
    )
    overtrain: Overtrain
    evaluate: LmEvaluate = LmEvaluate()
    laws: LmLaws = LmLaws()
    resources: LmResources = LmResources()

    @property
    def block_layout(self) -> BlockLayout:
        updates = math.lcm(*(self.overtrain.of(model).blocks_per_update for model in self.overtrain.models))
        return BlockLayout(self.overtrain.block_pieces, updates, documents=True)

    @property
    def evaluation_sets(self) -> dict[str, Mixture]:
        """The held-out text of every mixture under its name, then the further sets."""
        return {**self.mixtures, **self.evaluate.sets}

    def parameters(self, model: str) -> Parameters:
        """Weights of one size, counted exactly."""
        return self.overtrain.models[model].parameters(
            self.tokenizer.vocabulary, self.overtrain.share_embeddings
        )

    def tokens_asked(self, model: str, multiplier: float) -> int:
        """D = M x N, rounded."""
        return round(multiplier * self.parameters(model).total)

    def updates(self, model: str, multiplier: float) -> int:
        """Whole updates that fit into D."""
        return self.tokens_asked(model, multiplier) // self.overtrain.of(model).tokens_per_update

    def trunk_updates(self, model: str, multiplier: float) -> int:
        """The update at which a multiplier branches off for its decay, which takes one update at least."""
        updates = self.updates(model, multiplier)
        return updates - max(1, round(self.overtrain.decay * updates))

    @property
    def loss_fit(self) -> set[tuple[str, float]]:
        """(model, multiplier) of the runs that the loss law is fitted to."""
        if self.laws.fit is not None:
            return {(model, m) for model, each in self.laws.fit.items() for m in each}
        by_size = sorted(self.overtrain.models, key=lambda name: self.parameters(name).total)
        fitted: set[tuple[str, float]] = set()
        for mixture in self.mixtures:
            grid = {model: self.overtrain.multipliers_of(model, mixture) for model in by_size}
            fitted |= {(model, grid[model][0]) for model in by_size[:-1]}
            fitted.add((by_size[0], grid[by_size[0]][-1]))
        return fitted

    @property
    def error_fit(self) -> set[tuple[str, float]]:
        """The same for the error law."""
        more = {(model, m) for model, each in self.laws.fit_error.items() for m in each}
        return self.loss_fit | more

    @model_validator(mode="after")
    def _agrees(self) -> LmStudy:
        refuse_repeats("languages", self.languages)
        refuse(
            [
                *self.mixture_problems("mixtures", self.mixtures),
                *self.mixture_problems("evaluate.sets", self.evaluate.sets),
                *self.tokenizer_problems(),
                *self._evaluation_problems(),
                *self._grid_problems(),
                *self._law_problems(),
                *self._process_problems(),
            ]
        )
        return self

    def _evaluation_problems(self) -> Iterator[str]:
        for name in self.evaluate.sets:
            if name in self.mixtures:
                yield f"evaluate.sets.{name}: the held-out text of mixture {name} has this name"
        for name, task in self.evaluate.tasks.items():
            key = f"evaluate.tasks.{name}"
            if name in self.evaluation_sets:
                yield f"{key}: an evaluation set has this name"
            if isinstance(task, TextTask):
                yield from self.text_problems(f"{key}.text", *task.part)
            elif not isinstance(task, FileTask):
                for side in ("source", "target"):
                    yield from self.language_problems(f"{key}.{side}", getattr(task, side))
                yield from self.pair_problems(f"{key}.corpus", task.corpus, task.source, task.target)

    def _grid_problems(self) -> Iterator[str]:
        """Sizes alike, multipliers of no mixture, and what is wrong with multipliers."""
        overtrain, sizes = self.overtrain, {}
        for model in overtrain.models:
            total = self.parameters(model).total
            if total in sizes:
                yield f"overtrain.models.{model}: {sizes[total]} has as many weights, {total:,}"
            sizes[total] = model
            own = overtrain.models[model].multipliers
            for mixture in own if isinstance(own, dict) else ():
                if mixture not in self.mixtures:
                    known = nearest(mixture, self.mixtures)
                    yield f"overtrain.models.{model}.multipliers.{mixture}: no mixture is called so{known}"
            yield from dict.fromkeys(
                problem for mixture in self.mixtures for problem in self._multiplier_problems(model, mixture)
            )

    def _process_problems(self) -> Iterator[str]:
        for model in self.overtrain.models:
            batches = self.overtrain.of(model).batches_per_update
            yield from process_problems("overtrain", batches, self.resources.overtrain.processes)

    def _multiplier_problems(self, model: str, mixture: str) -> Iterator[str]:
        """An M whose D fills no update, makes no difference, or leaves no room for the warm-up."""
        overtrain, own = self.overtrain.of(model), self.overtrain.models[model].multipliers
        key = "overtrain.multipliers" if own is None else f"overtrain.models.{model}.multipliers"
        if isinstance(own, dict) and mixture in own:
            key += f".{mixture}"
        multipliers = overtrain.multipliers_of(model, mixture)
        begins = self.trunk_updates(model, multipliers[0])
        if overtrain.schedule == "wsd" and 0 < begins < overtrain.warmup_updates:
            yield (
                f"overtrain.warmup_updates: {overtrain.warmup_updates} updates of warm-up are not over when "
                f"{model} at M = {multiplier_name(multipliers[0])} begins to decay, at update {begins}; "
                "lower them, blocks_per_update or decay"
            )
        least = 2 if overtrain.schedule == "wsd" else 1
        for index, multiplier in enumerate(multipliers):
            if self.updates(model, multiplier) < least:
                yield (
                    f"{key}[{index}]: M = {multiplier_name(multiplier)} of {model} is "
                    f"{self.tokens_asked(model, multiplier):,} tokens, less than {least} update"
                    f"{'s' if least > 1 else ''} of {overtrain.tokens_per_update:,}; raise it, or lower "
                    "overtrain.blocks_per_update"
                )
        for index, (one, two) in enumerate(pairwise(multipliers)):
            ends = [(self.updates(model, m), self.trunk_updates(model, m)) for m in (one, two)]
            if any(a >= b for a, b in zip(*ends, strict=True)):
                yield (
                    f"{key}[{index + 1}]: M = {multiplier_name(two)} of {model} is no more updates than "
                    f"M = {multiplier_name(one)}"
                )

    def _law_problems(self) -> Iterator[str]:
        laws = self.laws
        for key, runs in (("laws.fit", laws.fit or {}), ("laws.fit_error", laws.fit_error)):
            for model, multipliers in runs.items():
                if model not in self.overtrain.models:
                    yield f"{key}.{model}: no model is called so{nearest(model, self.overtrain.models)}"
                    continue
                for index, multiplier in enumerate(multipliers):
                    if not any(multiplier in self.overtrain.multipliers_of(model, m) for m in self.mixtures):
                        missing = multiplier_name(multiplier)
                        yield f"{key}.{model}[{index}]: the grid has no M = {missing} there"
        if laws.error_loss and laws.error_loss not in self.evaluation_sets:
            known = nearest(laws.error_loss, self.evaluation_sets)
            yield f"laws.error_loss: no evaluation set is called {laws.error_loss!r}{known}"
