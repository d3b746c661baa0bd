"""A training that is done once: resumed where it was cut short, never repeated, its updates counted once.

It lies in a folder named by a hash of everything that decides its result. A finished training leaves a
`record.json` there, a diverged one too; every time that it ran is a line of `history.jsonl`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from downlaw.console import say
from downlaw.engine import checkpoints, holding, launch, log, worker
from downlaw.engine.errors import DivergedError, StoppedError
from downlaw.files import digest, read_json, write_aside, write_json
from downlaw.versions import merge, versions

RECORD = "record.json"
HISTORY = "history.jsonl"
OK, DIVERGED = "ok", "diverged"


@dataclass(frozen=True)
class Output:
    """Where a training tells what it does: the rule's log, and a label for progress lines."""

    rule_log: TextIO | None
    label: str


@dataclass(frozen=True)
class Training:
    """What to train, and how.

    Attributes:
        identity: everything that decides the result; its digest names the folder.
        facts: what the record says beside the result.
        architecture: of the model, as `checkpoints.refuse_foreign` takes it.
        arguments: fairseq's, given whether `checkpoint_last.pt` of the folder is continued.
        updates: where it ends.
        first_update: where it begins.
        tokens_per_update: target tokens, if known before.
        keep: keeps what a finished training leaves, and gives the record's lines about it.
        kept: the names of these files, the one to resume from first.
        on_node: held while fairseq runs: what a training needs of its node.
        start_versions: of the software that made the weights it starts from.
    """

    folder: Path
    identity: Mapping[str, Any]
    facts: Mapping[str, Any]
    architecture: Mapping[str, Any]
    arguments: Callable[[bool], Sequence[str]]
    updates: int
    first_update: int
    tokens_per_update: float | None
    keep: Callable[[], Mapping[str, Any]]
    kept: Sequence[str]
    processes: launch.Processes
    on_node: Callable[[], AbstractContextManager[object]]
    start_versions: Mapping[str, Sequence[str]] | None = None


def train_once(training: Training, output: Output) -> dict[str, Any]:
    """The record of a training, made now if there is none.

    Raises:
        StoppedError: where a signal asked it to stop; it has saved.
        EngineError: where fairseq stopped for another reason.
        CheckpointError: where a checkpoint is not the one that belongs here.
    """
    folder = training.folder
    if (folder / RECORD).exists() and not checkpoints.others(folder, training.kept):
        return _on_record(training, output)  # nothing is written, not even by whom the folder is held
    with holding.hold(folder, output.label, say) as held:
        if (folder / RECORD).exists():
            checkpoints.remove_others(folder, training.kept)
            return _on_record(training, output)
        done = checkpoints.prepare_to_resume(folder, training.kept[0])
        if done:
            checkpoints.refuse_foreign(folder / checkpoints.LAST, folder, training.architecture)
            checkpoints.spread_over(folder / checkpoints.LAST, training.processes.count)
        _remember_interrupted(training, held.previous, done)
        with training.on_node():
            record = _train(training, held, done, output)
        write_json(folder / RECORD, record)
        checkpoints.remove_others(folder, training.kept)
        return record


def _on_record(training: Training, output: Output) -> dict[str, Any]:
    if output.rule_log:
        output.rule_log.write(f"trained before: command line and log in {training.folder / 'train.log'}\n")
    return {**read_json(training.folder / RECORD), **training.facts}


def _train(training: Training, held: holding.Hold, done: int, output: Output) -> dict[str, Any]:
    folder, log_path = training.folder, training.folder / "train.log"
    first = max(done, training.first_update)
    worker.import_fairseq()  # before the clock starts: it is no part of the training
    log_bytes = log_path.stat().st_size if log_path.exists() else 0
    held.tell(
        from_update=first,
        update=first,
        updates=training.updates,
        versions=versions(),
        log_bytes=log_bytes,
    )
    held.write()
    stretch = Stretch(training, first, time.monotonic())
    progress = log.ProgressPrinter(output.label, training.updates, training.tokens_per_update)

    def follow(figures: log.TrainingLog) -> None:
        held.tell(update=figures.updates)
        progress(figures)

    try:
        if done < training.updates:
            figures = launch.train(
                training.arguments(done > 0),
                log_path,
                training.processes,
                follow,
                output.rule_log,
                held.check,
            )
        else:  # all updates were made, but the process died before the record was written
            figures = log.read_log(log_path)
        outcome = {"status": OK, "reason": "", **training.keep()}
        stretch.remember(training.updates, "done", figures.device)
    except DivergedError as error:
        figures = error.log
        outcome = {"status": DIVERGED, "reason": str(error)}
        stretch.remember(max(first, figures.updates), "diverged", figures.device)
    except StoppedError as error:
        saved = checkpoints.prepare_to_resume(folder, training.kept[0])
        stretch.remember(max(first, saved), "stopped", log.read_log(log_path).device)
        held.stop(done=True)
        raise StoppedError(f"at update {saved:,} of {training.updates:,}: {error}") from None
    return {
        **training.facts,
        **outcome,
        "identity": digest(training.identity),
        "device": figures.device,
        "training_loss": figures.loss,
        "target_tokens_a_update": round(figures.mean_tokens_per_update, 2),
        "versions": _versions(training),
        "settings": training.identity,
    }


@dataclass(frozen=True)
class Stretch:
    """Updates made by one process, or by one torchrun."""

    training: Training
    first: int
    begun: float

    def remember(self, last: int, ended: str, device: str) -> None:
        """Append them to the history, from which costs and tests count what was really trained."""
        if last > self.first:
            seconds = time.monotonic() - self.begun
            _append(self.training, self.first, last, 0, ended, seconds, device, versions())


def _remember_interrupted(training: Training, dead: holding.Holder | None, done: int) -> None:
    """Append what is not in the history yet: what a process saved, up to `done`, and lost when it died."""
    begun = max(
        (entry["to_update"] for entry in read_history(training.folder)), default=training.first_update
    )
    saved = max(done, training.first_update)
    lost, seconds, made_with = 0, 0.0, {}
    before = log.TrainingLog()
    if dead and dead.log_bytes is not None:  # else it died before it trained
        before = log.read_log(training.folder / "train.log", dead.log_bytes)
        lost = max(0, max(before.updates, dead.update) - saved)
        seconds, made_with = dead.seconds, dead.versions
    if saved > begun or lost:
        first = min(begun, saved)
        _append(training, first, saved, lost, "interrupted", seconds, before.device, made_with)


def _append(
    training: Training,
    first: int,
    last: int,
    lost: int,
    ended: str,
    seconds: float,
    device: str,
    made_with: Mapping[str, str],
) -> None:
    entry = {
        "from_update": first,
        "to_update": last,
        "lost_updates": lost,
        "ended": ended,
        "seconds": round(seconds, 3),
        "device": device,
        "threads": training.processes.threads,
        "processes": training.processes.count,
        "versions": made_with,
    }
    lines = [*read_history(training.folder), entry]
    with write_aside(training.folder / HISTORY) as aside:
        aside.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def read_history(folder: Path) -> list[dict[str, Any]]:
    """Every time that a training ran: its updates that were kept and lost, its seconds and its device."""
    path = folder / HISTORY
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )


def _versions(training: Training) -> dict[str, list[str]]:
    """The versions of what made a result: of its start, then of all stretches."""
    merged = merge(training.start_versions, {})
    for entry in read_history(training.folder):
        merged = merge(merged, entry.get("versions", {}))
    return merged
