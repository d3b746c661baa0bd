"""The image is made of this repository, by its own set-up, for its Python; what it runs is there."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def instructions() -> list[tuple[str, str]]:
    """Every instruction of the Dockerfile with its arguments, continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


def of(name: str) -> list[str]:
    return [arguments for instruction, arguments in instructions() if instruction == name]


def allowed() -> list[str]:
    """The names at the root that go into the image."""
    first, *others = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert first == "*"
    return [line.removeprefix("!") for line in others if line.startswith("!")]


def test_the_python_is_that_of_the_project_and_of_conda():
    (base,) = of("FROM")
    version = re.fullmatch(r"python:(\d+\.\d+)-slim-[a-z]+", base)[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"].startswith(f">={version},")
    conda = yaml.safe_load((ROOT / "envs/downlaw.yaml").read_text(encoding="utf-8"))
    assert conda["dependencies"][0] == f"python={version}"
    assert f"PYTHON=python{version}" in of("RUN")[0]


def test_the_environment_is_made_by_the_set_up_of_the_lock():
    (run,) = of("RUN")
    script = next(word for word in shlex.split(run) if word.startswith("envs/"))
    assert f"@{script}" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "lock=requirements.lock" in (ROOT / script).read_text(encoding="utf-8")
    assert {"envs", "requirements.lock", "pyproject.toml", "downlaw", "LICENSE"} <= set(allowed())


def test_the_image_holds_what_the_workflow_reads_and_none_of_what_it_makes():
    assert all((ROOT / name).exists() for name in allowed())
    assert {"Snakefile", "rules", "scripts", "profiles", "config.yaml", "studies"} <= set(allowed())
    assert not {"results", ".venv", ".git", ".snakemake", "logs", "tests"} & set(allowed())


def test_what_rules_and_scripts_name_is_in_the_image():
    for path in [ROOT / "Snakefile", *(ROOT / "rules").rglob("*.smk")]:
        for name in re.findall(r'"((?:\.\./)+[^"]+)"', path.read_text(encoding="utf-8")):
            file = (path.parent / name).resolve()
            assert file.exists() and file.relative_to(ROOT).parts[0] in allowed(), name


def test_it_runs_as_nobody_special_in_a_folder_that_is_mounted():
    (user,) = of("USER")
    assert user not in ("root", "0")
    assert f" {user} " in of("RUN")[0] and f"chown {user} /study" in of("RUN")[0]
    assert of("WORKDIR") == ["/opt/downlaw", "/study"]
    places = [name for name, _ in instructions()]
    assert places.index("USER") > places.index("RUN")


def test_it_starts_the_workflow_with_its_profile():
    (entry,) = of("ENTRYPOINT")
    program, *options = json.loads(entry)
    assert program == "snakemake"
    told = dict(zip(options[::2], options[1::2], strict=True))
    for option in ("--snakefile", "--workflow-profile"):
        assert (ROOT / Path(told[option]).relative_to("/opt/downlaw")).exists()


@pytest.mark.parametrize("name", ["HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"])
def test_any_user_can_write_where_caches_go(name):
    (variables,) = of("ENV")
    told = dict(word.split("=", 1) for word in shlex.split(variables))
    assert told[name].startswith("/tmp")
    assert told["PATH"].startswith("/opt/venv/bin:")
    assert told["LOGNAME"]  # Snakemake asks for the name of a user that the image does not know
    assert "VENV=/opt/venv" in of("RUN")[0]
