"""How far a study is: the state of every training and of every run's scores, from the files that there are.

Nothing is written, locked or loaded, and every file is read at most once: this can be asked while a workflow
runs, and costs what the study has runs.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from downlaw.engine.holding import HOLDER, Holder, has_died, read_holder
from downlaw.engine.once import HISTORY, OK, RECORD, read_history
from downlaw.engine.training import DIVERGED_IN_PRETRAINING, finetuning_identity, pretraining_identity
from downlaw.files import digest, read_json
from downlaw.job_logs import errors, job_log, last_error, tail
from downlaw.study import LmStudy, Study
from downlaw.study.matrix import Run, Start, runs, segments, starts
from downlaw.study.overtrain import multiplier_name
from downlaw.unreadable import reading

DONE, RUNNING, CRASHED, DIVERGED, TO_DO = "done", "running", "crashed", "diverged", "to do"
STATES = (DONE, RUNNING, CRASHED, DIVERGED, TO_DO)
OPEN = (TO_DO, CRASHED, RUNNING)
"""Of runs that are still to be trained or scored."""
STAGES = ("pretrain", "finetune", "overtrain", "evaluate")
WITHOUT_OUTPUT = ("plan", "archive", "prefetch")
"""Rules that a study can do without: what they were refused for says nothing of the study."""
SILENT_SECONDS = 120.0
"""A training on another host that has not told of itself for so long counts as dead."""

_PERIODIC = re.compile(r"checkpoint_\d+_(\d+)\.pt")
_SAVED = re.compile(r"Saved checkpoint .* @ (\d+) updates")


@dataclass(frozen=True)
class RunStatus:
    """The state of a training (stages pretrain and finetune), or of the scores of a run (evaluate).

    Attributes:
        tokens: Dp or D as asked, 0 for the baseline.
        model: of the over-training track, as `multiplier` is: tokens a parameter.
        state: one of STATES.
        update: how far a training is; where one that crashed goes on.
        first_update: where it begins, once what it continues is done.
        reason: why it crashed or diverged, or who runs it.
        versions: of the software that made it, where that is on record.
        job: of the workflow, named as its log is in the folder `logs`.
        folder: where the training lies, as far as that is known.
    """

    stage: str
    task: str | None
    mixture: str
    pretraining_seed: int
    tokens: int
    pairs: int | None = None
    learning_rate: float | None = None
    finetuning_seed: int | None = None
    model: str | None = None
    multiplier: float | None = None
    state: str = TO_DO
    update: int = 0
    updates: int = 0
    first_update: int = 0
    reason: str = ""
    versions: Mapping[str, list[str]] | None = None
    job: str = ""
    folder: str | None = None

    @property
    def name(self) -> str:
        if self.model is not None:
            size = f"{self.mixture} {self.model} M {multiplier_name(self.multiplier)}"
            return f"{self.stage} {size} seed {self.pretraining_seed}"
        start = f"{self.mixture} seed {self.pretraining_seed} at {self.tokens:,} tokens"
        if self.task is None:
            return f"pretrain {start}"
        run = f"Df {self.pairs:,} rate {self.learning_rate:g} seed {self.finetuning_seed}"
        return f"{self.stage} {self.task} from {start if self.tokens else 'nothing'}, {run}"


def statuses(study: Study) -> list[RunStatus]:
    """Every training of a study in the order of training, then the scores of every run."""
    chains: dict[Start, RunStatus] = {}
    identities: dict[Start, str | None] = {}
    for start, identity, status in _segments(study):
        chains[start], identities[start] = status, identity
    batches = list(_batches(study, chains, identities))
    finetuned = [run for _, batch in batches for run in batch]
    scored = [run for path, batch in batches for run in _scores(study, path, batch)]
    return [*chains.values(), *finetuned, *scored]


def _segments(study: Study) -> Iterator[tuple[Start, str | None, RunStatus]]:
    subsets = study.results / "subsets/mixtures"
    manifests = {name: read_whole(subsets / name / "manifest.json") for name in study.mixtures}
    for segment in segments(study):
        start = Start(segment.mixture, segment.seed, segment.tokens_asked)
        path = Path("pretrain", _path(start))
        first = 0 if segment.previous is None else study.pretrain.updates(segment.previous)
        status = RunStatus(
            "pretrain", None, start.mixture, start.seed, start.tokens_asked,
            updates=segment.updates, first_update=first, job=job_name(path),
        )  # fmt: skip
        record, manifest = read_whole(study.results / path), manifests[start.mixture]
        with reading(subsets / start.mixture / "manifest.json"):
            known = digest(pretraining_identity(study, segment, manifest)) if manifest else None
        with reading(study.results / path):
            identity = known or (record or {}).get("identity")
            place = study.results / path.with_suffix("")
            status = training_state(status, place, identity, [record] if record else [])
        (status,) = explained(study, [status])
        yield start, identity, status


def _batches(
    study: Study, chains: Mapping[Start, RunStatus], identities: Mapping[Start, str | None]
) -> Iterator[tuple[Path, list[RunStatus]]]:
    """The finetunings that share a start, and where their record lies in `finetune`."""
    for task in study.tasks:
        folder = study.results / "subsets/tasks" / task
        subsets = {pairs: read_whole(folder / str(pairs) / "manifest.json") for pairs in study.finetune.pairs}
        for start in starts(study):
            path = Path(task) / _path(start)
            records = read_whole(study.results / "finetune" / path) or []
            known = start.is_baseline or identities[start] is not None
            batch, job = [], job_name("finetune" / path)
            for run in runs(study, task, start):
                status = _run_status(study, run, job)
                if not start.is_baseline and chains[start].state == DIVERGED:
                    reason = f"{DIVERGED_IN_PRETRAINING}: {chains[start].reason}"
                    batch.append(replace(status, state=DIVERGED, reason=reason))
                    continue
                identity, subset = None, subsets[run.pairs]
                if subset and known:
                    with reading(folder / str(run.pairs) / "manifest.json"):
                        identity = digest(finetuning_identity(study, run, subset, identities.get(start)))
                with reading(study.results / "finetune" / path):
                    identity = identity or _recorded(records, run)
                    place = study.results / "finetune" / path.with_suffix("")
                    batch.append(training_state(status, place, identity, records))
            yield path, explained(study, batch)


def _run_status(study: Study, run: Run, job: str) -> RunStatus:
    start = run.start
    return RunStatus(
        "finetune",
        run.task,
        start.mixture,
        start.seed,
        start.tokens_asked,
        run.pairs,
        run.learning_rate,
        run.seed,
        updates=study.finetune.updates,
        job=job,
    )


def _recorded(records: Iterable[Mapping[str, Any]], run: Run) -> str | None:
    """The identity of a run by its record, where what it is made from is not there to tell."""
    for record in records:
        if _key(record) == (run.pairs, run.learning_rate, run.seed):
            return record.get("identity")
    return None


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["finetune_pairs"], row["learning_rate"], row["finetuning_seed"]


def training_state(
    status: RunStatus, root: Path, identity: str | None, records: Iterable[Mapping[str, Any]]
) -> RunStatus:
    """The state of the training that lies in `root`/`identity`; None is one whose data is still to come."""
    if identity is None:
        return status
    folder = root / identity
    status = replace(status, folder=str(folder))
    record = next((one for one in records if one.get("identity") == identity), None) or read_whole(
        folder / RECORD
    )
    if record:
        made_by = record.get("versions")
        if record["status"] == OK:
            return replace(status, state=DONE, update=status.updates, versions=made_by)
        return replace(status, state=DIVERGED, reason=record["reason"], versions=made_by)
    holder = read_holder(folder)
    if holder and _lives(folder, holder):
        return replace(status, state=RUNNING, update=holder.update, reason=str(holder))
    saved = _saved(folder)
    if holder:
        return replace(status, state=CRASHED, update=saved, reason=f"{holder} died")
    return replace(status, state=CRASHED, update=saved, reason="stopped, and saved") if saved else status


def _lives(folder: Path, holder: Holder) -> bool:
    died = has_died(holder)
    if died is not None:
        return not died
    try:
        return time.time() - (folder / HOLDER).stat().st_mtime < SILENT_SECONDS
    except FileNotFoundError:  # it has just ended
        return True


def _saved(folder: Path) -> int:
    """The update that a training goes on from, by the names of files and fairseq's log."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    saved = [int(found[1]) for name in names if (found := _PERIODIC.fullmatch(name))]
    if any(name.endswith(".pt") for name in names):
        saved += [int(found) for found in _SAVED.findall(tail(folder / "train.log"))[-1:]]
        with reading(folder / HISTORY):
            saved += [entry["to_update"] for entry in read_history(folder)[-1:]]
    return max(saved, default=0)


def _scores(study: Study, path: Path, batch: Iterable[RunStatus]) -> list[RunStatus]:
    """Whether the runs of a batch are in its table of scores. Those that were not selected need none."""
    with reading(study.results / "evaluate" / path):
        rows = {_key(row) for row in read_whole(study.results / "evaluate" / path) or []}
    found, job = [], job_name("evaluate" / path)
    for run in batch:
        score = to_score(run, job)
        scored = run.state == DONE and (run.pairs, run.learning_rate, run.finetuning_seed) in rows
        if run.state == DIVERGED:
            score = replace(score, state=DIVERGED, reason=run.reason)
        found.append(replace(score, state=DONE) if scored else score)
    return explained(study, found)


def to_score(run: RunStatus, job: str) -> RunStatus:
    """The scores of a run, that are not there yet and that `job` would make."""
    nothing = {"state": TO_DO, "reason": "", "update": 0, "updates": 0, "first_update": 0}
    return replace(run, stage="evaluate", **nothing, versions=None, job=job, folder=None)


def open_metrics(study: Study | LmStudy) -> tuple[str, ...]:
    """Learned metrics of a study that a job of their own is still to score all runs by."""
    if isinstance(study, LmStudy):
        return ()
    asked = [name for name in ("comet", "comet_local") if getattr(study.evaluate, name)]
    return tuple(name for name in asked if read_whole(study.results / f"evaluate/{name}.json") is None)


def job_name(path: Path) -> str:
    """What the log of the job that makes a table is called: of a/b/c.json a/b-c."""
    rule, *names = path.with_suffix("").parts
    return f"{rule}/{'-'.join(names)}"


def explained(study: Study | LmStudy, batch: list[RunStatus]) -> list[RunStatus]:
    """The states of a job's runs, with the error that its log ends in given to the one it stopped at."""
    states = [run.state for run in batch]
    if RUNNING in states or not (CRASHED in states or TO_DO in states):
        return batch
    error = last_error(job_log(study.results, batch[0].job))
    if error:
        stopped = states.index(CRASHED if CRASHED in states else TO_DO)
        batch[stopped] = replace(batch[stopped], state=CRASHED, reason=error)
    return batch


def other_errors(study: Study | LmStudy) -> dict[str, str]:
    """The errors of all other jobs whose last attempt failed, by job."""
    return errors(study.results, leave_out=(*STAGES, *WITHOUT_OUTPUT))


def counts(found: Iterable[RunStatus]) -> dict[tuple[str, str | None, str], Counter[str]]:
    """How many are in each state, by stage, task and mixture, in the order of the study."""
    table: dict[tuple[str, str | None, str], Counter[str]] = {}
    for run in found:
        table.setdefault((run.stage, run.task, run.mixture), Counter())[run.state] += 1
    return table


def mixed_versions(found: Iterable[RunStatus]) -> dict[str, dict[str, int]]:
    """Runs by version, of each part of the software of which there is more than one."""
    made_by = [run.versions for run in found if run.stage in ("finetune", "overtrain") and run.state == DONE]
    names = sorted({name for versions in made_by for name in versions or ()})
    table = {
        name: Counter(" + ".join((versions or {}).get(name, ["unknown"])) for versions in made_by)
        for name in names
    }
    return {name: dict(sorted(counted.items())) for name, counted in table.items() if len(counted) > 1}


def _path(start: Start) -> Path:
    return Path(start.mixture, f"seed{start.seed}", f"{start.tokens_asked}.json")


def read_whole(path: Path) -> Any:
    """The contents of a JSON file; None where there is none, or none that is whole."""
    try:
        return read_json(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
