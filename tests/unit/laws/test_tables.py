from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from made_runs import TOKENS, run, table

from downlaw.laws import METRICS, TableError, check_runs, curves, fit_runs, read_runs


def main_laws(runs: pd.DataFrame, **options: object) -> pd.DataFrame:
    """The law of each curve, without rivals."""
    alone = {metric: replace(how, rivals=()) for metric, how in METRICS.items()}
    return fit_runs(runs, samples=20, metrics=alone, **options)


def test_the_baseline_is_kept_aside():
    curve = curves(table(), "cross_entropy")[0]
    assert [point.pretrain_tokens for point in curve.points] == TOKENS
    assert curve.baseline is not None
    assert curve.baseline.value == 4.0
    without = table().query("pretrain_tokens > 0")
    assert curves(without, "cross_entropy")[0].baseline is None


def test_a_point_is_the_mean_over_seeds_with_their_range():
    extra = run("de+en", TOKENS[0], finetuning_seed=2)
    extra["bleu"] += 1.0
    point = curves(table(extra), "bleu")[0].points[0]
    alone = curves(table(), "bleu")[0].points[0]
    assert point.n_seeds == 2
    assert point.value == pytest.approx(alone.value + 0.5)
    assert (point.low, point.high) == (alone.value, alone.value + 1.0)
    assert (alone.low, alone.high) == (alone.value - 0.5, alone.value + 0.5)


def test_a_point_without_an_interval_has_none():
    point = curves(table().drop(columns=["bleu_low", "bleu_high"]), "bleu")[0].points[0]
    assert math.isnan(point.low) and math.isnan(point.high)


def test_only_selected_and_finished_runs_make_a_curve_and_the_others_are_counted():
    extra = [
        run("de+en", TOKENS[0], learning_rate=2e-3, selected=False, bleu=99.0),
        run("de+en", TOKENS[1], learning_rate=2e-3, selected=False, status="diverged", bleu=None),
        run("de+en", 2 * TOKENS[-1], status="diverged in pretraining", bleu=None),
    ]
    curve = curves(table(*extra), "bleu")[0]
    assert len(curve.points) == 6
    assert curve.n_diverged == 2
    assert curve.n_missing == 0
    law = main_laws(table(*extra)).iloc[0]
    assert law["n_diverged"] == 2
    assert main_laws(table()).iloc[0]["n_diverged"] == 0


def test_runs_that_lack_a_metric_are_counted():
    runs = table(run("de+en", 2 * TOKENS[-1], bleu=None))
    law = main_laws(runs).set_index(["mixture", "metric"]).loc[("de+en", "bleu")]
    assert (law["n_missing"], law["n_held_out"]) == (1, 2)


def test_a_mixture_whose_every_run_diverged_still_has_its_rows():
    runs = table(run("fr", TOKENS[0], status="diverged", cross_entropy=None, bleu=None, chrf=None))
    rows = main_laws(runs).query("mixture == 'fr'")
    assert len(rows) == 3
    assert (rows["status"] == "underdetermined").all()
    assert (rows["n_fit"] == 0).all() and (rows["n_diverged"] == 1).all()


def test_a_metric_without_numbers_is_passed_over_and_with_numbers_is_fitted():
    assert "comet" not in set(main_laws(table())["metric"])
    scored = table()
    scored["comet"] = scored["bleu"] / 100
    assert "comet" in set(main_laws(scored)["metric"])


def test_scores_of_zero_are_said_to_be_undefined():
    runs = table()
    runs.loc[runs["pretrain_tokens"] == TOKENS[0], "bleu"] = 0.0
    law = main_laws(runs).query("metric == 'bleu'").iloc[0]
    assert law["status"] == "undefined for this family"
    assert law[["c", "alpha", "beta", "objective", "fit_error", "held_out_error"]].isna().all()


def test_direction_of_a_curve_is_described_by_rank_correlation():
    laws = main_laws(table()).set_index(["mixture", "metric"])["spearman"]
    assert laws[("en", "cross_entropy")] == pytest.approx(-1)
    assert laws[("en", "bleu")] == pytest.approx(1)
    level = table()
    level["bleu"] = 5.0
    assert main_laws(level).query("metric == 'bleu'")["spearman"].isna().all()


def test_a_table_by_hand_needs_four_columns_and_a_metric():
    runs = table()[["task", "finetune_pairs", "mixture", "pretrain_tokens", "chrf"]]
    laws = main_laws(runs)
    assert list(laws["metric"]) == ["chrf", "chrf"]
    assert (laws["status"] == "ok").all()


def test_a_table_from_a_file_gives_the_same_laws(tmp_path: Path):
    runs = table()
    runs["selected"] = runs["selected"].map({True: "true", False: "false"})
    runs.to_csv(tmp_path / "runs.csv", index=False)
    pd.testing.assert_frame_equal(main_laws(read_runs(tmp_path / "runs.csv")), main_laws(table()))


def test_a_mixture_may_be_called_na_or_007(tmp_path: Path):
    runs = table()
    runs["mixture"] = runs["mixture"].replace({"de+en": "NA", "en": "007"})
    runs.to_csv(tmp_path / "runs.csv", index=False)
    found = {curve.mixture for curve in curves(read_runs(tmp_path / "runs.csv"), "bleu")}
    assert found == {"NA", "007"}


@pytest.mark.parametrize("column", ["task", "finetune_pairs", "mixture", "pretrain_tokens"])
def test_a_missing_column_is_named(column: str):
    with pytest.raises(TableError, match=f"column '{column}' is missing"):
        main_laws(table().drop(columns=column))


def test_a_table_without_any_metric_is_refused():
    with pytest.raises(TableError, match="no metric to fit"):
        main_laws(table().drop(columns=["cross_entropy", "bleu", "chrf", "comet"]))


def test_asking_for_the_curves_of_a_metric_that_is_not_there_is_refused():
    with pytest.raises(TableError, match="'chrf' is missing"):
        curves(table().drop(columns="chrf"), "chrf")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("bleu", "many", "line 4: bleu is 'many', not a number"),
        ("bleu_low", "nan", "line 4: bleu_low is 'nan', not a number"),
        ("cross_entropy", math.inf, "line 4: cross_entropy is not finite"),
        ("pretrain_tokens", -5, "line 4: pretrain_tokens is negative"),
        ("pretrain_tokens", 10.5, "line 4: pretrain_tokens is not a whole number"),
        ("pretrain_tokens", None, "line 4: pretrain_tokens is empty"),
        ("pretrain_tokens", 0, "line 4: pretrain_tokens is 0, yet a mixture is named"),
        ("finetune_pairs", "5k", "line 4: finetune_pairs is '5k', not a number"),
        ("mixture", None, "line 4: the mixture is empty"),
        ("task", None, "line 4: task is empty"),
        ("status", None, "line 4: status is empty"),
        ("selected", "maybe", "line 4: selected is neither true nor false"),
        ("pretrain_tokens", TOKENS[0], "line 4: a second selected run"),
    ],
)
def test_a_bad_cell_is_refused_with_its_line_and_column(column: str, value: object, message: str):
    runs = table().astype({column: object})
    runs.loc[2, column] = value
    with pytest.raises(TableError, match=message):
        check_runs(runs)


def test_a_bad_cell_in_a_file_is_refused_with_the_name_of_the_file(tmp_path: Path):
    path = tmp_path / "mine.csv"
    table().astype({"bleu": object}).assign(bleu="high").to_csv(path, index=False)
    with pytest.raises(TableError, match=r"mine\.csv, line 2: bleu is 'high', not a number"):
        read_runs(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"task,mixture\n\xff\xfe\n", "not a CSV table"),
        (b'task,mixture\n"a,b\n1', "not a CSV table"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_runs(path)
