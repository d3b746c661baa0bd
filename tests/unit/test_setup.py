"""envs/setup.sh with a Python and a pip that only pretend, and the Makefile around it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Everything that envs/setup.sh may call, beside a Python.
TOOLS = [
    *["bash", "cat", "cut", "dirname", "flock", "getconf", "grep", "ln", "mkdir"],
    *["mv", "realpath", "rm", "sha256sum", "touch", "uname"],
]

# A Python that answers envs/setup.sh, makes environments that hold itself, and fails as FAKE_* says.
FAKE_PYTHON = """#!/bin/bash
echo "$*" >>"$CALLS"
case "$1 $2" in
    -c\\ *implementation*) echo "${FAKE_VERSION:-cpython 3 11}" ;;
    -c\\ *ensurepip*) exit "${FAKE_NO_VENV:-0}" ;;
    -c\\ *realpath*) echo "$BASE_PYTHON" ;;
    -V*) echo "Python 3.11.0" ;;
    "-m venv")
        mkdir -p "$4/bin" && touch "$4/pyvenv.cfg" && ln -sf "$BASE_PYTHON" "$4/bin/python"
        ;;
    "-m pip" | "-m ensurepip")
        if [[ -n $FAKE_FAILS_AT && "$*" == *$FAKE_FAILS_AT* ]]; then
            cat "$FAKE_OUTPUT"
            [[ -z $FAKE_KILL ]] || kill -9 "$PPID"
            exit 1
        fi
        ;;
esac
exit 0
"""

OFFLINE = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('Failed to establish a new \
connection: [Errno -3] Temporary failure in name resolution')': /simple/torch/
ERROR: Could not find a version that satisfies the requirement torch==1.0 (from versions: none)
ERROR: No matching distribution found for torch==1.0
"""
DOWNLOAD_CUT = "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(): Read timed out.\n"
NO_COMPILER = """\
Building wheels for collected packages: needsc
      error: command 'gcc' failed: No such file or directory
  ERROR: Failed building wheel for needsc
ERROR: Could not build wheels for needsc, which is required to install pyproject.toml-based projects
"""
COMPILATION_ERROR = NO_COMPILER.replace("No such file or directory", "exit code 1")
NOT_IN_THE_INDEX = """\
ERROR: Could not find a version that satisfies the requirement torch==1.0 (from versions: 0.9)
ERROR: No matching distribution found for torch==1.0
"""
DISK_FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
CONFLICT = "comet 2.2 requires numpy<2, but you have numpy 2.4.\n"
UNFORESEEN = "Collecting torch\nERROR: the moon is in the way\n\nhint: wait\n"


class SetUp:
    """A small project whose set-up runs with fake tools only."""

    def __init__(self, folder: Path) -> None:
        self.project, self.bin = folder / "project", folder / "bin"
        self.calls_file, self.output = folder / "calls", folder / "output"
        (self.project / "envs").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "envs/setup.sh", self.project / "envs/setup.sh")
        (self.project / "requirements.lock").write_text("# lock\nsetuptools==2.0\ntorch==1.0\nx==3.0\n")
        (self.project / "pyproject.toml").write_text("[project]\n")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.put("python3.11", FAKE_PYTHON)

    @property
    def stamp(self) -> Path:
        return self.project / ".venv/downlaw-stamp"

    def put(self, name: str, script: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(script)
        path.chmod(0o755)

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        self.calls_file.write_text("")
        fixed = {
            "PATH": str(self.bin),
            "CALLS": str(self.calls_file),
            "BASE_PYTHON": str(self.bin / "python3.11"),
            "FAKE_OUTPUT": str(self.output),
        }
        command = [self.bin / "bash", self.project / "envs/setup.sh"]
        return subprocess.run(command, env=fixed | environment, capture_output=True, text=True, timeout=30)

    def calls(self) -> list[str]:
        """What pip was asked for in the last run."""
        prefix = "-m pip --no-input --disable-pip-version-check "
        lines = self.calls_file.read_text().splitlines()
        return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


LOCK_CALLS = [
    "install torch==1.0 setuptools==2.0",
    "install --use-pep517 --no-build-isolation -r requirements.lock",
]
PROJECT_CALLS = ["install --no-deps --no-build-isolation --editable .", "check"]


@pytest.fixture
def setup(tmp_path):
    return SetUp(tmp_path)


def failure(run: subprocess.CompletedProcess[str]) -> str:
    """The one line that says what went wrong: the last, after the signs of life."""
    assert run.returncode == 1
    assert run.stdout == ""
    *before, last = run.stderr.splitlines()
    assert all(line.startswith("setup: ") for line in before)
    assert all(line.endswith("...") or "making" in line for line in before)
    return last.removeprefix("setup: ")


def test_setup_installs_torch_then_the_lock_then_the_project_once(setup):
    first = setup.run()
    assert first.returncode == 0, first.stderr
    assert setup.calls() == LOCK_CALLS + PROJECT_CALLS
    second = setup.run()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert setup.calls_file.read_text() == ""


def test_setup_looks_for_torch_in_a_further_index(setup):
    setup.run(TORCH_INDEX="https://example.org/cpu")
    assert setup.calls()[0] == "install --extra-index-url https://example.org/cpu torch==1.0 setuptools==2.0"


def test_setup_makes_a_changed_lock_afresh(setup):
    setup.run()
    leftover = setup.project / ".venv/leftover"
    leftover.touch()
    with (setup.project / "requirements.lock").open("a") as lock:
        lock.write("y==4.0\n")
    assert setup.run().returncode == 0
    assert setup.calls() == LOCK_CALLS + PROJECT_CALLS
    assert not leftover.exists()


def test_setup_installs_only_the_project_when_only_that_changed(setup):
    setup.run()
    (setup.project / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert setup.run().returncode == 0
    assert setup.calls() == PROJECT_CALLS


def test_setup_knows_the_environment_by_another_path(setup):
    setup.run()
    setup.project.with_name("link").symlink_to(setup.project)
    setup.project = setup.project.with_name("link")
    assert setup.run(VENV="./.venv").returncode == 0
    assert setup.calls() == []


def test_setup_makes_a_moved_environment_afresh(setup):
    setup.run()
    moved = setup.project.with_name("moved")
    setup.project.rename(moved)
    setup.project = moved
    assert setup.run().returncode == 0
    assert setup.calls() == LOCK_CALLS + PROJECT_CALLS


@pytest.mark.parametrize("step", ["ensurepip", "torch==1.0", "-r requirements.lock"])
def test_setup_redoes_what_was_killed(setup, step):
    setup.output.write_text("half\n")
    assert setup.run(FAKE_FAILS_AT=step, FAKE_KILL="1").returncode == -9
    assert not setup.stamp.exists()
    assert setup.run().returncode == 0
    assert setup.calls() == LOCK_CALLS + PROJECT_CALLS


def test_setup_keeps_the_packages_when_the_project_step_was_killed(setup):
    setup.output.write_text("half\n")
    assert setup.run(FAKE_FAILS_AT="--editable", FAKE_KILL="1").returncode == -9
    assert setup.run().returncode == 0
    assert setup.calls() == PROJECT_CALLS


@pytest.mark.parametrize(
    ("step", "output", "message"),
    [
        (
            "torch==1.0",
            OFFLINE,
            r"pip cannot reach a package index, or only an incomplete one, while installing torch",
        ),
        ("-r", OFFLINE, r"pip cannot reach a package index, .* while installing the packages"),
        ("-r", DOWNLOAD_CUT, r"pip cannot reach a package index"),
        ("-r", NO_COMPILER, r"needsc has to be compiled, and there is no compiler \(gcc\)"),
        ("-r", COMPILATION_ERROR, r"needsc could not be built from its source"),
        ("torch==1.0", NOT_IN_THE_INDEX, r"the package index has no torch==1.0 for this Python"),
        ("ensurepip", DISK_FULL, r"the disk is full while installing pip: make room"),
        ("-r", DISK_FULL, r"the disk is full while installing the packages of requirements.lock"),
        (" check", CONFLICT, r"failed while checking that the packages fit together: comet 2.2 requires"),
        ("torch==1.0", UNFORESEEN, r"failed while installing torch: ERROR: the moon is in the way \("),
    ],
)
def test_setup_says_in_one_line_why_pip_failed(setup, step, output, message):
    setup.output.write_text(output)
    run = setup.run(FAKE_FAILS_AT=step)
    line = failure(run)
    assert re.match(message, line), line
    assert "logs/setup.log" in line
    assert output in (setup.project / "logs/setup.log").read_text()
    again = setup.run(FAKE_FAILS_AT=step)
    assert again.returncode == 1, "a failed set-up must not count as done"


@pytest.mark.parametrize("version", ["cpython 3 10", "cpython 3 12", "pypy 3 11", ""])
def test_setup_refuses_another_python(setup, version):
    setup.put("python3.11", FAKE_PYTHON.replace("${FAKE_VERSION:-cpython 3 11}", version))
    assert re.match(r"downlaw needs CPython 3\.11, and neither", failure(setup.run()))
    assert setup.calls() == []


def test_setup_says_where_to_get_a_missing_python(setup):
    (setup.bin / "python3.11").unlink()
    line = failure(setup.run())
    assert "apt install python3.11-venv" in line
    assert "PYTHON=/path/to/python3.11" in line


def test_setup_takes_python3_when_it_is_the_right_one(setup):
    (setup.bin / "python3.11").rename(setup.bin / "python3")
    assert setup.run(BASE_PYTHON=str(setup.bin / "python3")).returncode == 0


def test_setup_takes_the_python_that_is_asked_for(setup):
    (setup.bin / "python3.11").rename(setup.bin / "mine")
    mine = str(setup.bin / "mine")
    assert setup.run(PYTHON=mine, BASE_PYTHON=mine).returncode == 0


def test_setup_can_remake_the_environment_that_is_activated(setup):
    setup.run()
    (setup.project / "requirements.lock").write_text("setuptools==2.0\ntorch==1.1\n")
    assert setup.run(PYTHON=str(setup.project / ".venv/bin/python")).returncode == 0
    assert setup.calls()[0] == "install torch==1.1 setuptools==2.0"


def test_setup_does_not_replace_the_python_that_is_asked_for(setup):
    line = failure(setup.run(PYTHON="/nowhere/python"))
    assert line.startswith("PYTHON=/nowhere/python is not a CPython 3.11")


def test_setup_names_the_missing_venv_module(setup):
    line = failure(setup.run(FAKE_NO_VENV="1"))
    assert "cannot make virtual environments" in line
    assert "apt install python3.11-venv" in line


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_setup_refuses_another_platform(setup, system, machine):
    setup.put("uname", f"#!/bin/bash\n[[ $1 == -s ]] && echo {system} || echo {machine}\n")
    line = failure(setup.run())
    assert line.startswith(f"downlaw needs Linux on x86_64, and this is {system} on {machine}")
    assert setup.calls() == []


@pytest.mark.parametrize(
    ("answer", "seen"), [("echo glibc 2.27", "glibc 2.27"), ("exit 1", "another C library")]
)
def test_setup_refuses_an_old_or_other_c_library(setup, answer, seen):
    setup.put("getconf", f"#!/bin/bash\n{answer}\n")
    assert failure(setup.run()).startswith(f"downlaw needs glibc 2.28 or newer, and this system has {seen}")


def test_setup_never_deletes_a_folder_that_is_no_environment(setup):
    precious = setup.project / "data/precious"
    precious.parent.mkdir()
    precious.touch()
    assert "data is in the way and is no virtual environment" in failure(setup.run(VENV="data"))
    assert precious.exists()


def test_setup_needs_a_lock_that_pins_torch(setup):
    (setup.project / "requirements.lock").write_text("setuptools==2.0\n")
    assert failure(setup.run()).startswith("requirements.lock does not pin torch")


def make(*arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_plain_make_lists_the_targets():
    text = make()
    for target in ["setup", "run", "test", "lint", "lock", "clean"]:
        assert re.search(rf"^  {target} +\S", text, flags=re.MULTILINE)


def test_make_run_uses_the_cores_and_the_environment_that_are_asked_for():
    assert "snakemake --cores all" in make("-n", "run")
    commands = make("-n", "run", "CORES=4", "VENV=/somewhere", "ARGS=--dry-run")
    assert "snakemake --cores 4 --dry-run" in commands
    assert 'PATH="/somewhere/bin:' in commands


def test_make_clean_touches_neither_results_nor_the_environment():
    commands = make("-n", "clean")
    assert "results" not in commands
    assert ".venv" not in commands
