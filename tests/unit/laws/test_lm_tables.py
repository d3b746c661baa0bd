from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from made_lm_runs import diverged, lm_table, resamples_of

from downlaw.laws import (
    TableError,
    check_lm_resamples,
    check_lm_runs,
    fit_lm_runs,
    read_lm_resamples,
    read_lm_runs,
)

NEEDED = ["training_set", "model", "params", "tokens", "kind", "evaluation", "metric", "value"]
FLAGS = ["loss_fit", "error_fit"]


def test_a_table_by_hand_gets_the_columns_that_follow_from_others():
    runs = lm_table()[[*NEEDED, *FLAGS, "chance"]].assign(mine="kept")
    checked = check_lm_runs(runs)
    assert (checked["status"] == "ok").all() and (checked["seed"] == 1).all()
    assert checked["multiplier"].tolist() == (runs["tokens"] / runs["params"]).tolist()
    assert checked["multiplier_asked"].tolist() == checked["multiplier"].tolist()
    assert checked["flops"].tolist() == (6 * runs["params"] * runs["tokens"]).tolist()
    assert checked["run"].nunique() == 9
    assert checked["mine"].eq("kept").all()
    laws = fit_lm_runs(runs).laws
    assert laws.loc[laws["role"] == "law", "status"].tolist() == ["ok", "ok", "ok"]


def test_what_the_table_says_of_sizes_stands():
    runs = lm_table().assign(
        flops=lambda table: 7.0 * table["params"] * table["tokens"],
        multiplier=lambda table: table["multiplier_asked"] * 1.01,
    )
    checked = check_lm_runs(runs)
    assert checked["flops"].tolist() == runs["flops"].tolist()
    assert checked["multiplier"].tolist() == runs["multiplier"].tolist()


@pytest.mark.parametrize("column", NEEDED)
def test_a_missing_column_is_named(column: str):
    with pytest.raises(TableError, match=f"column '{column}' is missing"):
        check_lm_runs(lm_table().drop(columns=column))


@pytest.mark.parametrize(("column", "law"), [("loss_fit", "loss law"), ("error_fit", "error law")])
def test_a_missing_flag_is_explained(column: str, law: str):
    with pytest.raises(TableError, match=f"write true for the runs that the {law} is fitted to"):
        check_lm_runs(lm_table().drop(columns=column))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("value", "low", "line 3: value is 'low', not a number"),
        ("value", math.inf, "line 3: value is not finite"),
        ("value", 0.0, "line 3: a cross-entropy is not positive"),
        ("params", 1.5, "line 3: params is not a whole number"),
        ("params", 0, "line 3: params is 0"),
        ("params", None, "line 3: params is empty"),
        ("tokens", 0, "line 3: tokens is 0"),
        ("tokens", 77, "line 3: tokens differs from that of the same"),
        ("loss_fit", "perhaps", "line 3: loss_fit is neither true nor false"),
        ("error_fit", False, "line 3: error_fit differs from that of the same"),
        ("training_set", None, "line 3: training_set is empty"),
        ("status", None, "line 3: status is empty"),
        ("kind", "exam", "line 3: kind is neither 'set' nor 'task'"),
        ("evaluation", None, "line 3: evaluation is empty, yet there is a value"),
        ("evaluation", "news", "line 3: the same run, evaluation and metric a second time"),
        ("seed", "first", "line 3: seed is 'first', not a number"),
    ],
)
def test_a_bad_cell_is_refused_with_its_line_and_column(column: str, value: object, message: str):
    runs = lm_table().astype({column: object})
    runs.loc[1, column] = value
    with pytest.raises(TableError, match=message):
        check_lm_runs(runs)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("value", 61.0, "line 4: value of an error is not between 0 and 1"),
        ("chance", 75.0, "line 4: chance of an error is not between 0 and 1"),
        ("chance", None, "line 4: chance is empty; write the error of guessing"),
    ],
)
def test_a_bad_error_is_refused(column: str, value: object, message: str):
    runs = lm_table()
    runs.loc[2, column] = value
    with pytest.raises(TableError, match=message):
        check_lm_runs(runs)


def test_a_task_has_one_chance():
    runs = lm_table()
    runs.loc[6, "chance"] = 0.5
    with pytest.raises(TableError, match="line 8: chance of the task copa is not what it was above"):
        check_lm_runs(runs)


def test_two_cells_of_one_size_are_refused():
    twin = lm_table([("s", 20)]).assign(model="s too")
    with pytest.raises(TableError, match=r"line 38: another model .* has the same params and tokens"):
        check_lm_runs(pd.concat([lm_table(), twin], ignore_index=True))
    check_lm_runs(pd.concat([lm_table(), twin.assign(training_set="web")], ignore_index=True))


def test_a_table_without_anything_to_fit_is_refused():
    runs = lm_table().query("kind == 'set'").assign(metric="loss")
    with pytest.raises(TableError, match="nothing to fit; needed is the metric 'cross_entropy'"):
        check_lm_runs(runs)


def test_a_run_that_diverged_needs_no_scores():
    runs = lm_table(more=[diverged("m", 80)])
    assert check_lm_runs(runs)["status"].iloc[-1] == "diverged"


def test_files_give_the_same_tables(tmp_path: Path):
    runs = lm_table(more=[diverged("m", 80)]).replace({"news": "NA"})
    resamples = resamples_of(lm_table([("s", 20)]), 0.01, draws=3).replace({"news": "NA"})
    runs.assign(model="007").drop_duplicates("evaluation").to_csv(tmp_path / "few.csv", index=False)
    assert set(read_lm_runs(tmp_path / "few.csv")["model"]) == {"007"}
    runs.to_csv(tmp_path / "runs.csv", index=False)
    resamples.to_parquet(tmp_path / "resamples.parquet")
    read, made = read_lm_runs(tmp_path / "runs.csv"), check_lm_runs(runs)
    pd.testing.assert_frame_equal(read.fillna(-1), made.fillna(-1), check_dtype=False)
    pd.testing.assert_frame_equal(
        read_lm_resamples(tmp_path / "resamples.parquet"), check_lm_resamples(resamples)
    )


def test_the_name_of_a_file_is_said(tmp_path: Path):
    lm_table().drop(columns="loss_fit").to_csv(tmp_path / "mine.csv", index=False)
    with pytest.raises(TableError, match=r"mine\.csv: column 'loss_fit' is missing"):
        read_lm_runs(tmp_path / "mine.csv")


def test_resamples_are_checked():
    drawn = resamples_of(lm_table([("s", 20)]), 0.01, draws=3)
    with pytest.raises(TableError, match="column 'seed' is missing"):
        check_lm_resamples(drawn.drop(columns="seed"))
    with pytest.raises(TableError, match="line 14: a run has the same resample of a metric a second time"):
        check_lm_resamples(pd.concat([drawn, drawn.head(1)]))
    with pytest.raises(TableError, match="line 2: value is 'x', not a number"):
        check_lm_resamples(drawn.assign(value="x"))
