"""The machine that a Snakemake profile describes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import yaml

from .errors import PlanError
from .schedule import Machine

PROFILES = Path("profiles")
ASSUMED_JOBS = 100
"""Of a cluster whose profile names no number: Snakemake itself then asks for one."""
UNLIMITED = sys.maxsize
"""Jobs at once where a profile says `unlimited`."""


def machine_of(
    profile: Path | None = None, cores: int | None = None, gpus: int | None = None, jobs: int | None = None
) -> Machine:
    """A machine of so many cores, GPUs and jobs at once; what is None is taken from the profile.

    Args:
        profile: a name below `profiles/`, a folder with `config.yaml`, or such a file; None: this machine.
        jobs: of a cluster. With a profile whose executor is another one there is no cluster.

    Raises:
        PlanError: where the profile cannot be read.
    """
    found = _read(profile) if profile else {}
    on_cluster = jobs is not None or found.get("executor", "local") not in ("local", "dryrun", "touch")
    stated = found.get("cores")
    if cores is None:
        cores = int(stated) if isinstance(stated, int | float) or str(stated).isdigit() else os.cpu_count()
    if gpus is None and not on_cluster:
        gpus = _resource(found, "gpu")
    if on_cluster and jobs is None:
        jobs = _jobs(found.get("jobs"), profile)
    return Machine(max(1, cores or 1), gpus, jobs, _groups(found) if on_cluster else {})


def _jobs(given: Any, profile: Path | None) -> int:
    """Jobs at once of a profile's key `jobs`.

    Raises:
        PlanError: where it is neither a number above 0 nor `unlimited`.
    """
    if given is None:
        return ASSUMED_JOBS
    if given == "unlimited":
        return UNLIMITED
    if not str(given).isdigit() or int(given) == 0:
        raise PlanError(f"--profile {profile}: jobs: {given!r} is neither a number above 0 nor unlimited")
    return int(given)


def _read(profile: Path) -> dict[str, Any]:
    tried = [profile, profile / "config.yaml", PROFILES / profile / "config.yaml"]
    path = next((path for path in tried if path.is_file()), None)
    if path is None:
        raise PlanError(f"--profile: no profile is at {', '.join(map(str, tried[1:]))}")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PlanError(f"{path}: {str(error).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise PlanError(f"{path}: a profile is a mapping of keys")
    return found


def _resource(found: dict[str, Any], name: str) -> int | None:
    """`name` of the profile's `resources`, a list of name=number or a mapping; None where it is not there."""
    given = found.get("resources") or []
    pairs = given.items() if isinstance(given, dict) else [str(each).partition("=")[::2] for each in given]
    for key, value in pairs:
        if key == name and str(value).isdigit():
            return int(value)
    return None


def _groups(found: dict[str, Any]) -> dict[str, str]:
    given = found.get("groups") or []
    pairs = given.items() if isinstance(given, dict) else [str(each).partition("=")[::2] for each in given]
    return {str(rule): str(group) for rule, group in pairs}
