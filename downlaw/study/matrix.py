"""The run matrix: every training that a study asks for, and how trainings depend on each other."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from .config import BASELINE, Study


@dataclass(frozen=True)
class Segment:
    """One link of a pretraining chain: it continues the previous Dp's checkpoint up to this Dp."""

    mixture: str
    seed: int
    tokens_asked: int
    updates: int
    tokens: int
    previous: int | None
    """The Dp (as asked) that this segment continues from, or None at the start of a chain."""


@dataclass(frozen=True)
class Start:
    """The weights a finetuning starts from: a checkpoint, or none at all (the baseline, Dp = 0)."""

    mixture: str
    seed: int
    tokens_asked: int

    @property
    def is_baseline(self) -> bool:
        return self.mixture == BASELINE


BASELINE_START = Start(BASELINE, 0, 0)


@dataclass(frozen=True)
class Run:
    """One finetuned model."""

    task: str
    start: Start
    pairs: int
    learning_rate: float
    seed: int


def segments(study: Study) -> Iterator[Segment]:
    """Every segment, chain by chain and in the order of training within a chain."""
    for mixture in study.mixtures:
        for seed in study.pretrain.seeds:
            for place in range(len(study.pretrain.tokens)):
                yield _segment(study, mixture, seed, place)


def segment(study: Study, mixture: str, seed: int, tokens_asked: int) -> Segment:
    """The segment of one (mixture, seed, Dp).

    Raises:
        KeyError: where the study does not ask for it.
    """
    pretrain = study.pretrain
    asked = mixture in study.mixtures and seed in pretrain.seeds
    place = bisect_left(pretrain.tokens, tokens_asked)
    if not asked or tokens_asked not in pretrain.tokens[place : place + 1]:
        raise KeyError(f"the study has no segment {mixture}, seed {seed}, {tokens_asked} tokens")
    return _segment(study, mixture, seed, place)


def _segment(study: Study, mixture: str, seed: int, place: int) -> Segment:
    """The segment to the Dp at a place in the study's list, which rises."""
    pretrain = study.pretrain
    tokens_asked = pretrain.tokens[place]
    updates = pretrain.updates(tokens_asked)
    previous = pretrain.tokens[place - 1] if place else None
    return Segment(mixture, seed, tokens_asked, updates, updates * pretrain.tokens_per_update, previous)


def starts(study: Study) -> list[Start]:
    """The baseline, then every checkpoint of every chain."""
    return [BASELINE_START, *(Start(s.mixture, s.seed, s.tokens_asked) for s in segments(study))]


def runs(study: Study, task: str, start: Start) -> list[Run]:
    """The runs that share a start: every Df, learning rate and finetuning seed."""
    finetune = study.finetune
    return [
        Run(task, start, pairs, rate, seed)
        for pairs in finetune.pairs
        for rate in finetune.learning_rates
        for seed in finetune.seeds
    ]
