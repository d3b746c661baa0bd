from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from downlaw.laws import TableError, predict_runs
from downlaw.report.lines import LINE_COLUMNS, law_lines
from downlaw.report.tables import read_lines

LAST = 32_768 * 32
LINE = ["mixture", "metric", "fitted"]


def test_every_law_is_drawn_over_its_points_and_on_to_the_largest_budget(lines: pd.DataFrame):
    assert list(lines.columns) == list(LINE_COLUMNS)
    ends = lines.groupby(LINE)["pretrain_tokens"].agg(["min", "max"])
    assert set(ends.loc["en+de"].itertuples(index=False, name=None)) == {(32_768, LAST), (LAST, 8 * LAST)}
    assert lines.groupby(LINE)["pretrain_tokens"].is_monotonic_increasing.all()


def test_lines_say_what_predictions_say(runs: pd.DataFrame, lines: pd.DataFrame):
    said = predict_runs(runs, samples=100).astype({"pretrain_tokens": float})
    both = said.merge(lines, on=[*LINE, "pretrain_tokens"], suffixes=("", "_line"))
    assert {"smallest", "all"} == set(both["fitted"])
    for column in ("predicted", "low", "high"):
        np.testing.assert_allclose(both[column], both[f"{column}_line"], rtol=1e-9)


def test_lines_pass_through_the_last_fitted_point_where_solid_turns_to_dashed(lines: pd.DataFrame):
    tested = lines[lines["fitted"] == "smallest"]
    assert (tested.groupby(LINE)["pretrain_tokens"].apply(lambda tokens: 32_768 * 8 in set(tokens))).all()


def test_a_flat_law_has_no_line(runs: pd.DataFrame, lines: pd.DataFrame, fit):
    laws = fit(runs)
    flat = laws[(laws["status"] == "flat") & (laws["role"] == "law")][["mixture", "metric"]]
    assert len(flat) == 2
    assert flat.merge(lines, on=["mixture", "metric"]).empty


def test_given_budgets_end_the_extrapolation_and_none_beyond_the_data_leaves_none(runs: pd.DataFrame):
    here = runs[["task", "finetune_pairs", "mixture", "pretrain_tokens", "cross_entropy"]]
    far = law_lines(here, budgets=[3 * LAST, 20 * LAST])
    assert far["pretrain_tokens"].max() == 20 * LAST
    assert set(law_lines(here, budgets=[LAST // 2])["fitted"]) == {"smallest"}
    assert far[["low", "high", "interval_level"]].isna().all(axis=None)


def test_a_study_without_laws_has_no_lines_and_its_table_is_read_again(runs: pd.DataFrame, tmp_path: Path):
    runs.loc[runs["pretrain_tokens"] > 0, "status"] = "diverged"
    law_lines(runs, samples=100).to_csv(tmp_path / "lines.csv", index=False)
    assert read_lines(tmp_path / "lines.csv").empty


def test_a_table_that_is_not_one_of_lines_is_refused(tmp_path: Path, lines: pd.DataFrame):
    lines.drop(columns="predicted").to_csv(tmp_path / "lines.csv", index=False)
    with pytest.raises(TableError, match=r"lines.csv: column 'predicted' is missing; fit the runs again"):
        read_lines(tmp_path / "lines.csv")
