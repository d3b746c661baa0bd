from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import lm_toy
import pytest
from made_results import MadeResults

from downlaw.engine import holding
from downlaw.pace import Pace, Speed, TimeLeft, Watch, kind_of, time_left
from downlaw.status import CRASHED, DIVERGED, DONE, RUNNING, TO_DO, RunStatus, statuses
from downlaw.study import load_study
from downlaw.study.matrix import BASELINE_START, runs, segments

LINE = (
    "2026-01-01 00:00:{second:02d},000 | INFO | train_inner | "
    '{{"epoch": 1, "loss": "9", "ups": "{ups}", "wpb": "{wpb}", "num_updates": "{update}"}}\n'
)


@pytest.fixture
def made(toy_study, tmp_path) -> MadeResults:
    return MadeResults(toy_study(results=str(tmp_path / "results"), finetune__seeds=[1, 2])).subsets()


def entry(first: int, last: int, seconds: float, lost: int = 0) -> dict:
    return {"from_update": first, "to_update": last, "seconds": seconds, "lost_updates": lost}


def paces_of(made: MadeResults) -> dict[str, Pace]:
    return Watch(made.study).paces(statuses(made.study))


def test_finished_trainings_tell_their_median_speed_with_what_they_lost(made):
    made.pretrain(segments(made.study))
    for (first, last, seconds, lost), segment in zip(
        [(0, 4, 2.0, 0), (4, 8, 1.0, 4), (0, 4, 4.0, 0)], segments(made.study), strict=False
    ):
        made.history(made.segment_folder(segment), entry(first, last, seconds, lost))
    pace = paces_of(made)["pretrain"]
    assert (pace.finished.updates, pace.measured) == (2.0, 3)
    assert pace.finished.tokens == 2.0 * made.study.pretrain.tokens_per_update
    assert paces_of(made)["finetune"] == Pace("finetune", {}, None, 0)


def test_finetuning_has_the_tokens_of_its_record(made):
    made.finetune("en-de", BASELINE_START)
    run = runs(made.study, "en-de", BASELINE_START)[0]
    made.history(made.run_folder(run), entry(0, 4, 2.0), entry(4, 6, 1.0))
    assert paces_of(made)["finetune"].finished == Speed(2.0, None)
    (made.run_folder(run) / "record.json").write_text(json.dumps(made.run_record(run)))
    assert paces_of(made)["finetune"].finished == Speed(2.0, 200.0)


@pytest.mark.parametrize(
    "history",
    ["", "half a li", '{"seconds": 3}\n', json.dumps(entry(0, 4, 0.0)), json.dumps(entry(4, 4, 3.0))],
)
def test_a_history_that_is_cut_short_or_says_nothing_is_passed_over(made, history):
    segment, *_ = segments(made.study)
    made.pretrain([segment])
    made.history(made.segment_folder(segment))
    (made.segment_folder(segment) / "history.jsonl").write_text(history)
    assert paces_of(made)["pretrain"].finished is None


def test_what_is_finished_is_read_once(made, monkeypatch):
    from downlaw import pace

    segment, *_ = segments(made.study)
    made.pretrain([segment])
    read: list[Path] = []
    monkeypatch.setattr(pace, "read_history", lambda folder: read.append(folder) or [entry(0, 4, 2.0)])
    watch = Watch(made.study)
    assert watch.paces(statuses(made.study)) == watch.paces(statuses(made.study))
    assert len(read) == 1


def running(made: MadeResults, log: str, **progress) -> dict[str, Pace]:
    folder = made.segment_folder(next(segments(made.study)))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.log").write_text(log)
    with holding.hold(folder, "pretrain", print) as held:
        held.tell(**progress)
        held.write()
        return paces_of(made)


def test_a_running_training_tells_its_speed_in_its_log(made):
    log = LINE.format(second=1, ups=9, wpb=70, update=1) + LINE.format(second=3, ups=9, wpb=70, update=2)
    (speed,) = running(made, log, update=2, log_bytes=0)["pretrain"].running.values()
    assert (speed.updates, speed.tokens) == (0.5, 0.5 * made.study.pretrain.tokens_per_update)


def test_of_a_resumed_training_only_the_log_since_then_counts(made):
    before = LINE.format(second=1, ups=9, wpb=70, update=1)
    log = before + LINE.format(second=31, ups=3, wpb=70, update=2)
    (speed,) = running(made, log, update=2, log_bytes=len(before))["pretrain"].running.values()
    assert speed.updates == 3


def test_a_training_whose_log_says_nothing_is_known_by_its_holder(made, monkeypatch):
    assert running(made, "", from_update=0, update=0)["pretrain"].running == {}
    told = replace(holding.Holder("host", "", 1, 1, None, ""), from_update=1, update=4, seconds=6.0)
    monkeypatch.setattr("downlaw.pace.read_holder", lambda folder: told)
    (speed,) = running(made, "")["pretrain"].running.values()
    assert speed.updates == 0.5


def test_a_training_that_ends_while_it_is_looked_at_has_no_speed(made, monkeypatch):
    monkeypatch.setattr("downlaw.pace.read_holder", lambda folder: None)
    assert running(made, LINE.format(second=1, ups=9, wpb=70, update=1))["pretrain"].running == {}


def test_a_job_of_evaluation_takes_the_median_of_those_that_are_done(made):
    made.everything()
    watch, found = Watch(made.study), statuses(made.study)
    assert watch.scoring_seconds(found) is None
    jobs = list({run.job: None for run in found if run.stage == "evaluate"})
    for job, text in zip(jobs, ["s\th:m:s\n3.0\t0\n", "s\n5.0\n", "s\n4.0\n", "", "s\nhalf"], strict=True):
        path = made.results / "benchmarks" / f"{job}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert Watch(made.study).scoring_seconds(found) == 4.0


def test_models_of_each_size_are_of_a_kind_of_their_own(tmp_path):
    study = load_study(lm_toy.configured(results=str(tmp_path)))
    small = RunStatus(
        "overtrain", None, "fr", 1, 9, model="small", multiplier=1, state=DONE, folder=str(tmp_path)
    )
    (tmp_path / "history.jsonl").write_text(json.dumps(entry(0, 8, 2.0)) + "\n")
    large = replace(small, model="large", state=TO_DO, folder=None)
    paces = Watch(study).paces([small, large])
    assert paces["overtrain small"].finished == Speed(
        4.0, 4.0 * study.overtrain.of("small").tokens_per_update
    )
    assert paces["overtrain large"].finished is None
    assert kind_of(replace(small, stage="evaluate")) == "evaluate"


PRETRAIN = Pace("pretrain", {}, Speed(2.0), 3)
FINETUNE = Pace("finetune", {}, Speed(5.0), 3)


def chain(mixture: str, *states: str) -> list[RunStatus]:
    """Segments of 100 updates each."""
    return [
        RunStatus(
            "pretrain", None, mixture, 1, place, state=state, job=f"pretrain/{mixture}-{place}",
            updates=100 * place, first_update=100 * (place - 1), folder=f"{mixture}-{place}",
        )
        for place, state in enumerate(states, start=1)
    ]  # fmt: skip


def batch(mixture: str, tokens: int, *states: str, scored: str = TO_DO) -> list[RunStatus]:
    """Finetunings of 50 updates each that start from a checkpoint, and their scores."""
    trained = RunStatus(
        "finetune", "en-de", mixture, 1, tokens, updates=50, job=f"finetune/{mixture}-{tokens}"
    )
    scores = replace(trained, stage="evaluate", updates=0, job=f"evaluate/{mixture}-{tokens}", state=scored)
    return [*(replace(trained, state=state) for state in states), *([scores] * len(states))]


def left(found, scoring=8.0, at_once=1.0, paces=(PRETRAIN, FINETUNE)) -> TimeLeft:
    return time_left(found, {pace.kind: pace for pace in paces}, scoring, at_once)


def test_the_time_left_is_all_work_at_the_speed_measured():
    found = [*chain("fr", DONE, TO_DO), *batch("fr", 1, TO_DO, TO_DO)]
    assert left(found) == TimeLeft(100 / 2 + 2 * 50 / 5 + 8, 1.0)
    assert left(found, at_once=0.0).seconds == 78


def test_what_is_done_or_diverged_takes_no_time():
    assert left([*chain("fr", DONE, DIVERGED), *batch("fr", 1, DONE, scored=DONE)]) == TimeLeft(0.0, 1.0)
    assert left([]).seconds == 0


def test_jobs_at_once_share_the_work_but_not_below_the_longest_row_of_jobs():
    found = [*chain("fr", TO_DO, TO_DO), *chain("de", TO_DO, TO_DO)]
    assert left(found).seconds == 200
    assert left(found, at_once=2.0).seconds == 100
    assert left(found, at_once=1.6).seconds == 125
    assert left(found, at_once=50.0).seconds == 100
    found += batch("fr", 2, TO_DO, TO_DO)
    assert left(found, at_once=50.0).seconds == 100 + 20 + 8
    found += batch("none", 0, *[TO_DO] * 20)
    assert left(found, at_once=50.0).seconds == 200 + 8


def test_a_running_training_is_reckoned_with_its_own_speed():
    first, second = chain("fr", RUNNING, TO_DO)
    first = replace(first, update=60)
    slow = replace(PRETRAIN, running={"fr-1": Speed(0.5)})
    assert left([first, second], paces=[slow]).seconds == 40 / 0.5 + 100 / 2
    alone = replace(slow, finished=None)
    assert left([first, second], paces=[alone]).seconds == 40 / 0.5 + 100 / 0.5


def test_a_crashed_training_goes_on_from_its_save():
    assert left([replace(chain("fr", CRASHED)[0], update=80)]).seconds == 10


def test_what_was_never_measured_is_said_and_not_guessed():
    found = [*chain("fr", TO_DO), *batch("fr", 1, TO_DO)]
    assert left(found, scoring=None, paces=[PRETRAIN]) == TimeLeft(50.0, 1.0, ("finetune", "evaluate"))
    assert time_left(found, {"pretrain": PRETRAIN}, 8.0, 1.0, ["comet"]).unmeasured == ("finetune", "comet")
    assert left(found, scoring=None, paces=[]) == TimeLeft(None, 1.0, ("pretrain", "finetune", "evaluate"))


def test_stretches_of_a_trunk_follow_each_other_and_models_of_their_own_do_not():
    on_trunk = [
        RunStatus("overtrain", None, "fr", 1, at, model="small", multiplier=at, updates=110 * at, state=TO_DO,
                  first_update=100 * (at - 1), job=f"overtrain/{at}")
        for at in (1, 2)
    ]  # fmt: skip
    pace = Pace("overtrain small", {}, Speed(10.0), 1)
    assert left(on_trunk, at_once=9.0, paces=[pace]).seconds == pytest.approx(11 + 12)
    alone = [replace(run, first_update=0) for run in on_trunk]
    assert left(alone, at_once=9.0, paces=[pace]).seconds == pytest.approx(22)
