"""What a study's results folder keeps of its plan: the last calibration, and the plan made before it ran."""

from __future__ import annotations

import time
from pathlib import Path

from downlaw.files import write_json
from downlaw.study import LmStudy, Study

from .calibration import Say, calibrate
from .estimate import Plan, as_json
from .same_machine import refuse_other_device
from .schedule import Machine
from .throughput import Throughput, read_throughput, write_throughput


def calibration_path(study: Study | LmStudy) -> Path:
    return study.results / "plan/calibration.json"


def plan_path(study: Study | LmStudy) -> Path:
    return study.results / "plan/plan.json"


def calibrate_anew(study: Study | LmStudy, machine: Machine, say: Say = lambda line: None) -> Throughput:
    """Measure this machine, and keep what was found for later plans.

    Raises:
        PlanError: as `calibrate` does.
    """
    speed = calibrate(study, machine, say)
    write_throughput(calibration_path(study), speed)
    return speed


def last_calibration(study: Study | LmStudy) -> Throughput | None:
    """What was found last; None where nothing was measured.

    Raises:
        PlanError: where the file cannot be read, or is of another device than the study's.
    """
    path = calibration_path(study)
    return stated_speeds(study, path) if path.exists() else None


def stated_speeds(study: Study | LmStudy, path: Path) -> Throughput:
    """Speeds from a file that a person wrote, or a calibration, of this study or of one like it.

    Raises:
        PlanError: as `last_calibration` does.
    """
    speed = read_throughput(path)
    refuse_other_device(study, speed, str(path))
    return speed


def write_plan(path: Path, made: Plan) -> None:
    """Write a plan and when it was made, to be compared with what runs after that."""
    write_json(path, {**as_json(made), "made_at": round(time.time(), 3)})


def store(study: Study | LmStudy, made: Plan) -> Path:
    """Keep a plan where `downlaw plan --actual` looks for it; the path."""
    path = plan_path(study)
    write_plan(path, made)
    return path
