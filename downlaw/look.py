"""One look at a study: its states, curves, speeds, time left and failures, as `downlaw status` shows them.

Only files are read; nothing is written, locked or waited for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from downlaw.job_logs import job_log, last_lines
from downlaw.lm_status import lm_statuses
from downlaw.pace import Pace, TimeLeft, Watch, time_left
from downlaw.progress import Curve, all_done, curves
from downlaw.running_jobs import other_running_jobs, running_jobs, with_running_scores
from downlaw.status import (
    CRASHED,
    RUNNING,
    RunStatus,
    mixed_versions,
    open_metrics,
    other_errors,
    statuses,
)
from downlaw.study import LmStudy, Study
from downlaw.unreadable import reading

LOG_LINES = 10
_REMEMBERED_LOOKS = 20


@dataclass(frozen=True)
class Failure:
    """A job that failed or was stopped.

    Attributes:
        name: of the run that it stopped at, or of the job where it has no runs.
        heading: "crashed" of a run, "failed" of another job.
        goes_on: the update that it goes on from and where the training ends; None where it saved nothing.
        log: the file that `lines`, the last lines of it, are from; None where there is none.
    """

    heading: str
    name: str
    reason: str
    goes_on: tuple[int, int] | None = None
    log: Path | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """How far a study is.

    Attributes:
        open_metrics: learned metrics that all runs are still to be scored by.
        other_jobs: jobs that run and neither train nor score; None where no Snakemake is seen at work.
        failures: trainings and evaluations first, in the order of the study.
        seconds: what the look took.
    """

    study: Study | LmStudy
    found: Sequence[RunStatus]
    curves: Sequence[Curve]
    paces: dict[str, Pace]
    left: TimeLeft
    open_metrics: Sequence[str]
    other_jobs: Sequence[str] | None
    failures: Sequence[Failure]
    mixed_versions: dict[str, dict[str, int]]
    seconds: float

    @property
    def is_over(self) -> bool:
        """Whether all runs are done, scored by every metric, and no Snakemake is at work."""
        return all_done(self.found) and not self.open_metrics and self.other_jobs is None


class Looker:
    """Looks at a study again and again, and remembers what cannot change."""

    def __init__(self, study: Study | LmStudy, workflow: Path = Path()) -> None:
        """workflow: the folder that Snakemake runs in."""
        self._study, self._workflow = study, workflow
        self._watch = Watch(study)
        self._at_once: deque[int] = deque(maxlen=_REMEMBERED_LOOKS)

    def look(self) -> Look:
        """How far the study is now.

        Raises:
            ResultsError: where a file is there and cannot be read.
        """
        with reading(self._study.results):
            return self._look()

    def _look(self) -> Look:
        begun = time.monotonic()
        study = self._study
        found = lm_statuses(study) if isinstance(study, LmStudy) else statuses(study)
        jobs = running_jobs(study.results, self._workflow)
        found = with_running_scores(found, jobs or [])
        paces = self._watch.paces(found)
        if now := len({run.job for run in found if run.state == RUNNING}):
            self._at_once.append(now)
        else:
            self._at_once.clear()
        at_once = sum(self._at_once) / len(self._at_once) if now else 0.0
        metrics = open_metrics(study)
        return Look(
            study,
            found,
            curves(found),
            paces,
            time_left(found, paces, self._watch.scoring_seconds(found), at_once, metrics),
            metrics,
            None if jobs is None else other_running_jobs(jobs),
            _failures(study, found),
            mixed_versions(found),
            time.monotonic() - begun,
        )


def _failures(study: Study | LmStudy, found: Sequence[RunStatus]) -> list[Failure]:
    crashed: dict[str, RunStatus] = {}
    for run in found:
        if run.state == CRASHED:
            crashed.setdefault(run.job, run)
    failures = []
    for run in crashed.values():
        on = (run.update, run.updates) if run.update else None
        logs = [job_log(study.results, run.job)]
        if run.folder:  # a process that was killed may have told its job nothing
            logs.append(Path(run.folder, "train.log"))
        failures.append(Failure(CRASHED, run.name, run.reason, on, *_last_of(logs)))
    for job, error in other_errors(study).items():
        failures.append(Failure("failed", job, error, None, *_last_of([job_log(study.results, job)])))
    return failures


def _last_of(logs: Sequence[Path]) -> tuple[Path | None, tuple[str, ...]]:
    """The first log in which something stands, and its last lines."""
    for log in logs:
        if lines := last_lines(log, LOG_LINES):
            return log, tuple(lines)
    return None, ()
