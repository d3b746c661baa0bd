"""How fast trainings are, and how long what is left takes, by what they leave in files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median

from downlaw.engine.holding import read_holder
from downlaw.engine.log import recent_speed
from downlaw.engine.once import RECORD, read_history
from downlaw.job_logs import tail
from downlaw.progress import updates_left
from downlaw.status import DONE, OPEN, RUNNING, RunStatus, read_whole
from downlaw.study import LmStudy, Study

SAMPLED = 24
"""So many finished trainings of a kind, the last ones of the study, are asked how fast they were."""
_MOST_READ = 10 * SAMPLED
_LOG_BYTES = 32768


@dataclass(frozen=True)
class Speed:
    """How fast a training is.

    Attributes:
        updates: optimizer updates a second.
        tokens: a second: of text read in pretraining, target tokens in finetuning; None where unknown.
    """

    updates: float
    tokens: float | None = None


@dataclass(frozen=True)
class Pace:
    """How fast the trainings of a kind are: those of a stage, or of one size of model.

    Attributes:
        kind: as `kind_of` calls it.
        running: of each training that runs and has said how fast it is, by its folder.
        finished: medians over the `measured` trainings that were looked at; None where there are none.
    """

    kind: str
    running: Mapping[str, Speed]
    finished: Speed | None
    measured: int

    def of(self, run: RunStatus) -> Speed | None:
        """What a training is to be reckoned with: its own speed if it runs, else that of finished ones, which
        counts their start too, else that of those that run."""
        if own := self.running.get(run.folder or ""):
            return own
        if self.finished or not self.running:
            return self.finished
        return Speed(median(speed.updates for speed in self.running.values()))


@dataclass(frozen=True)
class TimeLeft:
    """How long trainings and scores still take.

    Attributes:
        seconds: of what is measured; 0 where nothing is left, None where nothing is measured.
        at_once: jobs that train or score now, taken to be as many until the end; a mean over the last looks,
            0 where none does.
        unmeasured: kinds of work that are left and of which nothing is known: not in `seconds`.
    """

    seconds: float | None
    at_once: float
    unmeasured: tuple[str, ...] = ()


def kind_of(run: RunStatus) -> str:
    """Of what speed a run is one: `pretrain`, `finetune`, `evaluate`, or `overtrain` with its size."""
    return f"{run.stage} {run.model}" if run.stage == "overtrain" else run.stage


@dataclass
class Watch:
    """Reads how fast trainings are; what is finished is read once, since it does not change."""

    study: Study | LmStudy
    _trained: dict[str, Speed | None] = field(default_factory=dict)
    _scored: dict[str, float | None] = field(default_factory=dict)

    def paces(self, found: Iterable[RunStatus]) -> dict[str, Pace]:
        """How fast the trainings of each kind are, in the order of the study."""
        kinds: dict[str, list[RunStatus]] = {}
        for run in found:
            if run.stage != "evaluate":
                kinds.setdefault(kind_of(run), []).append(run)
        return {kind: self._pace(kind, trainings) for kind, trainings in kinds.items()}

    def scoring_seconds(self, found: Iterable[RunStatus]) -> float | None:
        """How long a job of evaluation takes: the median of those that are done; None where none is."""
        done = list({run.job: None for run in found if run.stage == "evaluate" and run.state == DONE})
        times = [self._scoring(job) for job in done[-SAMPLED:]]
        known = [seconds for seconds in times if seconds is not None]
        return median(known) if known else None

    def _pace(self, kind: str, trainings: Sequence[RunStatus]) -> Pace:
        running = [run for run in trainings if run.state == RUNNING and run.folder]
        now = {run.folder: speed for run in running if (speed := self._now(run))}
        done = (run for run in reversed(trainings) if run.state == DONE and run.folder)
        looked_at = islice(done, _MOST_READ)
        speeds = list(islice((speed for run in looked_at if (speed := self._finished(run))), SAMPLED))
        tokens = [speed.tokens for speed in speeds if speed.tokens is not None]
        middle = median(speed.updates for speed in speeds) if speeds else None
        finished = Speed(middle, median(tokens) if tokens else None) if speeds else None
        return Pace(kind, now, finished, len(speeds))

    def _now(self, run: RunStatus) -> Speed | None:
        folder = Path(run.folder)
        holder = read_holder(folder)
        if holder is None:  # it has just ended
            return None
        told = recent_speed(tail(folder / "train.log", _LOG_BYTES, holder.log_bytes or 0))
        if told is None:
            made = holder.update - holder.from_update
            if made <= 0 or holder.seconds <= 0:
                return None
            told = (made / holder.seconds, None)
        updates, tokens = told
        return _speed(updates, self._tokens_an_update(run) or tokens)

    def _finished(self, run: RunStatus) -> Speed | None:
        if run.folder not in self._trained:
            self._trained[run.folder] = self._read_finished(run)
        return self._trained[run.folder]

    def _read_finished(self, run: RunStatus) -> Speed | None:
        folder = Path(run.folder)
        try:
            history = read_history(folder)
            seconds = sum(entry["seconds"] for entry in history)
            made = sum(
                entry["to_update"] - entry["from_update"] + entry.get("lost_updates", 0) for entry in history
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):  # of a restored archive, or cut short
            return None
        if seconds <= 0 or made <= 0:
            return None
        tokens = self._tokens_an_update(run)
        if tokens is None:
            tokens = (read_whole(folder / RECORD) or {}).get("target_tokens_a_update")
        return _speed(made / seconds, tokens)

    def _tokens_an_update(self, run: RunStatus) -> float | None:
        """Where every update holds as many; finetuning fills its updates as far as sentences fit."""
        if isinstance(self.study, LmStudy):
            return self.study.overtrain.of(run.model).tokens_per_update
        return self.study.pretrain.tokens_per_update if run.stage == "pretrain" else None

    def _scoring(self, job: str) -> float | None:
        if job not in self._scored:
            self._scored[job] = _job_seconds(self.study.results / "benchmarks" / f"{job}.tsv")
        return self._scored[job]


def _speed(updates: float, tokens_an_update: float | None) -> Speed:
    return Speed(updates, updates * tokens_an_update if tokens_an_update else None)


def _job_seconds(path: Path) -> float | None:
    """Of Snakemake's record of a job's last run; None where there is none that is whole."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return float(list(csv.DictReader(stream, delimiter="\t"))[-1]["s"])
    except (FileNotFoundError, NotADirectoryError, IndexError, KeyError, TypeError, ValueError):
        return None


def time_left(
    found: Sequence[RunStatus],
    paces: Mapping[str, Pace],
    scoring: float | None,
    at_once: float,
    metrics: Iterable[str] = (),
) -> TimeLeft:
    """How long the trainings and scores that are left take.

    All work in seconds is shared by as many jobs as run at once, but takes no less than the longest row of
    jobs that wait for each other: a chain of pretraining, a batch of finetunings from it, their scores.

    Args:
        scoring: seconds of a job of evaluation, None where unknown.
        at_once: jobs that train or score now; with less than one, they are taken to follow each other.
        metrics: that one job each is still to score all runs by; nothing tells how long that takes.
    """
    unmeasured: dict[str, None] = {}
    jobs: dict[str, float] = {}
    for run in found:
        if run.state not in OPEN:
            continue
        seconds = _seconds(run, paces, scoring)
        if seconds is None:
            unmeasured[kind_of(run)] = None
        elif run.stage == "evaluate":
            jobs[run.job] = seconds
        else:
            jobs[run.job] = jobs.get(run.job, 0.0) + seconds
    unmeasured |= dict.fromkeys(metrics)
    if unmeasured and not any(jobs.values()):
        return TimeLeft(None, at_once, tuple(unmeasured))
    shared = sum(jobs.values()) / max(1.0, at_once)
    return TimeLeft(max(shared, _longest(found, jobs)), at_once, tuple(unmeasured))


def _seconds(run: RunStatus, paces: Mapping[str, Pace], scoring: float | None) -> float | None:
    """How long a run's training or the job of its scores takes; None where nothing like it is measured."""
    if run.stage == "evaluate":
        return scoring
    left = updates_left(run)
    pace = paces.get(kind_of(run))
    speed = pace.of(run) if pace else None
    if not left:
        return 0.0
    return left / speed.updates if speed else None


def _longest(found: Iterable[RunStatus], jobs: Mapping[str, float]) -> float:
    """The seconds of the longest row of jobs that wait for each other."""
    chains: dict[tuple, float] = {}
    reached: dict[tuple, float] = {}
    after: dict[tuple, dict[str, None]] = {}
    for run in found:
        start = (run.mixture, run.pretraining_seed, run.model, run.tokens)
        if run.stage in ("pretrain", "overtrain"):
            chain = start[:3]
            before = chains.get(chain, 0.0) if run.first_update else 0.0
            chains[chain] = reached[start] = before + jobs.get(run.job, 0.0)
        else:
            after.setdefault((*start, run.task), {})[run.job] = None
    ends = (
        reached.get(tuple(start), 0.0) + sum(jobs.get(job, 0.0) for job in last)
        for (*start, _), last in after.items()
    )
    return max([0.0, *reached.values(), *ends])
