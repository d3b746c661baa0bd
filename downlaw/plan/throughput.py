"""How fast a machine is: measured by a calibration, or stated by a person. Kept as a small JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from downlaw.files import write_json

from .errors import PlanError
from .reference import CALIBRATION

ALL_TRAININGS = "flops_per_second"
"""A stated speed of every kind of training that has none of its own."""

ABOUT = "about"
"""The key of what a calibration says of itself beside its numbers."""


@dataclass(frozen=True)
class Throughput:
    """Speeds of one process of a training (one GPU, or `compute.threads` cores) and of jobs on text.

    Attributes:
        pretraining_flops_per_second, finetuning_flops_per_second, overtraining_flops_per_second: operations
            as `downlaw.engine.flops` counts them; finetuning's are those of full updates.
        update_seconds: of an update of a language model beside its operations.
        start_seconds: until a training job has imported torch and fairseq.
        training_seconds: of a training beside its updates: data, model, the save at its end.
        decoded_segments_per_second: test segments translated, with the study's beam; 0: not known.
        cleaned_texts_per_second: segments, a pair counts twice.
        tokenized_pieces_per_second: by SentencePiece.
        unit_seconds: of the piece of work that jobs of fixed cost are scaled by.
        training_memory_mb: most resident memory of a training job; 0: not known.
        about: what was measured, and on what; empty for stated speeds.
        assumed: keys that were neither measured nor stated.
    """

    pretraining_flops_per_second: float = 0.0
    finetuning_flops_per_second: float = 0.0
    overtraining_flops_per_second: float = 0.0
    update_seconds: float = 0.0
    start_seconds: float = CALIBRATION["start_seconds"]
    training_seconds: float = CALIBRATION["training_seconds"]
    decoded_segments_per_second: float = 0.0
    cleaned_texts_per_second: float = CALIBRATION["cleaned_texts_per_second"]
    tokenized_pieces_per_second: float = CALIBRATION["tokenized_pieces_per_second"]
    unit_seconds: float = CALIBRATION["unit_seconds"]
    training_memory_mb: float = 0.0
    about: Mapping[str, Any] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()

    def training_speed(self, rule: str) -> float:
        """FLOPs/s of one process of a training job.

        Raises:
            PlanError: where it is neither measured nor stated.
        """
        key = {
            "pretrain": "pretraining_flops_per_second",
            "finetune": "finetuning_flops_per_second",
            "overtrain": "overtraining_flops_per_second",
        }[rule]
        if not (speed := getattr(self, key)):
            raise PlanError(
                f"the speed of rule {rule} is not known: state {key} or {ALL_TRAININGS}, or measure it with "
                "--calibrate"
            )
        return speed

    @property
    def slowness(self) -> float:
        """Seconds here for a second of the jobs of fixed cost where they were measured."""
        return self.unit_seconds / CALIBRATION["unit_seconds"]


NUMBERS = tuple(one.name for one in fields(Throughput) if one.name not in ("about", "assumed"))
"""The keys of a file of speeds."""

_MAY_BE_ZERO = {"update_seconds", "start_seconds", "training_seconds", "training_memory_mb"}


def write_throughput(path: Path, speed: Throughput) -> None:
    """Write speeds so that `read_throughput` reads the same."""
    numbers = {key: getattr(speed, key) for key in NUMBERS if key not in speed.assumed}
    write_json(path, {**numbers, **({ABOUT: dict(speed.about)} if speed.about else {})})


def read_throughput(path: Path) -> Throughput:
    """Speeds from a file: an object with some of the keys of `Throughput` and `flops_per_second`.

    Raises:
        PlanError: where the file is missing or no such object, or a key is unknown or no number above 0.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise PlanError(f"{path}: is no JSON: {error}") from None
    return throughput_of(found, str(path))


def throughput_of(found: Any, where: str) -> Throughput:
    """Speeds of a JSON value; `where` is named in errors.

    Raises:
        PlanError: as `read_throughput` does.
    """
    if not isinstance(found, dict):
        raise PlanError(f"{where}: an object is needed, such as {{{json.dumps(ALL_TRAININGS)}: 1.2e14}}")
    about = found.get(ABOUT, {})
    if not isinstance(about, dict):
        raise PlanError(f"{where}: {ABOUT}: an object is needed")
    known = (*NUMBERS, ALL_TRAININGS)
    numbers = {key: _number(where, key, value, known) for key, value in found.items() if key != ABOUT}
    if not numbers:
        raise PlanError(f"{where}: states no speed; it may have {', '.join(known)}")
    every = numbers.pop(ALL_TRAININGS, None)
    if every is not None:
        for key in NUMBERS:
            if key.endswith(ALL_TRAININGS):
                numbers.setdefault(key, every)
    assumed = tuple(key for key in NUMBERS if key not in numbers)
    return replace(Throughput(), **numbers, about=about, assumed=assumed)


def _number(where: str, key: str, value: Any, known: tuple[str, ...]) -> float:
    if key not in known:
        raise PlanError(f"{where}: {key}: no such key; known are {', '.join(known)}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PlanError(f"{where}: {key}: {value!r} is no number")
    try:
        value = float(value)
    except OverflowError:
        raise PlanError(f"{where}: {key}: is too large a number") from None
    if not math.isfinite(value):
        raise PlanError(f"{where}: {key}: {value!r} is no number")
    if value < 0 or (value == 0 and key not in _MAY_BE_ZERO):
        raise PlanError(f"{where}: {key}: {value:g} must be above 0")
    return value
