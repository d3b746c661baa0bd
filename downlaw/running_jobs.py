"""Which jobs of a workflow run now, by files alone: those that began since Snakemake did and have not ended.

Snakemake locks what it will make, a job opens its log when it begins, and its benchmark is written when it
has ended. What was killed without a word in this very call still looks as if it ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from downlaw.job_logs import last_error
from downlaw.status import RUNNING, STAGES, TO_DO, RunStatus

_LOCKS = Path(".snakemake/locks")


def running_jobs(results: Path, workflow: Path = Path()) -> list[str] | None:
    """The jobs that run, named as their logs are; None where no Snakemake is at work on a results folder.

    Args:
        results: as the study names it.
        workflow: the folder that Snakemake runs in; `results` is taken from there.

    Raises:
        OSError: where a file is there and cannot be read.
    """
    begun = _workflow_began(results, workflow)
    if begun is None:
        return None
    found = []
    for log in (workflow / results / "logs").glob("*/*.log"):
        opened = _time(log)
        if opened is None or opened < begun:
            continue
        ended = _time(workflow / results / "benchmarks" / log.parent.name / f"{log.stem}.tsv")
        if (ended is None or ended < opened) and not last_error(log):
            found.append((opened, f"{log.parent.name}/{log.stem}"))
    return [job for _, job in sorted(found)]


def _workflow_began(results: Path, workflow: Path) -> float | None:
    """When a Snakemake that makes something in a results folder began; None where none is at work."""
    times = []
    for lock in (workflow / _LOCKS).glob("*.output.lock"):
        try:
            with lock.open(encoding="utf-8", errors="replace") as stream:
                if any(Path(line.rstrip("\n")).is_relative_to(results) for line in stream):
                    times.append(lock.stat().st_mtime)
        except FileNotFoundError:  # it has just ended
            continue
    return max(times, default=None)


def _time(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None


def with_running_scores(found: Iterable[RunStatus], jobs: Sequence[str]) -> list[RunStatus]:
    """The states of runs, of which those that are being scored by one of the `jobs` are running."""
    scoring = {job for job in jobs if job.startswith("evaluate/")}
    return [
        replace(run, state=RUNNING, reason=f"job {run.job}")
        if run.stage == "evaluate" and run.state == TO_DO and run.job in scoring
        else run
        for run in found
    ]


def other_running_jobs(jobs: Sequence[str]) -> list[str]:
    """Those that neither train nor score."""
    return [job for job in jobs if job.partition("/")[0] not in STAGES]
