"""Which points of each curve are done, of the states of a study's runs. Reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from downlaw.status import CRASHED, DIVERGED, DONE, RUNNING, TO_DO, RunStatus

BEGUN = "begun"
"""Of a point: some of its runs are trained or scored and some are not, and none of them runs now."""
POINT_STATES = (DONE, RUNNING, BEGUN, CRASHED, DIVERGED, TO_DO)


@dataclass(frozen=True)
class Point:
    """One checkpoint, or all runs of one place of a curve: every learning rate and seed, and their scores.

    Attributes:
        at: Dp in tokens as asked, 0 for the baseline; M in tokens a parameter on the over-training track.
        state: one of POINT_STATES.
        share: of the optimizer updates of its trainings that are made, 0 to 1.
    """

    at: float
    state: str
    share: float


@dataclass(frozen=True)
class Curve:
    """The points of a pretraining chain, of a curve (task, Df, mixture), or of one size of model.

    Attributes:
        stage: pretrain, finetune or overtrain; the last two with their scores.
        mixture: what pretraining reads, or the training set.
        seed: of a chain alone.
        points: by what they are at.
    """

    stage: str
    mixture: str
    points: tuple[Point, ...]
    task: str | None = None
    pairs: int | None = None
    seed: int | None = None
    model: str | None = None

    @property
    def states(self) -> set[str]:
        return {point.state for point in self.points}

    @property
    def urgency(self) -> int:
        """0 of a curve of which a point runs, then those that failed, that are begun, to do, and done."""
        states = self.states
        for place, state in enumerate((RUNNING, CRASHED)):
            if state in states:
                return place
        if states <= {DONE, DIVERGED}:
            return 4
        return 3 if states == {TO_DO} else 2


def curves(found: Iterable[RunStatus]) -> list[Curve]:
    """Every curve of a study, in the order of the study; chains of pretraining first."""
    table: dict[tuple, dict[float, list[RunStatus]]] = {}
    for run in found:
        if run.model is not None:
            key, at = ("overtrain", run.mixture, None, None, None, run.model), run.multiplier
        elif run.task is None:
            key, at = ("pretrain", run.mixture, None, None, run.pretraining_seed, None), run.tokens
        else:
            key, at = ("finetune", run.mixture, run.task, run.pairs, None, None), run.tokens
        table.setdefault(key, {}).setdefault(at, []).append(run)
    return [
        Curve(
            stage, mixture, tuple(_point(at, points[at]) for at in sorted(points)), task, pairs, seed, model
        )
        for (stage, mixture, task, pairs, seed, model), points in table.items()
    ]


def _point(at: float, found: Sequence[RunStatus]) -> Point:
    asked = sum(run.updates - run.first_update for run in found)
    left = sum(updates_left(run) for run in found)
    return Point(at, _state({run.state for run in found}), 1 - left / asked if asked else 0.0)


def updates_left(run: RunStatus) -> int:
    """Optimizer updates that a training still takes where what it continues is done; 0 of scores."""
    if run.state == DONE:
        return 0
    return max(0, run.updates - max(run.update, run.first_update))


def _state(states: set[str]) -> str:
    """The state of a point by those of its runs: what asks for attention counts more than what rests."""
    for state in (RUNNING, CRASHED):
        if state in states:
            return state
    if states == {DIVERGED}:
        return DIVERGED
    if states <= {
        DONE,
        DIVERGED,
    }:  # a learning rate that diverged is out, and its point is measured by others
        return DONE
    return TO_DO if states <= {TO_DO, DIVERGED} else BEGUN


def all_done(found: Iterable[RunStatus]) -> bool:
    """Whether no run of a study is still to be trained or scored."""
    return all(run.state in (DONE, DIVERGED) for run in found)
