"""A small calibration: how fast this machine starts, trains, translates and reads text, for one study."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil

from downlaw.files import read_json, write_json
from downlaw.study import LmStudy, Study

from .errors import PlanError
from .same_machine import measured_with
from .schedule import Machine
from .throughput import NUMBERS, Throughput, throughput_of
from .update_flops import flops_of_update

MOST_FLOPS = 3e11
"""Of an update: more would take a CPU a minute or so."""
MOST_PROCESSES = 4
"""Measured side by side, at most."""

Say = Callable[[str], None]


def calibrate(study: Study | LmStudy, machine: Machine, say: Say = lambda line: None) -> Throughput:
    """Measure the speed of this machine for a study, in about a minute on two slow cores.

    As many processes as the study's trainings would run side by side, but at most `MOST_PROCESSES`, each do
    what a training job does: import torch and fairseq, train the study's model for some updates in its
    batches and translate some segments; then they fit laws and clean and tokenize made-up text. The means are
    kept.

    Args:
        say: is told each step.

    Raises:
        PlanError: where the model is too large for it, or a process fails, with its last words.
    """
    models = _models(study)
    processes = side_by_side(study, machine)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="downlaw-plan-") as aside:
        folder = Path(aside)
        task = {"study": study.model_dump(mode="json", exclude_none=True), "models": models}
        write_json(folder / "task.json", task)
        say("importing torch and fairseq")
        _run(
            [[sys.executable, "-c", "from downlaw.engine import worker; worker.import_fairseq()"]],
            folder,
            say,
        )
        names = [f"process{number}" for number in range(processes)]
        module = [sys.executable, "-m", "downlaw.plan.measure", str(folder)]
        _run([[*module, name, repr(time.time())] for name in names], folder, say)
        found = [read_json(folder / f"{name}.json") for name in names]
    means = {key: fmean(one[key] for one in found) for key in found[0]}
    about = _about(study, processes, means, time.monotonic() - begun)
    return throughput_of(
        {**{key: means[key] for key in NUMBERS if key in means}, "about": about}, "calibration"
    )


def side_by_side(study: Study | LmStudy, machine: Machine) -> int:
    """Trainings that run at once on this machine."""
    if study.compute.device == "cuda":
        return max(1, min(MOST_PROCESSES, machine.gpus or 1))
    cores = min(machine.cores, os.cpu_count() or 1)
    return max(1, min(MOST_PROCESSES, cores // study.compute.threads))


def _models(study: Study | LmStudy) -> list[str]:
    """Sizes of language models to measure: the smallest, and the largest that is small enough.

    Raises:
        PlanError: where an update of even the smallest model is too large for a calibration.
    """
    most = MOST_FLOPS if study.compute.device == "cpu" else 1000 * MOST_FLOPS
    if isinstance(study, LmStudy):
        by_size = sorted(study.overtrain.models, key=lambda name: study.parameters(name).total)
        fitting = [name for name in by_size if flops_of_update(study, name) <= most]
        least = flops_of_update(study, by_size[0])
    else:
        fitting = [""] if flops_of_update(study) <= most else []
        least = flops_of_update(study)
    if not fitting:
        raise PlanError(
            f"an update of this study takes {least:.1e} operations, too many for a calibration here: state "
            "speeds with --throughput, or calibrate on the machine that is to train"
        )
    return list(dict.fromkeys((fitting[0], fitting[-1]))) if isinstance(study, LmStudy) else []


def _run(commands: list[list[str]], folder: Path, say: Say) -> None:
    """Run processes side by side to their end; the first one's lines are passed on.

    Raises:
        PlanError: where one fails, with its last words.
    """
    logs = [(folder / f"output{number}.log").open("w+", encoding="utf-8") for number in range(len(commands))]
    children = []
    try:
        for number, command in enumerate(commands):
            out = subprocess.PIPE if number == 0 else subprocess.DEVNULL
            children.append(
                subprocess.Popen(command, stdout=out, stderr=logs[number], text=True, env=_environment())
            )
        for line in children[0].stdout:
            say(line.strip())
        codes = [child.wait() for child in children]
        for code, log in zip(codes, logs, strict=True):
            if code:
                log.seek(0)
                said = [line for line in log.read().splitlines() if line.strip()]
                raise PlanError(
                    f"the calibration failed with code {code}: {said[-1] if said else 'nothing said'}"
                )
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()
        for log in logs:
            log.close()


def _environment() -> dict[str, str]:
    """A child that is forked from a process with threads of torch may hang, so that this has none."""
    return {**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}


def _about(study: Study | LmStudy, processes: int, means: dict[str, float], seconds: float) -> dict[str, Any]:
    return {
        "study": study.study,
        **measured_with(study),
        "side_by_side": processes,
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "processor": platform.processor() or platform.machine(),
        **{key: round(value) for key, value in means.items() if key.endswith("_updates")},
        "seconds": round(seconds, 1),
    }
