"""The two kinds of training: a segment of a pretraining chain, and a finetuned run.

Each is trained once, in a folder named by a hash of everything that decides its result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from downlaw.console import say
from downlaw.engine import checkpoints, commands, flops, gpus, scratch
from downlaw.engine.launch import Processes
from downlaw.engine.once import DIVERGED, OK, RECORD, Output, Training, train_once
from downlaw.files import digest, read_json
from downlaw.study import LmStudy, Study
from downlaw.study.compute import TrainingResources
from downlaw.study.matrix import Run, Segment
from downlaw.study.training import Model

CHECKPOINT = "checkpoint.pt"
"""What a larger Dp continues: weights, optimizer, schedule and data position."""
MODEL = "model.pt"
"""Weights alone, from which finetunings start."""

DIVERGED_IN_PRETRAINING = "diverged in pretraining"


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
        return {
            **facts,
            "status": DIVERGED,
            "reason": previous["reason"],
            "identity": digest(identity),
            "versions": previous.get("versions"),
        }
    processes = processes_of(study, study.resources.pretrain)
    start = chain_end(previous, folder, output)

    def arguments(resuming: bool) -> list[str]:
        restored = restored_from(start, previous, folder, processes) if start and not resuming else None
        return commands.pretraining(
            study, data, folder, segment.updates, segment.seed, restored, processes.count
        )

    def keep() -> dict[str, str]:
        weights = checkpoints.keep_weights(folder, segment.updates, MODEL)
        whole = checkpoints.keep_last(folder, segment.updates, CHECKPOINT)
        return {
            "checkpoint": str(folder / CHECKPOINT),
            "sha256": whole,
            "model": str(folder / MODEL),
            "model_sha256": weights,
        }

    record = train_once(
        Training(
            folder, identity, facts, architecture(study.model), arguments, segment.updates,
            first_update=previous["updates"] if start else 0,
            tokens_per_update=study.pretrain.tokens_per_update,
            keep=keep, kept=(CHECKPOINT, MODEL), processes=processes,
            on_node=lambda: on_node(study, data, processes),
            start_versions=previous.get("versions") if start else None,
        ),
        output,
    )  # fmt: skip
    if start and "model" in previous and study.pretrain.keep_optimizer == "last" and record["status"] == OK:
        start.unlink(missing_ok=True)
    return record


def restored_from(start: Path, record: Mapping[str, Any], folder: Path, processes: Processes) -> Path | None:
    """What fairseq is told to continue from; None where a copy for another number of processes lies in
    `folder` as its last checkpoint.

    Raises:
        CheckpointError: where `start` is not the file on record.
    """
    checkpoints.verify(start, record["sha256"])
    return None if checkpoints.spread_over(start, processes.count, folder) else start


def chain_end(previous: Mapping[str, Any] | None, folder: Path, output: Output) -> Path | None:
    """What a segment continues; None where it trains from zero, or did so before in `folder`."""
    if previous is None:
        return None
    path = Path(previous["checkpoint"])
    if path.exists():
        return path
    if not (folder / RECORD).exists():
        say(
            f"{output.label}: {path} was not kept, so this trains from zero, with the same result "
            f"({previous['tokens']:,} tokens more to read)"
        )
    return None


def processes_of(study: Study | LmStudy, asked: TrainingResources) -> Processes:
    return Processes(asked.processes, asked.nodes, study.compute.threads)


@contextmanager
def on_node(study: Study | LmStudy, data: Path, processes: Processes) -> Iterator[None]:
    """Have a training's data on scratch, then hold its GPUs."""
    if processes.nodes == 1:
        scratch.read_from_scratch(data, study.compute.scratch)
    elif study.compute.scratch:
        say(f"compute.scratch: a training on several nodes reads {data} where it is")
    with gpus.held(study.compute.device, processes.count // processes.nodes):
        yield


def architecture(model: Model) -> dict[str, Any]:
    """What its checkpoints must be of."""
    return {"arch": "transformer", **model.model_dump()}


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
        passed_on = {"status": DIVERGED_IN_PRETRAINING, "reason": start["reason"]}
        return {**facts, **passed_on, "versions": start.get("versions")}
    identity = finetuning_identity(study, run, subset, start["identity"] if start else None)
    folder = root / digest(identity)
    weights, sha256 = _weights(start) if start else (None, "")
    processes = processes_of(study, study.resources.finetune)

    def arguments(resuming: bool) -> list[str]:
        if weights and not resuming:
            checkpoints.verify(weights, sha256)
        return commands.finetuning(
            study, run.task, data, folder, run.learning_rate, run.seed,
            None if resuming else weights, processes.count,
        )  # fmt: skip

    def keep() -> dict[str, str]:
        best = study.finetune.checkpoint == "best"
        sha256 = checkpoints.keep_weights(folder, study.finetune.updates, MODEL, best)
        return {"checkpoint": str(folder / MODEL), "sha256": sha256}

    return train_once(
        Training(
            folder, identity, facts, architecture(study.model), arguments, study.finetune.updates,
            first_update=0, tokens_per_update=None, keep=keep, kept=(MODEL,), processes=processes,
            on_node=lambda: on_node(study, data, processes),
            start_versions=start.get("versions") if start else None,
        ),
        output,
    )  # fmt: skip


def _weights(start: Mapping[str, Any]) -> tuple[Path, str]:
    """What finetunings start from, with its sha256; segments of older versions have one file for all."""
    if "model" in start:
        return Path(start["model"]), start["model_sha256"]
    return Path(start["checkpoint"]), start["sha256"]
