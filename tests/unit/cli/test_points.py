"""Laws over other inputs than pretraining tokens, from any table."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from downlaw.cli import app
from downlaw.laws import FAMILIES

TRUE = {"A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28, "E": 1.7}


def points(tmp_path: Path, **columns: object) -> Path:
    n, d = (side.ravel() for side in np.meshgrid([1e7, 1e8, 1e9], [1e9, 1e10, 1e11]))
    loss = FAMILIES["chinchilla"].predict(np.column_stack([n, d]), TRUE)
    path = tmp_path / "points.csv"
    pd.DataFrame({"params": n, "tokens": d, "loss": loss} | columns).to_csv(path, index=False)
    return path


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def table(result) -> pd.DataFrame:
    assert result.exit_code == 0, result.stderr
    return pd.read_csv(io.StringIO(result.stdout))


def test_a_law_of_two_inputs_is_fitted_to_any_table(tmp_path: Path):
    law = table(run("fit", points(tmp_path), "--law", "chinchilla", "--metric", "loss")).iloc[0]
    for name, value in TRUE.items():
        assert law[name] == pytest.approx(value, rel=1e-3)
    assert (law["n_fit"], law["interval_status"]) == (9, "noise unknown")


def test_it_predicts_where_it_is_asked(tmp_path: Path):
    how = ("--law", "chinchilla", "--metric", "loss", "--noise", 0.001)
    found = table(run("predict", points(tmp_path), *how, "--at", "params=7B,tokens=140B"))
    expected = FAMILIES["chinchilla"].predict([[7e9, 1.4e11]], TRUE)[0]
    assert found.loc[0, "predicted"] == pytest.approx(expected, rel=1e-4)
    assert found.loc[0, "low"] < expected < found.loc[0, "high"]


def test_one_law_for_each_value_of_a_column(tmp_path: Path):
    path = points(tmp_path)
    twice = pd.concat([pd.read_csv(path).assign(data=name, scale=1) for name in ("c4", "rpj")])
    twice.loc[twice["data"] == "rpj", "loss"] *= 2
    twice.to_csv(path, index=False)
    laws = table(run("fit", path, "--law", "chinchilla", "--metric", "loss", "--by", "data"))
    assert list(laws["data"]) == ["c4", "rpj"]
    assert list(laws["E"]) == pytest.approx([1.7, 3.4], rel=1e-3)
    refused = run("fit", path, "--law", "chinchilla", "--metric", "loss")
    assert refused.exit_code == 1
    assert "a second row with the same params, tokens" in refused.stderr and "--by" in refused.stderr


def test_json_has_no_nan(tmp_path: Path):
    result = run("fit", points(tmp_path), "--law", "chinchilla", "--metric", "loss", "--json")
    assert json.loads(result.stdout)[0]["A_low"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fit", "--law", "chinchilla"), "name the column to fit, as in --metric loss"),
        (("fit", "--law", "error_law", "--metric", "acc"), "column 'acc' is missing; there are params"),
        (("fit", "--law", "joint_law", "--metric", "loss"), "--column pretrain_tokens=NAME"),
        (("predict", "--law", "chinchilla", "--metric", "loss"), "say where to predict"),
        (
            ("predict", "--law", "chinchilla", "--metric", "loss", "--at", "params=7e9"),
            "give params and tokens",
        ),
        (
            ("predict", "--law", "chinchilla", "--metric", "loss", "--at", "params=x,tokens=1"),
            "not a positive number",
        ),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, arguments: tuple[str, ...], message: str):
    command, *rest = arguments
    result = run(command, points(tmp_path), *rest)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not result.stdout


def test_text_in_a_column_is_named_with_its_line(tmp_path: Path):
    loss = ["3.0", "3.1", "high", "2.9", "2.8", "2.7", "2.6", "2.5", "2.4"]
    result = run("fit", points(tmp_path, loss=loss), "--law", "chinchilla", "--metric", "loss")
    assert result.exit_code == 1
    assert "line 4: loss is 'high', not a number" in result.stderr


def test_too_few_points_are_a_status(tmp_path: Path):
    path = points(tmp_path)
    pd.read_csv(path).head(3).to_csv(path, index=False)
    laws = table(run("fit", path, "--law", "chinchilla", "--metric", "loss"))
    assert laws.loc[0, "status"] == "underdetermined"
