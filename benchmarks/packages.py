"""Packages that are compared in environments of their own, so that neither they nor downlaw must fit the
other's Python and versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .curves import Curve
from .results import Run, outcome

HERE = Path(__file__).parent
DONE = "installed"
"""A file with the requirements, written into an environment when it is complete."""


class PackageError(Exception):
    """A package could not be installed or run here; the message says why."""


@dataclass(frozen=True)
class Package:
    """A package on PyPI, the oldest Python that it installs on, and the worker that drives it."""

    name: str
    python: tuple[int, int]
    worker: str

    @property
    def requirements(self) -> Path:
        return HERE / f"requirements-{self.name}.txt"


CHINCHILLA = Package("chinchilla", (3, 11), "chinchilla_package.py")
SIMPLE_SCALING_LAWS = Package("simple-scaling-laws", (3, 12), "simple_scaling_laws_package.py")


def default_folder() -> Path:
    """Where environments are kept: the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "downlaw" / "benchmarks"


def environment(package: Package, folder: Path, pythons: Sequence[str] = ()) -> Path:
    """The Python of the package's environment under `folder`, which is made where it is not yet.

    `pythons` are tried before those on the search path. Raises PackageError where no Python is new enough or
    the installation fails.
    """
    home = folder / package.name
    python, wanted = home / "bin" / "python", package.requirements.read_text(encoding="utf-8")
    if (home / DONE).is_file() and (home / DONE).read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(home, ignore_errors=True)
    base = find_python(package.python, [*pythons, *_pythons_on_path()])
    _checked([base, "-m", "venv", str(home)], f"no environment for {package.name} could be made")
    _checked(
        [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(package.requirements)],
        f"{package.name} could not be installed",
    )
    (home / DONE).write_text(wanted, encoding="utf-8")
    return python


def find_python(oldest: tuple[int, int], candidates: Iterable[str]) -> str:
    """The first interpreter that is at least this version; raises PackageError where there is none."""
    ask = "import sys; print(*sys.version_info[:2])"
    for candidate in candidates:
        try:
            answer = subprocess.run([candidate, "-c", ask], capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if answer.returncode == 0 and tuple(map(int, answer.stdout.split())) >= oldest:
            return candidate
    wanted = ".".join(map(str, oldest))
    raise PackageError(f"it needs Python {wanted} or newer, and none was found; name one with --python PATH")


def run_package(
    package: Package,
    curves: Sequence[Curve],
    run: Run,
    *,
    folder: Path,
    pythons: Sequence[str] = (),
    limit_s: float,
    samples: int = 0,
) -> Run:
    """Fit the curves by a package's worker and keep what it found in `run`, or why there is nothing.

    The worker stops before a new curve once it has fitted for `limit_s` processor seconds. With `samples` it
    draws so many bootstrap samples a curve, and gives no parameters.
    """
    try:
        python = environment(package, folder, pythons)
        found = _work(python, package, _task(curves, run.delta, limit_s, samples))
    except PackageError as error:
        run.reason = str(error)
        return run
    run.version = f"{found['version']} (Python {found['python']})"
    by_name = {curve.name: curve for curve in curves}
    for fit in found["fits"]:
        curve = by_name[fit["name"]]
        run.outcomes[curve.name] = outcome(curve, fit["seconds"], fit["parameters"], fit["failure"])
    return run


def _task(curves: Sequence[Curve], delta: float, limit_s: float, samples: int) -> dict:
    return {
        "limit_s": limit_s,
        "curves": [
            {
                "name": curve.name,
                "inputs": curve.inputs.tolist(),
                "values": curve.values.tolist(),
                "delta": delta if delta != float("inf") else None,
                "samples": samples,
            }
            for curve in curves
        ],
    }


def _work(python: Path, package: Package, task: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        asked, found = Path(folder) / "curves.json", Path(folder) / "results.json"
        asked.write_text(json.dumps(task), encoding="utf-8")
        command = [str(python), str(HERE / "workers" / package.worker), str(asked), str(found)]
        _checked(command, f"{package.name} failed")
        return json.loads(found.read_text(encoding="utf-8"))


def _checked(command: list[str], complaint: str) -> None:
    """Run a command to its end; raises PackageError with the last line that it said."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        raise PackageError(f"{complaint}: {said[-1]}")


def _pythons_on_path() -> list[str]:
    names = ["python3", *(f"python3.{minor}" for minor in range(11, 20))]
    return [sys.executable, *filter(None, map(shutil.which, names))]
