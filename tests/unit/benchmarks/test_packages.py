"""Packages in environments of their own, tried on stand-ins for the package and for pip."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from benchmarks import packages
from benchmarks.curves import curves
from benchmarks.packages import Package, PackageError
from benchmarks.results import Run

WORKER = f"""
import sys
sys.path.insert(0, {str(packages.HERE / "workers")!r})
from run_curves import run

def fit(curve):
    if "4" in curve["name"]:
        raise OSError("no luck")
    assert curve["inputs"].shape[1] == 2
    return {{"E": 1.0, "A": 2.0, "alpha": 0.3, "B": 3.0, "beta": len(curve["values"]), "delta": 0.0}}

run("numpy", fit)
"""


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "environment", lambda *_: Path(sys.executable))


def fitted(tmp_path: Path, worker: str, limit_s: float = 60.0) -> Run:
    file = tmp_path / "worker.py"
    file.write_text(worker)
    package = Package("stand-in", (3, 11), str(file))
    run = Run("stand-in", "", "chinchilla", math.inf)
    return packages.run_package(package, curves("chinchilla", 5), run, folder=tmp_path, limit_s=limit_s)


def test_a_worker_fits_curves_and_its_failures_are_its_own(tmp_path, here):
    run = fitted(tmp_path, WORKER)
    chosen = curves("chinchilla", 5)
    assert run.reason == ""
    assert "Python 3" in run.version
    assert run.outcomes[chosen[0].name].parameters["beta"] == len(chosen[0].values)
    assert run.outcomes[chosen[0].name].predicted.shape == chosen[0].values.shape
    assert run.outcomes[chosen[4].name].failure == "OSError: no luck"


def test_a_worker_keeps_to_its_time(tmp_path, here):
    assert len(fitted(tmp_path, WORKER, limit_s=0.0).outcomes) == 1


def test_a_worker_that_breaks_is_reported(tmp_path, here):
    run = fitted(tmp_path, "import a_module_that_is_not_there")
    assert run.outcomes == {}
    assert "stand-in failed: ModuleNotFoundError" in run.reason


def test_a_python_that_is_too_old_or_absent_is_passed_over():
    old = (sys.version_info[0], sys.version_info[1] + 1)
    with pytest.raises(PackageError, match=r"needs Python 3\.\d+ or newer"):
        packages.find_python(old, [sys.executable, "/no/such/python"])
    assert packages.find_python((3, 8), ["/no/such/python", sys.executable]) == sys.executable


def test_an_installation_that_fails_is_reported_and_tried_again(tmp_path, monkeypatch):
    commands: list[list[str]] = []

    def refuse(command, complaint):
        commands.append(command)
        if "install" in command:
            raise PackageError(f"{complaint}: no network")

    monkeypatch.setattr(packages, "_checked", refuse)
    run = Run("chinchilla", "", "chinchilla", 1e-3)
    found = packages.run_package(packages.CHINCHILLA, [], run, folder=tmp_path, limit_s=1)
    assert found.reason == "chinchilla could not be installed: no network"
    packages.run_package(packages.CHINCHILLA, [], run, folder=tmp_path, limit_s=1)
    assert len(commands) == 4


def test_an_environment_is_made_once_for_its_requirements(tmp_path, monkeypatch):
    monkeypatch.setattr(
        packages, "_checked", lambda command, _: (tmp_path / "chinchilla").mkdir(exist_ok=True)
    )
    monkeypatch.setattr(packages, "find_python", lambda *_: sys.executable)
    python = packages.environment(packages.CHINCHILLA, tmp_path)
    assert python == tmp_path / "chinchilla" / "bin" / "python"
    monkeypatch.setattr(packages, "_checked", lambda *_: pytest.fail("made again"))
    assert packages.environment(packages.CHINCHILLA, tmp_path) == python
