"""What people give to the commands, and what they are told."""

from __future__ import annotations

import io
import json
import sys

import pandas as pd
import pytest

from downlaw.cli.options import ALL_POINTS, amount, fit_points
from downlaw.laws import METRICS


def refused(done) -> str:
    """The one message of a command that ends with code 1 and prints nothing else."""
    assert done.exit_code == 1
    assert done.stdout == ""
    assert isinstance(done.exception, SystemExit)
    (message,) = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
    assert message.startswith("error: ")
    return message


def first(done) -> pd.Series:
    """The first row of a table."""
    assert done.exit_code == 0, done.stderr
    return pd.read_csv(io.StringIO(done.stdout)).iloc[0]


CURVE = [(1e6, 2.5), (2e6, 4), (4e6, 5.5), (8e6, 7.5)]


@pytest.mark.parametrize("command", ["fit", "predict", "verdict", "value", "next"])
def test_a_missing_file(run, tmp_path, command):
    assert f"{tmp_path / 'none.csv'}: no such file" in refused(run(command, tmp_path / "none.csv"))


def test_a_folder_without_a_table(run, tmp_path):
    assert "no runs.csv in this folder" in refused(run("fit", tmp_path))


def test_an_empty_file(run, tmp_path):
    (tmp_path / "runs.csv").touch()
    assert "runs.csv: the file is empty" in refused(run("fit", tmp_path / "runs.csv"))


def test_a_table_without_rows(run, write):
    assert "no rows below the column names" in refused(run("fit", write("tokens,bleu", [])))


def test_a_file_that_is_no_table(run, tmp_path):
    (tmp_path / "runs.csv").write_bytes(b"\xff\xfe\x00")
    assert "not a CSV table" in refused(run("fit", tmp_path / "runs.csv"))
    (tmp_path / "runs.parquet").write_text("tokens,bleu\n1,2\n")
    assert "not a Parquet table" in refused(run("fit", tmp_path / "runs.parquet"))


def test_parquet_without_pyarrow(run, tmp_path, monkeypatch):
    pd.DataFrame(CURVE, columns=["tokens", "bleu"]).to_parquet(tmp_path / "runs.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = refused(run("fit", tmp_path / "runs.parquet"))
    assert "Parquet needs the package pyarrow; install it, or give the table as CSV" in message


def test_a_table_without_tokens_says_how_to_name_them(run, write):
    message = refused(run("fit", write("Dp,bleu", CURVE)))
    assert "column 'pretrain_tokens' is missing; there are Dp, bleu" in message
    assert "--column pretrain_tokens=NAME" in message


def test_a_table_without_a_metric_says_how_to_name_it(run, write):
    message = refused(run("fit", write("tokens,rouge", CURVE)))
    assert f"none of {', '.join(METRICS)} is among its columns" in message
    assert "--column bleu=NAME" in message


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("many", 4), "line 3: pretrain_tokens is 'many', not a number"),
        ((2e6, "good"), "line 3: bleu is 'good', not a number"),
        ((-2e6, 4), "line 3: pretrain_tokens is negative"),
        (("", 4), "line 3: pretrain_tokens is empty"),
        ((2.5, 4), "line 3: pretrain_tokens is not a whole number"),
        ((2e6, "inf"), "line 3: bleu is not finite"),
        ((1e6, 4), "line 3: a second selected run"),
    ],
)
def test_a_row_that_is_no_run_is_named_by_its_line(run, write, row, message):
    assert message in refused(run("fit", write("tokens,bleu", [CURVE[0], row, *CURVE[2:]])))


def test_zero_tokens_are_the_baseline(run, write):
    done = run("predict", write("tokens,bleu", [(0, 1.5), *CURVE]))
    assert first(done)["n_fit"] == 4
    assert "1 of 5 rows have 0 tokens: the baseline, not fitted" in done.stderr


def test_a_table_of_baselines_alone(run, write):
    message = refused(run("fit", write("tokens,bleu", [(0, 1.5)])))
    assert "no run has more than 0 pretrain_tokens" in message


@pytest.mark.parametrize("missing", ["", "NaN", "null"])
def test_missing_scores_are_counted_and_said(run, write, missing):
    done = run("fit", write("tokens,bleu", [*CURVE, (16e6, missing)]))
    law = first(done)
    assert (law["n_fit"], law["n_held_out"], law["n_missing"]) == (4, 0, 1)
    assert "bleu is missing in 1 of 5 runs, which are in no curve" in done.stderr


def test_no_score_at_all(run, write):
    empty = write("tokens,bleu", [(tokens, "nan") for tokens, _ in CURVE])
    assert "no run has a score: bleu are empty" in refused(run("fit", empty))
    assert "bleu has not a single number" in refused(run("fit", empty, "--metric", "bleu"))


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        (CURVE[:2], "underdetermined"),
        ([(tokens, 5.0) for tokens, _ in CURVE], "flat"),
        ([(tokens, score - 3) for tokens, score in CURVE], "undefined for this family"),
        ([(tokens, 0 if score > 7 else score) for tokens, score in CURVE], "undefined for this family"),
        ([(1e6 + i, 5 + i) for i in range(4)], "span too short"),
    ],
)
def test_what_cannot_be_fitted_is_a_status_and_no_error(run, write, rows, status):
    table = write("tokens,bleu", rows)
    assert set(pd.read_csv(io.StringIO(run("predict", table).stdout))["status"]) == {status}
    law = first(run("fit", table, "--noise", 0.02))
    assert (law["status"], law["interval_status"]) == (status, status if status != "flat" else "ok")
    assert law[["beta", "beta_low", "c", "alpha"]].isna().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metric", "blue"], f"--metric blue: no such metric; there are {', '.join(METRICS)}"),
        (["--metric", "chrf"], "hand.csv has only bleu"),
        (["--law", "loglaw"], "--law loglaw: no such family; there are log_law, power_law, linear_log"),
        (["--law", "chinchilla"], "--law chinchilla: name the column to fit, as in --metric loss"),
        (["--n-fit", "0"], "--n-fit 0: not a positive whole number, nor `all`"),
        (["--n-fit", "four"], "--n-fit four: not a positive whole number"),
        (["--noise", "2"], "--noise 2: must lie between 0 and 1; 0.02 is 2%"),
        (["--noise", "0"], "--noise 0: must lie between 0 and 1"),
        (["--level", "90"], "--level 90: must lie between 0 and 1"),
        (["--resamples", "none.parquet"], "--resamples none.parquet: no such file"),
        (["--resamples", "a.parquet", "--noise", "0.02"], "give one of them"),
        (["--column", "tokens"], "--column tokens: write it as NAME=VALUE"),
        (["--column", "chrf=scores"], "has no column 'scores', but tokens, bleu"),
        (["--column", "bleu=tokens"], "has a column 'bleu' already"),
        (["--set", "task="], "--set task=: write it as NAME=VALUE"),
        (["--set", "bleu=3"], "has a column 'bleu' already"),
        (["--set", "task=a", "--set", "task=b"], "--set: task is given twice"),
        (["--json", "--csv"], "--json, --csv and --output: give one of them"),
        (["--output", "laws.xlsx"], "--output laws.xlsx: the name must end in .csv, .parquet, .json"),
    ],
)
def test_options_that_fit_nothing(run, hand, arguments, message):
    assert message in refused(run("fit", hand, *arguments))


def test_columns_are_read_under_other_names(run, write, bleu):
    rows = [("en-de", tokens, score) for tokens, score in bleu.items()]
    table = write("pair,seen,score", rows)
    names = ["pretrain_tokens=seen", "bleu=score", "task=pair"]
    options = [option for name in names for option in ("--column", name)]
    done = run("predict", table, *options, "--set", "mixture=mC4", "--set", "finetune_pairs=1000", "--json")
    record = json.loads(done.stdout)[0]
    assert (record["task"], record["mixture"], record["finetune_pairs"]) == ("en-de", "mC4", 1000)
    assert record["observed"] == bleu[16_000_000]
    assert "no column" not in done.stderr


def test_two_columns_can_change_names(run, write):
    rows = [(score, tokens) for tokens, score in CURVE]
    swapped = write("pretrain_tokens,bleu", rows)
    done = run("predict", swapped, "--column", "pretrain_tokens=bleu", "--column", "bleu=pretrain_tokens")
    assert first(done)["n_fit"] == 4


def test_resamples_beside_the_table_are_its_noise_unless_one_is_given(run, hand, bleu, tmp_path):
    drawn = [
        ("hand", 0, "all", tokens, 0, 0, "bleu", draw, score * (1 + 0.01 * (-1) ** draw))
        for tokens, score in bleu.items()
        for draw in range(20)
    ]
    columns = ["task", "finetune_pairs", "mixture", "pretrain_tokens", "pretraining_seed", "finetuning_seed"]
    columns += ["metric", "resample", "value"]
    pd.DataFrame(drawn, columns=columns).to_parquet(tmp_path / "resamples.parquet")
    assert first(run("predict", hand))["noise"] == "segments"
    assert first(run("predict", hand, "--noise", 0.02))["noise"] == "given"
    (tmp_path / "resamples.parquet").rename(tmp_path / "other.parquet")
    assert first(run("predict", hand, "--resamples", tmp_path / "other.parquet"))["noise"] == "segments"
    (tmp_path / "other.parquet").write_text("nothing")
    assert "not a Parquet table" in refused(run("predict", hand, "--resamples", tmp_path / "other.parquet"))


@pytest.mark.parametrize(
    ("text", "number"),
    [("2e9", 2e9), ("500M", 5e8), ("10b", 1e10), ("1,000,000", 1e6), ("1.5T", 1.5e12), (" 33k", 33e3)],
)
def test_amounts(text, number):
    assert amount(text, "--budget") == pytest.approx(number)


def test_fit_points():
    assert (fit_points("5"), fit_points("all")) == (5, ALL_POINTS)
