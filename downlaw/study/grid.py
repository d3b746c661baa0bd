"""The grid of the over-training track: every run, and how the runs of one size depend on each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .lm import LmStudy
from .overtrain import multiplier_name


@dataclass(frozen=True)
class Cell:
    """One run: a model of one size trained on M tokens a parameter of one mixture, by one seed.

    Attributes:
        tokens_asked: M x N.
        updates: whole updates that fit into it.
        tokens: D, what they predict.
        trunk_updates: the update at which it branches off its trunk; None where it is a run of its own.
        previous: the multiplier whose stretch of the trunk this continues; None at its start.
        first_update: where that stretch ends, 0 at the start.
    """

    mixture: str
    model: str
    seed: int
    multiplier: float
    tokens_asked: int
    updates: int
    tokens: int
    trunk_updates: int | None
    previous: float | None
    first_update: int

    @property
    def trained_updates(self) -> int:
        """Updates that this run takes where those before it on the trunk are done."""
        return self.updates - self.first_update

    @property
    def path(self) -> str:
        """Where each stage keeps its record of this run, below the stage's folder."""
        return f"{self.mixture}/{self.model}/seed{self.seed}/{multiplier_name(self.multiplier)}.json"

    @property
    def name(self) -> str:
        return f"{self.mixture} {self.model} M {multiplier_name(self.multiplier)} seed {self.seed}"


def cells(study: LmStudy) -> Iterator[Cell]:
    """Every run, trunk by trunk and in the order of training along a trunk."""
    for mixture in study.mixtures:
        for model in study.overtrain.models:
            for seed in study.overtrain.of(model).seeds:
                for place in range(len(study.overtrain.multipliers_of(model, mixture))):
                    yield _cell(study, mixture, model, seed, place)


def cell(study: LmStudy, mixture: str, model: str, seed: int, multiplier: float) -> Cell:
    """The run of one (mixture, model, seed, M).

    Raises:
        KeyError: where the study does not ask for it.
    """
    known = mixture in study.mixtures and model in study.overtrain.models
    if known and seed in study.overtrain.of(model).seeds:
        multipliers = study.overtrain.multipliers_of(model, mixture)
        if multiplier in multipliers:
            return _cell(study, mixture, model, seed, multipliers.index(multiplier))
    raise KeyError(f"the study has no run {mixture}, {model}, seed {seed}, M = {multiplier_name(multiplier)}")


def _cell(study: LmStudy, mixture: str, model: str, seed: int, place: int) -> Cell:
    multipliers = study.overtrain.multipliers_of(model, mixture)
    multiplier = multipliers[place]
    updates = study.updates(model, multiplier)
    on_trunk = study.overtrain.schedule == "wsd"
    previous = multipliers[place - 1] if on_trunk and place else None
    return Cell(
        mixture,
        model,
        seed,
        multiplier,
        study.tokens_asked(model, multiplier),
        updates,
        updates * study.overtrain.of(model).tokens_per_update,
        study.trunk_updates(model, multiplier) if on_trunk else None,
        previous,
        0 if previous is None else study.trunk_updates(model, previous),
    )
