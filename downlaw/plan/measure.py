"""One process of a calibration: start, train a little, decode a little, clean and tokenize a little.

Started as `python -m downlaw.plan.measure FOLDER NAME BEGUN`, several of them side by side where a study's
jobs would run so. Reads `FOLDER`/task.json, works in `FOLDER`/NAME, says each step on standard output, and
leaves its numbers in `FOLDER`/NAME.json.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from downlaw.engine import commands, gpus, launch, worker
from downlaw.engine.flops import pretraining_flops
from downlaw.files import read_json, write_json
from downlaw.study import LmStudy, Study, load_study
from downlaw.study.compute import Compute
from downlaw.study.grid import Cell, cells

from . import made_up
from .other_work import text, unit
from .update_flops import finetuning_flops, flops_of_update

FEW = 2
"""Updates of the training that shows what a training takes beside its updates."""
LEAST_SECONDS = 2.0
"""What the further updates must take, so that their speed is known well enough."""
ASSUMED_FLOPS = 2e10
"""FLOPs/s from which the number of updates is first chosen."""
SECONDS = 5.0
"""What the updates of a training are to take."""
DECODED = 100
FIRST_UPDATES, MOST_UPDATES = 40, 4000
"""Tried first at most, and at all."""

Arguments = Callable[[int, Path], Sequence[str]]
"""fairseq's arguments for so many updates, saved in a folder."""


def main() -> None:
    folder, name, begun = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    task = read_json(folder / "task.json")
    study = load_study(task["study"])
    worker.import_fairseq()
    found: dict[str, Any] = {"start_seconds": time.time() - begun}
    _say("started")
    work = folder / name
    work.mkdir()
    if isinstance(study, LmStudy):
        found |= language_models(study, work, task["models"])
    else:
        found |= translation(study, work)
    found["unit_seconds"] = unit()
    _say("fitted laws")
    found |= text(study, work)
    _say("cleaned text")
    write_json(folder / f"{name}.json", found)


def _say(step: str) -> None:
    print(step, flush=True)


def train(arguments: Arguments, flops_per_update: float, work: Path, compute: Compute) -> dict[str, float]:
    """Train twice, a few updates and some more: what an update takes, and a training beside its updates.

    Args:
        flops_per_update: as `downlaw.engine.flops` counts them.

    Returns:
        `update_seconds`, `training_seconds` and `updates`.
    """
    few = _trained(arguments, FEW, work / f"updates{FEW}", compute)
    more = int(np.clip(SECONDS * ASSUMED_FLOPS / flops_per_update, 4, FIRST_UPDATES))
    while True:
        both = _trained(arguments, FEW + more, work / f"updates{FEW + more}", compute)
        if both - few >= LEAST_SECONDS or more >= MOST_UPDATES:
            break
        more = min(MOST_UPDATES, 4 * more)
    update = max(1e-6, (both - few) / more)
    return {"update_seconds": update, "training_seconds": max(0.0, few - FEW * update), "updates": more}


def _trained(arguments: Arguments, updates: int, folder: Path, compute: Compute) -> float:
    """Seconds of a training; it holds a GPU where it uses one, as any other does."""
    folder.mkdir(parents=True)
    processes = launch.Processes(threads=compute.threads)
    with gpus.held(compute.device, 1):
        begun = time.perf_counter()
        launch.train(arguments(updates, folder), folder / "train.log", processes, lambda log: None)
        return time.perf_counter() - begun


def _memory_mb() -> float:
    """Of a job's process and of its largest child."""
    each = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each) / 1e3


def translation(study: Study, work: Path) -> dict[str, float]:
    generator = np.random.default_rng(1)
    vocabulary, finetune = study.tokenizer.vocabulary, study.finetune
    mixture, subset = work / "mixture", work / "subset"
    made_up.write_blocks(study, 64 * study.pretrain.blocks_per_update, mixture, generator)
    task = next(iter(study.tasks))
    pairs = min(finetune.pairs[-1], 200 * finetune.tokens_per_update // 20)
    made_up.write_pairs(study, task, max(50, pairs), DECODED, subset, generator)
    pretraining = pretraining_flops(study.model, vocabulary, study.pretrain, 1)
    finetuning = finetuning_flops(study)
    one = train(
        lambda updates, folder: commands.pretraining(study, mixture, folder, updates, 1, None),
        pretraining,
        work / "pretrain",
        study.compute,
    )
    _say("pretrained")
    two = train(
        lambda updates, folder: commands.finetuning(
            _with_updates(study, updates), task, subset, folder, 1e-3, 1, None
        ),
        finetuning,
        work / "finetune",
        study.compute,
    )
    _say("finetuned")
    memory = _memory_mb()
    speed = _decoding_speed(study, work / "finetune", subset)
    _say("translated")
    return {
        "pretraining_flops_per_second": pretraining / one["update_seconds"],
        "finetuning_flops_per_second": finetuning / two["update_seconds"],
        "training_seconds": (one["training_seconds"] + two["training_seconds"]) / 2,
        "decoded_segments_per_second": speed,
        "training_memory_mb": memory,
        "pretraining_updates": one["updates"],
        "finetuning_updates": two["updates"],
    }


def _with_updates(study: Study, updates: int) -> Study:
    return study.model_copy(update={"finetune": study.finetune.model_copy(update={"updates": updates})})


def _decoding_speed(study: Study, trained: Path, subset: Path) -> float:
    """Segments a second of a model of the study's shape. One that has learned nothing would not end, so that
    hypotheses are as long as their sources at most, as those of trained models are on average."""
    from downlaw.engine import scoring

    (model, *_) = sorted(trained.glob("*/checkpoint_last.pt"))
    settings = study.evaluate.model_copy(update={"max_length_ratio": 0.5})
    begun = time.perf_counter()
    request = scoring.Request(
        model,
        subset / "test.source",
        subset / "test.target",
        trained / "test.scores.jsonl",
        trained / "test.hypotheses.json",
    )
    scoring.score_models([request], settings, study.compute.threads, study.compute.device == "cuda")
    return DECODED / (time.perf_counter() - begun)


def language_models(study: LmStudy, work: Path, models: Sequence[str]) -> dict[str, float]:
    """The speed of the smallest and of the largest size that is measured: a time for each update, and one for
    each operation."""
    generator = np.random.default_rng(1)
    mixture = work / "mixture"
    most = max(study.overtrain.of(name).blocks_per_update for name in models)
    made_up.write_blocks(study, 64 * most, mixture, generator)
    flops, seconds, beside, updates = [], [], [], {}
    for name in models:
        cell = next(one for one in cells(study) if one.model == name)
        flops.append(flops_of_update(study, name))
        measured = train(_stretch(study, cell, mixture), flops[-1], work / name, study.compute)
        _say(f"trained {name}")
        seconds.append(measured["update_seconds"])
        beside.append(measured["training_seconds"])
        updates[f"{name}_updates"] = measured["updates"]
    each = max(0.0, (seconds[-1] - seconds[0]) / (flops[-1] - flops[0])) if len(models) > 1 else 0.0
    fixed = max(0.0, seconds[0] - each * flops[0])
    if not each:  # sizes alike, or noise: operations alone
        each, fixed = sum(seconds) / sum(flops), 0.0
    return {
        "overtraining_flops_per_second": 1 / each,
        "update_seconds": fixed,
        "training_seconds": sum(beside) / len(beside),
        "training_memory_mb": _memory_mb(),
        **updates,
    }


def _stretch(study: LmStudy, cell: Cell, mixture: Path) -> Arguments:
    def arguments(updates: int, folder: Path) -> Sequence[str]:
        return commands.language_modeling(study, cell, mixture, folder, commands.Stretch(updates), None)

    return arguments


if __name__ == "__main__":
    main()
