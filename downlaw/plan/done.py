"""What of a study is done, so that it would be skipped: a reading of files.

Trainings and scores are judged as `downlaw status` judges them, all other jobs by whether their output is
there. `snakemake --dry-run` is the authority: it also sees changed keys of the study and newer input.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from downlaw.lm_status import lm_statuses
from downlaw.status import CRASHED, RUNNING, TO_DO, RunStatus, statuses
from downlaw.study import LmStudy, Study
from downlaw.study.overtrain import multiplier_name

from .errors import PlanError
from .jobs import TRAINING_RULES, Graph, Job, Work

_ASKED_FOR = {*TRAINING_RULES, "evaluate", "comet", "comet_local", "alignment"}
"""Rules whose missing output is made, as that of the tables in which a study ends: the study says how many of
them there are. What text is made from is only made where something needs it."""


@dataclass(frozen=True)
class ToDo:
    """What is left of a study.

    Attributes:
        jobs: those that would run, by key, with the work that is left for each.
        trainings: by rule, those that would begin or go on.
    """

    jobs: Graph
    trainings: dict[str, int]


def to_do(study: Study | LmStudy, jobs: Graph) -> ToDo:
    """The jobs that would run, and what is left for each of them.

    A training that ran to its update u, and was stopped, has what comes after u left. One that is done and
    whose job would run all the same has nothing left but the job's start.

    Raises:
        PlanError: where the results folder cannot be read.
    """
    if not study.results.exists():
        return ToDo(jobs, _counted(jobs.values()))
    if not study.results.is_dir():
        raise PlanError(f"{study.results}: is no folder; results is the study's key for it")
    try:
        states = _by_job(lm_statuses(study) if isinstance(study, LmStudy) else statuses(study))
        missing = {key for key, job in jobs.items() if _is_missing(study.results, job, states.get(key))}
    except (OSError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise PlanError(
            f"{study.results}: its files cannot be read ({type(error).__name__}: {error})"
        ) from None
    left = Graph()
    trainings: dict[str, int] = defaultdict(int)
    for key in _running(jobs, missing):
        job, found = jobs[key], states.get(key)
        if job.rule in TRAINING_RULES and found is not None:
            open_ones = [one for one in found if one.state in (TO_DO, CRASHED, RUNNING)]
            trainings[job.rule] += len(open_ones)
            job = replace(job, work=_left(job.work, found, open_ones))
        left[key] = job
    return ToDo(left, dict(trainings))


def _counted(jobs: Iterable[Job]) -> dict[str, int]:
    trainings: dict[str, int] = defaultdict(int)
    for job in jobs:
        if job.rule in TRAINING_RULES:
            trainings[job.rule] += 1 if job.rule == "overtrain" else job.work.trainings
    return dict(trainings)


def _by_job(found: Iterable[RunStatus]) -> dict[str, list[RunStatus]]:
    by_job: dict[str, list[RunStatus]] = defaultdict(list)
    for one in found:
        if one.model is not None:
            place = f"{one.mixture}/{one.model}/seed{one.pretraining_seed}/{multiplier_name(one.multiplier)}"
        else:
            place = f"{one.mixture}/seed{one.pretraining_seed}/{one.tokens}"
        task = f"{one.task}/" if one.task else ""
        by_job[f"{one.stage}/{task}{place}"].append(one)
    return by_job


def _is_missing(results: Path, job: Job, found: list[RunStatus] | None) -> bool:
    if not all((results / output).exists() for output in job.outputs):
        return True
    return found is not None and any(one.state in (TO_DO, CRASHED, RUNNING) for one in found)


def _left(work: Work, found: list[RunStatus], open_ones: list[RunStatus]) -> Work:
    """The work of a job whose trainings in `found` all make equally many updates."""
    updates = work.updates / len(found)
    behind = sum(min(one.update, updates) for one in open_ones) if found[0].stage == "finetune" else 0.0
    if found[0].stage != "finetune" and open_ones:  # a link of a chain: the update counts from its beginning
        (one,) = open_ones
        behind = max(0.0, min(updates, one.update - (one.updates - updates)))
    share = (updates * len(open_ones) - behind) / work.updates if work.updates else 0.0
    part = len(open_ones) / len(found)
    return replace(
        work,
        trainings=round(work.trainings * part),
        updates=round(work.updates * share),
        tokens=round(work.tokens * share),
        flops=work.flops * share,
        segments=round(work.segments * part),
    )


def _running(jobs: Graph, missing: set[str]) -> list[str]:
    """Keys of the jobs that run, in the order of the graph.

    A job runs where it is missing and asked for, or needed by one that runs; and where one it needs runs.
    """
    running: set[str] = set()
    wanted = [key for key, job in jobs.items() if key in missing and (job.target or job.rule in _ASKED_FOR)]
    readers = defaultdict(list)
    for key, job in jobs.items():
        for need in job.needs:
            if need not in job.first:
                readers[need].append(key)
    while wanted:
        key = wanted.pop()
        if key in running:
            continue
        running.add(key)
        wanted += [need for need in jobs[key].needs if need in missing]
        wanted += readers[key]
    return [key for key in jobs if key in running]
