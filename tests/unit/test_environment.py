"""The lock and what is written from it agree with each other and with what is installed."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def locked() -> dict[str, str]:
    """Version of each distribution in the lock, by canonical name."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return {
        canonicalize_name(name): version
        for name, version in (line.split("==") for line in lines if not line.startswith("#"))
    }


def requirements(path: str) -> list[Requirement]:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return [Requirement(text) for line in lines if (text := line.split("#")[0].strip())]


def test_lock_pins_every_package_by_version_alone():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines[1:])
    assert not any(re.match(r"nvidia|cuda|triton", line) for line in lines)
    assert len(locked()) == len(lines) - 1


def test_lock_has_every_direct_dependency_at_its_pin():
    versions = locked()
    for requirement in requirements("requirements.in"):
        assert str(requirement.specifier) == f"=={versions[canonicalize_name(requirement.name)]}"


def test_lock_satisfies_the_project():
    versions = locked()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = project["project"]["dependencies"] + project["build-system"]["requires"]
    for requirement in map(Requirement, needed):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_project_depends_on_what_it_imports():
    imported = set()
    for path in (ROOT / "downlaw").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    imported -= {"downlaw", *sys.stdlib_module_names}
    distributions = importlib.metadata.packages_distributions()
    found = {canonicalize_name(name) for module in imported for name in distributions[module]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert found == {canonicalize_name(Requirement(text).name) for text in project["project"]["dependencies"]}


def test_lock_is_closed_and_installed_here():
    versions = locked()
    for name, version in versions.items():
        distribution = importlib.metadata.distribution(name)
        assert distribution.version.split("+")[0] == version
        for requirement in map(Requirement, distribution.requires or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                assert canonicalize_name(requirement.name) in versions, f"{name} needs {requirement}"


def test_conda_environment_is_the_lock():
    environment = yaml.safe_load((ROOT / "envs/downlaw.yaml").read_text(encoding="utf-8"))
    python, pip, packages = environment["dependencies"]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert packages["pip"] == [line for line in lock if not line.startswith("#")]
    assert (python, pip) == ("python=3.11", "pip")
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert list((ROOT / "envs").glob("*.yaml")) == [ROOT / "envs/downlaw.yaml"]


def test_everything_in_the_lock_imports_together():
    run = subprocess.run([sys.executable, ROOT / "envs/imports.py"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_import_check_names_what_does_not_import(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("imports", ROOT / "envs/imports.py")
    imports = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(imports)
    pins = tmp_path / "requirements.in"
    pins.write_text("# a comment\nPyYAML==1.0  # another\nno-such-package==1.0\n", encoding="utf-8")
    assert imports.module_names(pins.read_text(encoding="utf-8")) == ["yaml", "no_such_package"]
    monkeypatch.setattr(imports, "REQUIREMENTS", pins)
    with pytest.raises(SystemExit, match=r"^no_such_package cannot be imported: ModuleNotFoundError"):
        imports.main()
