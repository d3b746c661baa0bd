"""The run matrix: every training that a study asks for, and how trainings depend on each other."""

from __future__ import annotations

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
    pretrain = study.pretrain
    for mixture in study.mixtures:
        for seed in pretrain.seeds:
            previous = None
            for tokens_asked in pretrain.tokens:
                updates = pretrain.updates(tokens_asked)
                tokens = updates * pretrain.tokens_per_update
                yield Segment(mixture, seed, tokens_asked, updates, tokens, previous)
                previous = tokens_asked


def segment(study: Study, mixture: str, seed: int, tokens_asked: int) -> Segment:
    """The segment of one (mixture, seed, Dp).

    Raises:
        KeyError: where the study does not ask for it.
    """
    for one in segments(study):
        if (one.mixture, one.seed, one.tokens_asked) == (mixture, seed, tokens_asked):
            return one
    raise KeyError(f"the study has no segment {mixture}, seed {seed}, {tokens_asked} tokens")


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
