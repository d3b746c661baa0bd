from __future__ import annotations

import json

import pytest
from made_lm_runs import lm_table
from typer.testing import CliRunner

from downlaw.cli import app


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "runs.csv"
    lm_table().to_csv(path, index=False)
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["overtrain", *map(str, arguments)])


def test_a_table_is_fitted_and_told(table):
    done = run(table)
    assert done.exit_code == 0, done.output
    assert "held-out runs" in done.output


def test_json_has_every_table(table):
    found = json.loads(run(table, "--json").stdout)
    assert set(found) == {"laws", "predictions", "tasks", "lines"}
    assert found["laws"][0]["law"] == "overtraining_law"


def test_tables_and_figures_are_written(table, tmp_path):
    done = run(table, "--output", tmp_path / "laws")
    assert done.exit_code == 0, done.output
    names = {path.name for path in (tmp_path / "laws").iterdir()}
    assert {"laws.csv", "predictions.csv", "tasks.csv", "lines.csv", "predictions.png"} <= names


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--task-margin", "1.5"], "--task-margin 1.5"),
        (["--error-loss", "nowhere"], "nowhere"),
    ],
)
def test_wrong_options_are_refused_in_one_line(table, arguments, message):
    done = run(table, *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_a_table_without_a_mark_of_what_is_fitted_is_refused(tmp_path):
    path = tmp_path / "runs.csv"
    lm_table().drop(columns="loss_fit").to_csv(path, index=False)
    done = run(path)
    assert done.exit_code == 1
    assert "loss_fit" in done.stderr
