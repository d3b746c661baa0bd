from __future__ import annotations

import pytest

from downlaw.progress import BEGUN, Curve, Point, all_done, curves, updates_left
from downlaw.status import CRASHED, DIVERGED, DONE, RUNNING, TO_DO, RunStatus


def segment(tokens: int, state: str, update: int = 0, **named) -> RunStatus:
    first = 0 if tokens == 100 else 50
    told = {"updates": tokens // 2, "first_update": first, "update": update} | named
    return RunStatus("pretrain", None, "fr", 1, tokens, state=state, **told)


def run(stage: str, state: str, update: int = 0, seed: int = 1, **named) -> RunStatus:
    updates = 0 if stage == "evaluate" else 10
    told = {"pairs": 300, "learning_rate": 0.01, "finetuning_seed": seed, "tokens": 256} | named
    return RunStatus(stage, "en-de", "fr", 1, state=state, updates=updates, update=update, **told)


def state_of(*found: RunStatus) -> str:
    (curve,) = curves(found)
    (point,) = curve.points
    return point.state


def test_a_chain_is_a_row_of_its_segments():
    chain = [segment(100, DONE), segment(200, RUNNING, update=75), segment(300, TO_DO)]
    (curve,) = curves(chain)
    points = (Point(100, DONE, 1), Point(200, RUNNING, 0.5), Point(300, TO_DO, 0))
    assert curve == Curve("pretrain", "fr", points, seed=1)


def test_a_point_gathers_rates_seeds_and_their_scores():
    found = [run("finetune", DONE), run("finetune", RUNNING, update=5, seed=2)]
    found += [run("evaluate", TO_DO, seed=seed) for seed in (1, 2)]
    (curve,) = curves(found)
    points = (Point(256, RUNNING, 0.75),)
    assert curve == Curve("finetune", "fr", points, task="en-de", pairs=300)


@pytest.mark.parametrize(
    "trained, scored, expected",
    [
        ([DONE, DONE], [DONE, DONE], DONE),
        ([DONE, DONE], [DONE, TO_DO], BEGUN),
        ([DONE, DONE], [TO_DO, TO_DO], BEGUN),
        ([DONE, DONE], [RUNNING, RUNNING], RUNNING),
        ([DONE, TO_DO], [TO_DO, TO_DO], BEGUN),
        ([TO_DO, TO_DO], [TO_DO, TO_DO], TO_DO),
        ([CRASHED, TO_DO], [TO_DO, TO_DO], CRASHED),
        ([CRASHED, RUNNING], [TO_DO, TO_DO], RUNNING),
        ([DIVERGED, DONE], [DIVERGED, DONE], DONE),
        ([DIVERGED, DIVERGED], [DIVERGED, DIVERGED], DIVERGED),
        ([DIVERGED, TO_DO], [DIVERGED, TO_DO], TO_DO),
    ],
)
def test_the_state_of_a_point(trained, scored, expected):
    found = [run("finetune", state, seed=seed) for seed, state in enumerate(trained)]
    found += [run("evaluate", state, seed=seed) for seed, state in enumerate(scored)]
    assert state_of(*found) == expected


def test_a_model_size_is_a_row_over_tokens_a_parameter():
    found = [
        RunStatus(stage, None, "all", 1, 1000, model="small", multiplier=multiplier, state=state)
        for stage in ("overtrain", "evaluate")
        for multiplier, state in ((0.5, DONE), (20, TO_DO))
    ]
    (curve,) = curves(found)
    points = (Point(0.5, DONE, 0), Point(20, TO_DO, 0))
    assert curve == Curve("overtrain", "all", points, model="small")


def test_updates_that_are_left():
    assert updates_left(segment(200, TO_DO)) == 50
    assert updates_left(segment(200, CRASHED, update=80)) == 20
    assert updates_left(segment(200, CRASHED)) == 50
    assert updates_left(segment(200, RUNNING, update=100)) == 0
    assert updates_left(segment(200, DONE)) == 0
    assert updates_left(run("evaluate", TO_DO)) == 0


def test_what_runs_and_what_failed_is_more_urgent_than_what_rests():
    states = (RUNNING, CRASHED, DONE, TO_DO, DIVERGED)
    urgent = {state: Curve("pretrain", "fr", (Point(1, state, 0),)).urgency for state in states}
    assert urgent == {RUNNING: 0, CRASHED: 1, TO_DO: 3, DONE: 4, DIVERGED: 4}
    half = Curve("pretrain", "fr", (Point(1, DONE, 1), Point(2, TO_DO, 0)))
    assert half.urgency == 2


def test_all_is_done_where_nothing_waits():
    assert all_done([run("finetune", DONE), run("finetune", DIVERGED)])
    assert not all_done([run("finetune", DONE), run("evaluate", TO_DO)])
