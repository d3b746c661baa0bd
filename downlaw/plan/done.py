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
from downlaw.status import OPEN, RunStatus, job_name, read_whole, statuses
from downlaw.study import LmStudy, Study
from downlaw.unreadable import ResultsError, reading

from .errors import PlanError
from .jobs import TRAINING_RULES, Graph, Job, Work

_ASKED_FOR = {*TRAINING_RULES, "evaluate", "comet", "comet_local", "alignment"}
"""Rules whose missing output is made, as that of the tables in which a study ends: the study says how many of
them there are. What text is made from is only made where something needs it."""

_NEW_TEXT = {"clean_corpus", "split_corpus", "decontaminate_corpus", "pool"}
"""Rules by whose first output others' output may change. Where some of it is there, as a manifest in an
archive without text, it was made before, and comes again as it was."""

_TRAINED_ON = {
    *_NEW_TEXT, "tokenizer", "tokenize", "mixture", "task", "finetuning_subset", "evaluation_set", "choices",
}  # fmt: skip


@dataclass(frozen=True)
class ToDo:
    """What is left of a study.

    Attributes:
        jobs: those that would run, by key, with the work that is left for each.
        trainings: by rule, those that would begin or go on.
        again: of these, how many are done and are trained anew where what they are trained on has changed.
            That is known once the text was made, so that these are upper bounds.
    """

    jobs: Graph
    trainings: dict[str, int]
    again: int = 0


def to_do(study: Study | LmStudy, jobs: Graph) -> ToDo:
    """The jobs that would run, and what is left for each of them.

    A training that ran to its update u, and was stopped, has what comes after u left. One that is done and
    whose job would run all the same has nothing left but the job's start, unless what it is trained on may
    change: then it is whole again.

    Raises:
        PlanError: where the results folder cannot be read.
    """
    if not study.results.exists():
        return ToDo(jobs, _counted(jobs.values()))
    if not study.results.is_dir():
        raise PlanError(f"{study.results}: is no folder; results is the study's key for it")
    try:
        with reading(study.results):
            states = _by_job(lm_statuses(study) if isinstance(study, LmStudy) else statuses(study))
            found = {key: states[name] for key, job in jobs.items() if (name := _status_name(job)) in states}
            missing = {key for key, job in jobs.items() if _is_missing(study.results, job, found.get(key))}
            stale = _described_anew(study)
    except ResultsError as error:
        raise PlanError(str(error)) from None
    running = _running(jobs, missing, stale)
    changed = _changed(study.results, jobs, running)
    left = Graph()
    trainings: dict[str, int] = defaultdict(int)
    again = 0
    for key in running:
        job, here = jobs[key], found.get(key)
        if job.rule in TRAINING_RULES and here is not None:
            open_ones = [one for one in here if one.state in OPEN]
            if key in changed:
                trainings[job.rule] += len(here)
                again += len(here) - len(open_ones)
            else:
                trainings[job.rule] += len(open_ones)
                job = replace(job, work=_left(job.work, here, open_ones))
        left[key] = job
    return ToDo(left, dict(trainings), again)


def _counted(jobs: Iterable[Job]) -> dict[str, int]:
    trainings: dict[str, int] = defaultdict(int)
    for job in jobs:
        if job.rule in TRAINING_RULES:
            trainings[job.rule] += job.trainings
    return dict(trainings)


def _by_job(found: Iterable[RunStatus]) -> dict[str, list[RunStatus]]:
    by_job: dict[str, list[RunStatus]] = defaultdict(list)
    for one in found:
        by_job[one.job].append(one)
    return by_job


def _status_name(job: Job) -> str:
    """What `downlaw status` calls a job."""
    return job_name(Path(f"{job.key}.json"))


def _is_missing(results: Path, job: Job, found: list[RunStatus] | None) -> bool:
    if not all((results / output).exists() for output in job.outputs):
        return True
    return found is not None and any(one.state in OPEN for one in found)


def _described_anew(study: Study | LmStudy) -> set[str]:
    """Mixtures that say of other tasks than the study has how well they are aligned with them."""
    if isinstance(study, LmStudy):
        return set()
    stale = set()
    for name in study.mixtures:
        path = study.results / f"subsets/mixtures/{name}/manifest.json"
        with reading(path):
            described = (read_whole(path) or {}).get("tasks")
            if described is not None and set(described) != set(study.tasks):
                stale.add(f"mixture/{name}")
    return stale


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


def _running(jobs: Graph, missing: set[str], stale: set[str]) -> list[str]:
    """Keys of the jobs that run, in the order of the graph.

    A job runs where it is stale, where it is missing and asked for, or needed by one that runs; and where one
    it needs runs.
    """
    running: set[str] = set()
    wanted = [key for key, job in jobs.items() if key in missing and (job.target or job.rule in _ASKED_FOR)]
    wanted += stale
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


def _changed(results: Path, jobs: Graph, running: Iterable[str]) -> set[str]:
    """Of the jobs that run, those whose output may differ from what it was: because text that is read comes
    for the first time, not because it is missing."""
    new: set[str] = set()
    changed: set[str] = set()
    for key in running:
        job = jobs[key]
        if job.rule in _NEW_TEXT and not any((results / output).exists() for output in job.outputs):
            new.add(key)
        if (job.rule in _TRAINED_ON or job.rule in TRAINING_RULES) and any(
            need in changed or need in new for need in job.needs if need not in job.first
        ):
            changed.add(key)
    return changed
