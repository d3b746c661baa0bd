from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from downlaw.laws import FittedMetric, TableError, check_runs, curves, fit_runs, read_laws, read_runs
from downlaw.laws.tables import LAW_COLUMNS

TOKENS = [100_000 * 2**step for step in range(6)]


def run(mixture: str, tokens: int, **columns: object) -> dict[str, object]:
    ce = 4.0 if tokens == 0 else 2.5 + 30 * tokens**-0.3
    bleu = 2.0 if tokens == 0 else math.log(1e-4 * tokens**0.9) ** 2 / 2
    row = {"task": "de-en", "mixture": mixture, "pretrain_tokens": tokens, "finetune_pairs": 5000}
    row |= {"learning_rate": 1e-3, "pretraining_seed": 1 if mixture else None, "finetuning_seed": 1}
    row |= {"selected": True, "status": "ok", "reason": None}
    row |= {"cross_entropy": ce, "cross_entropy_low": ce - 0.1, "cross_entropy_high": ce + 0.1}
    row |= {"bleu": bleu, "bleu_low": bleu - 0.5, "bleu_high": bleu + 0.5, "chrf": 3 * bleu, "comet": None}
    return row | columns


def table(*extra: dict[str, object]) -> pd.DataFrame:
    rows = [run("", 0), *(run(mixture, tokens) for mixture in ("de+en", "en") for tokens in TOKENS)]
    return pd.DataFrame([*rows, *extra])


def test_one_row_a_curve_and_metric_in_stable_order():
    laws = fit_runs(table())
    assert tuple(laws.columns) == LAW_COLUMNS
    assert list(zip(laws["mixture"], laws["metric"], laws["law"], strict=True)) == [
        ("de+en", "cross_entropy", "power_law"),
        ("de+en", "bleu", "log_law"),
        ("de+en", "chrf", "log_law"),
        ("en", "cross_entropy", "power_law"),
        ("en", "bleu", "log_law"),
        ("en", "chrf", "log_law"),
    ]
    assert (laws["track"] == "transfer").all()
    assert (laws["status"] == "ok").all()
    assert (laws["n_fit"] == 4).all() and (laws["n_held_out"] == 2).all()
    shuffled = table().sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(fit_runs(shuffled), laws)


def test_the_coefficients_behind_a_table_are_found():
    laws = fit_runs(table()).set_index(["mixture", "metric"])
    power = laws.loc[("de+en", "cross_entropy")]
    assert [power["A"], power["alpha"], power["E"]] == pytest.approx([30, 0.3, 2.5], rel=1e-4)
    assert power["delta"] == 1e-3
    assert math.isnan(power["beta"])
    # (ln(A Dp^alpha))^2 / 2 is the log-law with both coefficients of the inner logarithm divided by sqrt(2)
    log = laws.loc[("en", "bleu")]
    assert log["beta"] == pytest.approx(2, rel=1e-3)
    assert log["alpha"] == pytest.approx(0.9 / math.sqrt(2), rel=1e-3)
    assert log["ln_A"] == pytest.approx(math.log(1e-4) / math.sqrt(2), rel=1e-3)
    assert log["A"] == pytest.approx(math.exp(log["ln_A"]))
    assert log["delta"] == 0.1
    assert math.isnan(log["E"])


def test_intervals_stay_empty_while_the_noise_is_unknown():
    laws = fit_runs(table())
    bounds = [column for column in laws.columns if column.endswith(("_low", "_high"))]
    assert len(bounds) == 8
    assert laws[bounds].isna().all().all()


def test_a_coefficient_beyond_what_a_number_can_hold_stays_empty_and_its_logarithm_does_not():
    tokens = np.array(TOKENS, dtype=float)
    scores = (200 * (np.log(tokens) - 11)) ** 0.2
    rows = [run("en", t, bleu=score) for t, score in zip(TOKENS, scores, strict=True)]
    law = fit_runs(pd.DataFrame(rows), metrics={"bleu": FittedMetric("log_law", 0.1)}).iloc[0]
    assert law["ln_A"] == pytest.approx(-2200, rel=1e-3)
    assert math.isnan(law["A"])


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
    law = fit_runs(table(*extra)).iloc[0]
    assert law["n_diverged"] == 2
    assert fit_runs(table()).iloc[0]["n_diverged"] == 0


def test_runs_that_lack_a_metric_are_counted():
    runs = table(run("de+en", 2 * TOKENS[-1], bleu=None))
    law = fit_runs(runs).set_index(["mixture", "metric"]).loc[("de+en", "bleu")]
    assert (law["n_missing"], law["n_held_out"]) == (1, 2)


def test_a_mixture_whose_every_run_diverged_still_has_its_rows():
    runs = table(run("fr", TOKENS[0], status="diverged", cross_entropy=None, bleu=None, chrf=None))
    rows = fit_runs(runs).query("mixture == 'fr'")
    assert len(rows) == 3
    assert (rows["status"] == "underdetermined").all()
    assert (rows["n_fit"] == 0).all() and (rows["n_diverged"] == 1).all()


def test_a_metric_without_numbers_is_passed_over_and_with_numbers_is_fitted():
    assert "comet" not in set(fit_runs(table())["metric"])
    scored = table()
    scored["comet"] = scored["bleu"] / 100
    assert "comet" in set(fit_runs(scored)["metric"])


def test_scores_of_zero_are_said_to_be_undefined():
    runs = table()
    runs.loc[runs["pretrain_tokens"] == TOKENS[0], "bleu"] = 0.0
    law = fit_runs(runs).query("metric == 'bleu'").iloc[0]
    assert law["status"] == "undefined for this family"
    assert law[["A", "alpha", "beta", "objective", "fit_error", "held_out_error"]].isna().all()


def test_direction_of_a_curve_is_described_by_rank_correlation():
    laws = fit_runs(table()).set_index(["mixture", "metric"])["spearman"]
    assert laws[("en", "cross_entropy")] == pytest.approx(-1)
    assert laws[("en", "bleu")] == pytest.approx(1)
    level = table()
    level["bleu"] = 5.0
    assert fit_runs(level).query("metric == 'bleu'")["spearman"].isna().all()


def test_a_table_by_hand_needs_four_columns_and_a_metric():
    runs = table()[["task", "finetune_pairs", "mixture", "pretrain_tokens", "chrf"]]
    laws = fit_runs(runs)
    assert list(laws["metric"]) == ["chrf", "chrf"]
    assert (laws["status"] == "ok").all()


def test_a_table_from_a_file_gives_the_same_laws(tmp_path: Path):
    runs = table()
    runs["selected"] = runs["selected"].map({True: "true", False: "false"})
    runs.to_csv(tmp_path / "runs.csv", index=False)
    pd.testing.assert_frame_equal(fit_runs(read_runs(tmp_path / "runs.csv")), fit_runs(table()))


def test_a_mixture_may_be_called_na_or_007(tmp_path: Path):
    runs = table()
    runs["mixture"] = runs["mixture"].replace({"de+en": "NA", "en": "007"})
    runs.to_csv(tmp_path / "runs.csv", index=False)
    found = {curve.mixture for curve in curves(read_runs(tmp_path / "runs.csv"), "bleu")}
    assert found == {"NA", "007"}


def test_a_table_of_laws_survives_its_file(tmp_path: Path):
    runs = table()
    runs["mixture"] = runs["mixture"].replace({"de+en": "NA", "en": "007"})
    laws = fit_runs(runs)
    laws.to_csv(tmp_path / "laws.csv", index=False)
    read = read_laws(tmp_path / "laws.csv")
    pd.testing.assert_frame_equal(read, laws, check_dtype=False, check_exact=True)


def test_a_file_that_is_no_table_of_laws_is_refused(tmp_path: Path):
    table().to_csv(tmp_path / "runs.csv", index=False)
    with pytest.raises(TableError, match=r"runs\.csv: column 'track' is missing"):
        read_laws(tmp_path / "runs.csv")


@pytest.mark.parametrize("column", ["task", "finetune_pairs", "mixture", "pretrain_tokens"])
def test_a_missing_column_is_named(column: str):
    with pytest.raises(TableError, match=f"column '{column}' is missing"):
        fit_runs(table().drop(columns=column))


def test_a_table_without_any_metric_is_refused():
    with pytest.raises(TableError, match="no metric to fit"):
        fit_runs(table().drop(columns=["cross_entropy", "bleu", "chrf", "comet"]))


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
