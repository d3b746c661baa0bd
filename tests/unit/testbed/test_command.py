"""`downlaw testbed` on a synthetic archive."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from downlaw.cli import app, output


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *arguments: CliRunner().invoke(app, ["testbed", *map(str, arguments)])


def test_in_a_pipe_it_prints_a_row_a_run(run, noisy_archive):
    done = run("gadre2024", "--archive", noisy_archive, "--estimator", "paper")
    assert done.exit_code == 0, done.stderr
    runs = pd.read_csv(io.StringIO(done.stdout))
    assert (runs["group"] == "target").sum() == 6
    assert runs["loss_c4_val_relative_error"].abs().max() < 0.2


def test_json_holds_the_summary_as_well(run, noisy_archive):
    done = run("gadre2024", "--archive", noisy_archive, "--estimator", "paper", "--json")
    found = json.loads(done.stdout)
    assert (found["estimator"], found["published"]) == ("paper", False)
    assert {"summary", "coefficients", "runs"} <= set(found)


def test_for_people_it_shows_the_targets_and_draws_on_request(run, noisy_archive, monkeypatch, tmp_path):
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    figure = tmp_path / "testbed.svg"
    done = run("gadre2024", "--archive", noisy_archive, "--estimator", "paper", "--plot", figure)
    assert done.exit_code == 0, done.stderr
    assert "Gadre et al. 2024, estimator paper" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert figure.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--archive", "none.tar.gz"], "none.tar.gz"),
        (["--estimator", "guess"], "no estimator is called 'guess'; there are paper, downlaw"),
        (["--plot", "figure.gif"], "--plot figure.gif: a file ends in .png or .svg"),
    ],
)
def test_what_cannot_be_scored_is_refused(run, noisy_archive, arguments, message):
    if "--archive" not in arguments:
        arguments = ["--archive", noisy_archive, *arguments]
    done = run("gadre2024", *arguments)
    assert done.exit_code == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
