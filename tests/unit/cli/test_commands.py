"""The command as a shell sees it: help, versions, exit codes, pipes and completion."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from downlaw import __version__
from downlaw.cli import COMMANDS, completion
from downlaw.laws import FAMILIES
from downlaw.testbed import ESTIMATORS

BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "COLUMNS": "100"}


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=ENVIRONMENT | environment, text=True, capture_output=True
    )


def test_the_version_is_that_of_the_package(run):
    done = run("--version")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"downlaw {__version__}, fairseq ")


@pytest.mark.parametrize("arguments", [(), ("status",), ("fit",)])
def test_h_is_help(run, arguments):
    short, long = run(*arguments, "-h"), run(*arguments, "--help")
    assert short.exit_code == long.exit_code == 0
    assert short.stdout == long.stdout != ""


def test_help_names_every_command(run):
    told = run("--help").stdout
    assert all(f" {name} " in told for name in COMMANDS)


def test_the_docs_have_a_row_for_every_command():
    page = Path(__file__).resolve().parents[3] / "docs/command-line.md"
    rows = re.findall(r"^\| `downlaw ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(COMMANDS)


def test_without_a_command_there_is_help(run):
    done = run()
    assert done.exit_code == 2
    assert "Usage: " in done.output and "A table of runs" in done.output


@pytest.mark.parametrize(
    "arguments", [("nope",), ("fit", "--nope"), ("fit", "--level", "high"), ("status", "--interval", "0")]
)
def test_wrong_usage_ends_with_code_2(run, arguments):
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "none.csv"),
        ("fit", "--level", "2"),
        ("status", "--configfile", "none.yaml"),
        ("restore", "none.tar.zst"),
        ("summary", "none"),
    ],
)
def test_bad_input_ends_with_code_1_and_one_message(run, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("\n") <= 2 and "Traceback" not in done.stderr


def test_an_error_of_the_program_itself_keeps_its_traceback(run, monkeypatch):
    monkeypatch.setattr("downlaw.cli.families.FAMILIES", None)
    assert isinstance(run("families").exception, AttributeError)


@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_has_had_enough_ends_a_command_quietly(tmp_path, reader):
    done = shell(f"downlaw families --csv | {reader}; echo ${{PIPESTATUS[0]}} >&2", tmp_path)
    assert done.stderr.strip() in ("0", "141")


def test_writing_where_nobody_reads_is_as_if_sigpipe_had_ended_it(tmp_path):
    done = shell("downlaw families --csv | (exec <&-; sleep 3); echo ${PIPESTATUS[0]}", tmp_path)
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_ctrl_c_ends_with_code_130(tmp_path):
    os.mkfifo(tmp_path / "test.de")
    command = subprocess.Popen(
        [BIN / "downlaw", "paired", "a", "b", "--reference", "test.de"],
        cwd=tmp_path, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in the background
    )  # fmt: skip
    with (tmp_path / "test.de").open("w"):  # it has begun to read
        time.sleep(0.2)
        command.send_signal(signal.SIGINT)
        _, told = command.communicate(timeout=60)
    assert (command.returncode, told) == (130, "")


def test_only_what_a_command_needs_is_imported():
    code = "import sys, downlaw.cli; print({'pandas', 'scipy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# --- Completion


def script_of(name: str, folder: Path) -> str:
    """The script of a shell that this is not started from."""
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = shell(f"downlaw --show-completion {name}", folder, **named)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def offered(words: str, folder: Path) -> list[str]:
    """What bash offers at the end of a line."""
    script = script_of("bash", folder)
    *before, last = words.split(" ")
    line = " ".join(f"'{word}'" for word in [*before, last])
    ask = f"COMP_WORDS=({line}); COMP_CWORD={len(before)}; _downlaw_completion downlaw"
    done = shell(f'{script}\n{ask}\nprintf "%s\\n" "${{COMPREPLY[@]}}"', folder)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    "words, expected",
    [
        ("downlaw sta", ["status"]),
        ("downlaw status --li", ["--live"]),
        ("downlaw fit --law chin", ["chinchilla"]),
        ("downlaw fit --metric ble", ["bleu"]),
        ("downlaw fit --method ", ["fast", "paper"]),
        ("downlaw testbed gadre2024 --estimator p", ["paper"]),
    ],
)
def test_bash_is_offered_commands_options_and_values(tmp_path, words, expected):
    assert offered(words, tmp_path) == expected


def test_bash_is_offered_every_command(tmp_path):
    assert sorted(offered("downlaw ", tmp_path)) == sorted(COMMANDS)


def test_every_family_metric_and_estimator_is_offered():
    assert [name for name, _ in completion.family_names("")] == list(FAMILIES)
    assert [name for name, _ in completion.metric_names("c")] == [
        "cross_entropy", "chrf", "comet", "comet_local",
    ]  # fmt: skip
    assert completion.estimator_names("") == list(ESTIMATORS)


@pytest.mark.parametrize(
    "words", ["downlaw fit ta", "downlaw status --configfile ", "downlaw paired a --reference "]
)
def test_where_a_file_stands_bash_is_left_to_offer_files(tmp_path, words):
    assert offered(words, tmp_path) == []


@pytest.mark.parametrize(
    "name, says",
    [("bash", "complete -o default -F"), ("zsh", "#compdef downlaw"), ("fish", "complete --command downlaw")],
)
def test_each_shell_has_a_script(tmp_path, name, says):
    assert says in script_of(name, tmp_path)


@pytest.mark.parametrize(
    "asked, expected",
    [
        ({"_DOWNLAW_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "downlaw sta"}, '"status":"Say which'),
        ({"_DOWNLAW_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "downlaw fit ta"}, "_files"),
        (
            {
                "_DOWNLAW_COMPLETE": "complete_fish",
                "_TYPER_COMPLETE_FISH_ACTION": "get-args",
                "_TYPER_COMPLETE_ARGS": "downlaw sta",
            },
            "status\tSay which",
        ),
    ],
)
def test_zsh_and_fish_get_what_they_ask_for(tmp_path, asked, expected):
    assert expected in shell("downlaw", tmp_path, **asked).stdout


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_shell_that_is_here_can_read_its_script(tmp_path, name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    (tmp_path / "script").write_text(script_of(name, tmp_path))
    assert shell(f"{name} -n script", tmp_path).returncode == 0
