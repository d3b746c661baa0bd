"""Trainings that are done once: each lies in a folder named by a hash of everything that decides its result.

A finished training leaves a `record.json` there, a diverged one too; asking for it again returns the record.
An unfinished one is resumed from its last save.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from downlaw.engine import checkpoints, commands, flops, launch
from downlaw.files import digest, read_json, write_json
from downlaw.study import Study
from downlaw.study.matrix import Run, Segment

RECORD = "record.json"
HISTORY = "history.jsonl"
CHECKPOINT = "checkpoint.pt"
MODEL = "model.pt"

OK, DIVERGED, DIVERGED_IN_PRETRAINING = "ok", "diverged", "diverged in pretraining"


@dataclass(frozen=True)
class Output:
    """Where a training tells what it does: the rule's log, and a label for progress lines."""

    rule_log: TextIO | None
    label: str


def pretraining_identity(study: Study, segment: Segment, mixture: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that decides a segment's weights. Where the chain was cut is not part of it."""
    return {
        "objective": "text infilling",
        "model": study.model.model_dump(),
        "pretrain": study.pretrain.deciding(),
        "precision": study.compute.precision,
        "vocabulary": mixture["vocabulary"],
        "mixture": mixture["sha256"],
        "seed": segment.seed,
        "updates": segment.updates,
    }


def pretrain_segment(
    study: Study,
    segment: Segment,
    data: Path,
    previous: Mapping[str, Any] | None,
    root: Path,
    output: Output,
) -> dict[str, Any]:
    """Train one segment of a chain, unless it is done.

    Args:
        data: the mixture's folder, with its manifest and `dict.txt`.
        previous: the record of the segment before, None at the start of a chain.
        root: the segment's folder is made in here.

    Returns:
        the segment's record: status, checkpoint with its sha256, updates, tokens seen, FLOPs of the chain.
    """
    mixture = read_json(data / "manifest.json")
    identity = pretraining_identity(study, segment, mixture)
    folder = root / digest(identity)
    facts = {
        "mixture": segment.mixture,
        "seed": segment.seed,
        "tokens_asked": segment.tokens_asked,
        "tokens": segment.tokens,
        "updates": segment.updates,
        "epochs": round(segment.tokens / mixture["tokens"], 4),
        "parameters": flops.parameters(study.model, mixture["vocabulary"]),
        "flops": flops.pretraining_flops(study.model, mixture["vocabulary"], study.pretrain, segment.updates),
    }
    if previous and previous["status"] != OK:
        return {**facts, "status": DIVERGED, "reason": previous["reason"], "identity": digest(identity)}

    def arguments(resuming: bool) -> list[str]:
        start = Path(previous["checkpoint"]) if previous and not resuming else None
        if start:
            checkpoints.verify(start, previous["sha256"])
        return commands.pretraining(study, data, folder, segment.updates, segment.seed, start)

    return _train_once(
        folder, identity, facts, arguments, study, segment.updates,
        first_update=previous["updates"] if previous else 0,
        tokens_per_update=study.pretrain.tokens_per_update,
        keep=lambda: checkpoints.keep_final(folder, segment.updates, CHECKPOINT, weights_only=False),
        kept=CHECKPOINT, output=output,
    )  # fmt: skip


def finetuning_identity(
    study: Study, run: Run, subset: Mapping[str, Any], weights: str | None
) -> dict[str, Any]:
    """Everything that decides a finetuned model: its start, its data, its settings, its seed."""
    left_out = {"pairs", "learning_rates", "seeds"}
    data = subset["sha256"]
    if study.finetune.checkpoint == "last":  # then validation has no say in the weights
        left_out.add("validate_every_updates")
        data = {name: sha256 for name, sha256 in data.items() if name.startswith("train.")}
    task = study.tasks[run.task]
    return {
        "direction": [task.source, task.target],
        "model": study.model.model_dump(),
        "finetune": study.finetune.deciding(*left_out),
        "precision": study.compute.precision,
        "vocabulary": subset["vocabulary"],
        "subset": data,
        "weights": weights,
        "learning_rate": run.learning_rate,
        "seed": run.seed,
    }


def finetune_run(
    study: Study, run: Run, data: Path, start: Mapping[str, Any] | None, root: Path, output: Output
) -> dict[str, Any]:
    """Finetune one model, unless it is done.

    Args:
        data: the finetuning subset's folder.
        start: the record of the pretraining segment, None for the baseline.
        root: the run's folder is made in here.

    Returns:
        the run's record; its status says so where it or its pretraining diverged.
    """
    subset = read_json(data / "manifest.json")
    facts = {
        "task": run.task,
        "mixture": None if run.start.is_baseline else run.start.mixture,
        "pretraining_seed": None if run.start.is_baseline else run.start.seed,
        "pretrain_tokens": start["tokens"] if start else 0,
        "pretrain_tokens_asked": run.start.tokens_asked,
        "pretrain_epochs": start["epochs"] if start else 0.0,
        "pretrain_flops": start["flops"] if start else 0.0,
        "finetune_pairs": run.pairs,
        "finetune_tokens": subset["target_tokens"],
        "learning_rate": run.learning_rate,
        "finetuning_seed": run.seed,
    }
    if start and start["status"] != OK:
        return {**facts, "status": DIVERGED_IN_PRETRAINING, "reason": start["reason"]}
    weights = Path(start["checkpoint"]) if start else None
    identity = finetuning_identity(study, run, subset, start["identity"] if start else None)
    folder = root / digest(identity)

    def arguments(resuming: bool) -> list[str]:
        if weights and not resuming:
            checkpoints.verify(weights, start["sha256"])
        return commands.finetuning(
            study, run.task, data, folder, run.learning_rate, run.seed, None if resuming else weights
        )

    best = study.finetune.checkpoint == "best"
    return _train_once(
        folder, identity, facts, arguments, study, study.finetune.updates,
        first_update=0, tokens_per_update=None,
        keep=lambda: checkpoints.keep_final(
            folder, study.finetune.updates, MODEL, weights_only=True, best=best
        ),
        kept=MODEL, output=output,
    )  # fmt: skip


def _train_once(
    folder: Path,
    identity: Mapping[str, Any],
    facts: Mapping[str, Any],
    arguments: Callable[[bool], list[str]],
    study: Study,
    updates: int,
    *,
    first_update: int,
    tokens_per_update: float | None,
    keep: Callable[[], str],
    kept: str,
    output: Output,
) -> dict[str, Any]:
    record_path = folder / RECORD
    with _only_one(folder):
        if record_path.exists():
            checkpoints.remove_others(folder, kept)
            if output.rule_log:
                output.rule_log.write(f"trained before: command line and log in {folder / 'train.log'}\n")
            return {**read_json(record_path), **facts}
        done = checkpoints.prepare_to_resume(folder, kept)
        launch.import_fairseq()  # before the clock starts: it is no part of the training
        begun = time.monotonic()
        first = max(done, first_update)
        progress = launch.ProgressPrinter(output.label, updates, tokens_per_update)
        log_path = folder / "train.log"
        try:
            if done < updates:
                log = launch.train(
                    arguments(done > 0), log_path, study.compute.threads, progress, output.rule_log
                )
            else:  # all updates were made, but the process died before the record was written
                log = launch.read_log(log_path)
            outcome = {"status": OK, "reason": "", "checkpoint": str(folder / kept), "sha256": keep()}
            last = updates
        except launch.DivergedError as error:
            log = error.log
            outcome = {"status": DIVERGED, "reason": str(error)}
            last = max(first, log.updates)
        if last > first:
            _remember(folder, first, last, begun, log.device, study)
        record = {
            **facts,
            **outcome,
            "identity": digest(identity),
            "device": log.device,
            "training_loss": log.loss,
            "target_tokens_a_update": round(log.mean_tokens_per_update, 2),
            "settings": identity,
        }
        write_json(record_path, record)
        checkpoints.remove_others(folder, kept)
        return record


def _remember(folder: Path, first: int, last: int, begun: float, device: str, study: Study) -> None:
    """Append what was really trained just now; costs and tests count updates from here."""
    seconds = time.monotonic() - begun
    entry = {
        "from_update": first,
        "to_update": last,
        "seconds": round(seconds, 3),
        "device": device,
        "threads": study.compute.threads,
    }
    with (folder / HISTORY).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry) + "\n")


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold a training folder: two processes never train in it at once.

    Raises:
        launch.EngineError: where another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise launch.EngineError(
                f"{folder} is being trained by another process; wait for it or stop it, then run again"
            ) from None
        yield
