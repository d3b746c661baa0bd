from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import TOKENS, run, table

from downlaw.laws import LAW_COLUMNS, METRICS, PREDICTION_COLUMNS, TableError, read_laws
from downlaw.laws import fit_runs as fit_all
from downlaw.laws import predict_runs as predict_all

BARE = ["cross_entropy_low", "cross_entropy_high", "bleu_low", "bleu_high"]


def fit_runs(runs: pd.DataFrame, **options: object) -> pd.DataFrame:
    return fit_all(runs, samples=100, **options)


def predict_runs(runs: pd.DataFrame, **options: object) -> pd.DataFrame:
    return predict_all(runs, samples=100, **options)


@cache
def plain_laws() -> pd.DataFrame:
    return fit_runs(table())


def law_of(laws: pd.DataFrame, mixture: str, metric: str, role: str = "law") -> pd.Series:
    return laws[(laws["mixture"] == mixture) & (laws["metric"] == metric) & (laws["role"] == role)].iloc[0]


def test_one_law_and_its_rivals_a_curve_in_stable_order():
    laws = plain_laws()
    assert tuple(laws.columns) == LAW_COLUMNS
    expected = [
        (mixture, metric, law)
        for mixture in ("de+en", "en")
        for metric in ("cross_entropy", "bleu", "chrf")
        for law in (METRICS[metric].law, *METRICS[metric].rivals)
    ]
    assert list(zip(laws["mixture"], laws["metric"], laws["law"], strict=True)) == expected
    assert (laws["track"] == "transfer").all()
    assert (laws["n_fit"] == 4).all() and (laws["n_held_out"] == 2).all()
    shuffled = table().sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(fit_runs(shuffled), laws)


def test_the_parameters_behind_a_table_are_found():
    laws = plain_laws()
    power = law_of(laws, "de+en", "cross_entropy")
    assert [power["A"], power["alpha"], power["E"]] == pytest.approx([30, 0.3, 2.5], rel=1e-3)
    assert power["delta"] == 1e-3
    assert math.isnan(power["beta"])
    # (ln(A Dp^alpha))^2 / 2 is the log-law with both parameters of the inner logarithm divided by sqrt(2)
    log = law_of(laws, "en", "bleu")
    assert log["beta"] == pytest.approx(2, rel=1e-3)
    assert log["alpha"] == pytest.approx(0.9 / math.sqrt(2), rel=1e-3)
    assert log["ln_A"] == pytest.approx(math.log(1e-4) / math.sqrt(2), rel=1e-3)
    assert log["c"] == pytest.approx(log["ln_A"] / log["alpha"])
    assert log["alpha_pow_beta"] == pytest.approx(log["alpha"] ** log["beta"])
    assert log["delta"] == 0.1
    assert math.isnan(log["E"])


def test_without_a_noise_level_there_is_no_interval_and_the_table_says_so():
    laws = fit_runs(table().drop(columns=BARE))
    bounds = [column for column in laws.columns if column.endswith(("_low", "_high"))]
    assert laws[[*bounds, "noise", "noise_sd", "interval_level"]].isna().all().all()
    assert set(laws.loc[laws["role"] == "law", "interval_status"]) == {"noise unknown"}
    predictions = predict_runs(table().drop(columns=BARE))
    assert predictions["predicted"].notna().all()
    assert predictions[["low", "high", "measured_low", "measured_high"]].isna().all().all()
    assert set(predictions["interval_status"]) == {"noise unknown"}


def test_with_a_noise_level_intervals_hold_the_parameters_of_the_law():
    law = law_of(fit_runs(table().drop(columns=BARE), relative_noise=0.002), "en", "cross_entropy")
    assert law["alpha_low"] < 0.3 < law["alpha_high"]
    assert law["E_low"] < 2.5 < law["E_high"]
    assert (law["noise"], law["interval_level"], law["interval_status"]) == ("given", 0.9, "ok")
    assert law["noise_sd"] == pytest.approx(0.002, rel=0.1)


def test_noise_that_drowns_the_bend_makes_a_law_unidentified():
    quiet, loud = (
        law_of(fit_runs(table().drop(columns=BARE), relative_noise=sd), "en", "bleu") for sd in (1e-4, 0.5)
    )
    assert (quiet["status"], loud["status"]) == ("ok", "unidentified")


def test_the_family_that_made_a_curve_predicts_it_best():
    laws = plain_laws()
    assert law_of(laws, "en", "cross_entropy")["best"]
    assert laws[laws["best"]].groupby(["mixture", "metric"]).size().eq(1).all()
    straight = table()
    straight["bleu"] = np.log(straight["pretrain_tokens"].clip(lower=1)) + 0.5
    best = fit_runs(straight).query("metric == 'bleu' and best")
    assert set(best["leave_last_out_error"] < 1e-6) == {True}
    assert set(best["law"]) <= {"linear_log", "log_law"}


def test_leave_last_out_errors_are_those_of_predictions_made_beforehand():
    runs = table()
    runs.loc[(runs["mixture"] == "en") & (runs["pretrain_tokens"] == TOKENS[-1]), "chrf"] *= 2
    laws = fit_runs(runs)
    error = law_of(laws, "en", "chrf")["leave_last_out_error"]
    assert error == pytest.approx(math.log(2) / 2, rel=1e-3), "the fifth point exactly, the sixth off by 2"


def test_predictions_meet_what_was_held_out_and_reach_beyond_it():
    predictions = predict_runs(table(), relative_noise=0.01)
    assert tuple(predictions.columns) == PREDICTION_COLUMNS
    one = predictions[(predictions["mixture"] == "en") & (predictions["metric"] == "cross_entropy")]
    assert list(one["fitted"]) == ["smallest"] * 2 + ["all"] * 3
    assert list(one["pretrain_tokens"]) == [*TOKENS[4:], *(k * TOKENS[-1] for k in (2, 4, 8))]
    held_out = one[one["fitted"] == "smallest"]
    assert held_out["predicted"].to_numpy() == pytest.approx(held_out["observed"].to_numpy(), rel=1e-5)
    ahead = one[one["fitted"] == "all"]
    assert ahead["observed"].isna().all()
    true = 2.5 + 30 * ahead["pretrain_tokens"] ** -0.3
    assert ahead["predicted"].to_numpy() == pytest.approx(true.to_numpy(), rel=1e-5)
    assert (one["low"] <= one["high"]).all()
    assert (one["measured_high"] - one["measured_low"] > one["high"] - one["low"]).all()


def test_budgets_may_be_asked_for():
    predictions = predict_runs(table(), budgets=[10**9])
    assert set(predictions.loc[predictions["fitted"] == "all", "pretrain_tokens"]) == {10**9}
    with pytest.raises(ValueError, match="budgets must be positive"):
        predict_runs(table(), budgets=[0])


def test_where_there_is_no_law_predictions_are_empty_and_say_why():
    runs = table()
    runs.loc[(runs["pretrain_tokens"] == TOKENS[1]) & (runs["mixture"] == "en"), "bleu"] = 0.0
    runs = pd.concat([runs, pd.DataFrame([run("fr", TOKENS[0])])])
    predictions = predict_runs(runs)
    zero = predictions[(predictions["mixture"] == "en") & (predictions["metric"] == "bleu")]
    assert zero["predicted"].isna().all()
    assert set(zero["status"]) == {"undefined for this family"}
    assert set(predictions.loc[predictions["mixture"] == "fr", "status"]) == {"underdetermined"}


def test_a_parameter_beyond_what_a_number_can_hold_stays_empty_and_its_logarithm_does_not():
    tokens = np.array(TOKENS, dtype=float)
    scores = (200 * (np.log(tokens) - 11)) ** 0.2
    rows = [run("en", t, bleu=score) for t, score in zip(TOKENS, scores, strict=True)]
    law = law_of(fit_runs(pd.DataFrame(rows)), "en", "bleu")
    assert law["ln_A"] == pytest.approx(-2200, rel=1e-2)
    assert law["A"] == 0 or math.isnan(law["A"])


def test_both_procedures_give_the_same_laws():
    columns = ["alpha", "E", "beta", "c", "objective", "held_out_error"]
    fast, paper = (
        law_of(fit_runs(table(), method=method), "en", "cross_entropy")[columns].astype(float)
        for method in ("fast", "paper")
    )
    pd.testing.assert_series_equal(fast, paper, rtol=1e-3, atol=1e-6)


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


def test_a_table_of_runs_may_be_parquet(tmp_path: Path):
    from downlaw.laws import read_runs

    table().to_parquet(tmp_path / "runs.parquet")
    pd.testing.assert_frame_equal(fit_runs(read_runs(tmp_path / "runs.parquet")), fit_runs(table()))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(TableError, match="not a Parquet table"):
        read_runs(tmp_path / "broken.parquet")
