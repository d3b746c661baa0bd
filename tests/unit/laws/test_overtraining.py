from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from made_lm_runs import (
    COEFFICIENTS,
    FITTED,
    FLOORS,
    HELD_OUT,
    SIZES,
    diverged,
    lm_table,
    loss_of,
    noisy,
    resamples_of,
    run_rows,
)

from downlaw.laws import LM_LAW_COLUMNS, LM_LINE_COLUMNS, LM_PREDICTION_COLUMNS, LmLaws, fit, fit_lm_runs

SAMPLES = 60
INTERVALS = ["low", "high", "measured_low", "measured_high"]


def fitted(runs: pd.DataFrame, **options) -> LmLaws:
    return fit_lm_runs(runs, **{"samples": SAMPLES} | options)


def both(runs: pd.DataFrame) -> pd.DataFrame:
    """Without tasks: both evaluation sets."""
    return runs[runs["kind"] != "task"]


def losses(runs: pd.DataFrame) -> pd.DataFrame:
    """Without tasks, and one evaluation set."""
    return runs[runs["evaluation"].fillna("news") == "news"]


def law_of(found: LmLaws, evaluation: str = "news", law: str = "overtraining_law") -> pd.Series:
    rows = found.laws[(found.laws["evaluation_set"] == evaluation) & (found.laws["law"] == law)]
    assert len(rows) == 1
    return rows.iloc[0]


def predictions_of(found: LmLaws, evaluation: str = "news") -> pd.DataFrame:
    table = found.predictions
    rows = table[(table["evaluation_set"] == evaluation) & (table["metric"] == "cross_entropy")]
    return rows.set_index(["model", "multiplier_asked"])


@pytest.fixture(scope="module", autouse=True)
def few_starts():
    """What is tested here is not the search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "FAST_STARTS", 2)
        yield


@pytest.fixture(scope="module")
def exact() -> LmLaws:
    return fitted(both(lm_table()))


def test_known_coefficients_are_found():
    found = fitted(both(lm_table()))
    for evaluation, floor in FLOORS.items():
        law = law_of(found, evaluation)
        assert law[list(COEFFICIENTS)].tolist() == pytest.approx(list(COEFFICIENTS.values()), rel=1e-3)
        assert law["E"] == pytest.approx(floor, rel=1e-4)
        assert law["status"] == "ok"
        assert (law["n_fit"], law["n_held_out"], law["n_diverged"], law["n_missing"]) == (6, 3, 0, 0)
        assert law["held_out_error"] < 1e-5
        assert law["delta"] == math.inf


def test_held_out_cells_are_predicted(exact: LmLaws):
    rows = predictions_of(exact)
    assert list(rows.index) == list(HELD_OUT)
    truth = [loss_of(SIZES[model], multiplier) for model, multiplier in HELD_OUT]
    assert rows["predicted"].tolist() == pytest.approx(truth, rel=1e-5)
    assert rows["observed"].tolist() == pytest.approx(truth, rel=1e-6)
    assert np.abs(rows["relative_error"]).max() < 1e-5


def test_held_out_values_do_not_move_the_law(exact: LmLaws):
    runs = both(lm_table())
    held_out = ~runs["loss_fit"]
    runs.loc[held_out, "value"] *= 1.1
    moved = fitted(runs)
    assert law_of(moved)["a"] == law_of(exact)["a"]
    assert predictions_of(moved)["predicted"].tolist() == predictions_of(exact)["predicted"].tolist()
    assert predictions_of(moved)["relative_error"].tolist() == pytest.approx([1 / 1.1 - 1] * 3, rel=1e-4)
    assert law_of(moved)["held_out_error"] == pytest.approx(math.log(1.1), rel=1e-4)


def test_the_rival_is_a_law_of_size_and_tokens_without_intervals():
    runs = losses(lm_table())
    rival = law_of(fitted(runs, resamples=resamples_of(runs, 0.001)), law="chinchilla")
    assert rival["role"] == "rival"
    assert rival["alpha"] == pytest.approx(2 * COEFFICIENTS["eta"], rel=1e-2)
    assert rival["status"] == "ok"
    assert rival[["alpha_low", "noise", "noise_sd", "interval_status", "misfit_p"]].isna().all()


def test_tables_have_their_columns_and_the_order_of_the_runs(exact: LmLaws):
    assert exact.laws.columns.tolist() == list(LM_LAW_COLUMNS)
    assert exact.predictions.columns.tolist() == list(LM_PREDICTION_COLUMNS)
    assert exact.lines.columns.tolist() == list(LM_LINE_COLUMNS)
    assert exact.laws["evaluation_set"].tolist() == ["news", "news", "web", "web"]
    assert exact.tasks.empty and "error" not in set(exact.laws["metric"])
    other = pd.concat([losses(lm_table(training_set="zeta")), losses(lm_table())], ignore_index=True)
    assert fitted(other).laws["training_set"].tolist() == ["zeta"] * 2 + ["news"] * 2
    pd.testing.assert_frame_equal(fitted(both(lm_table())).laws, exact.laws)


def test_without_noise_there_are_no_intervals(exact: LmLaws):
    law, rows = law_of(exact), predictions_of(exact)
    assert law["interval_status"] == "noise unknown"
    assert law[["E_low", "E_high", "noise", "noise_sd", "misfit_p", "interval_level"]].isna().all()
    assert rows[[*INTERVALS, "inside", "noise", "interval_level"]].isna().all(axis=None)
    assert (rows["interval_status"] == "noise unknown").all()


def test_two_seeds_are_averaged():
    runs = losses(lm_table(seeds=2))
    runs["value"] *= np.where(runs["seed"] == 1, 0.99, 1.01)
    found = fitted(runs)
    assert law_of(found)["E"] == pytest.approx(FLOORS["news"], rel=1e-4)
    rows = predictions_of(found)
    assert (rows["n_seeds"] == 2).all()
    assert rows["observed"].iloc[0] == pytest.approx(loss_of(SIZES["xl"], 20))


def test_compute_counts_every_run_that_was_read():
    flops = sum(6 * SIZES[model] ** 2 * multiplier for model, multiplier in FITTED)
    target = 6 * SIZES["xl"] ** 2 * 20
    for seeds in (1, 2):
        found = fitted(losses(lm_table(seeds=seeds)))
        assert law_of(found)["fitted_flops"] == pytest.approx(seeds * flops)
        rows = predictions_of(found)
        assert rows.loc[("xl", 20), "times_less_compute"] == pytest.approx(target / (seeds * flops))


def test_a_cell_with_a_diverged_seed_is_left_out_and_counted():
    cells = [cell for cell in (*FITTED, *HELD_OUT) if cell != ("m", 20)]
    wrong = [row | {"value": 9.0} for row in run_rows("m", 20)]
    found = fitted(losses(lm_table(cells, more=[*wrong, diverged("m", 20, seed=2)])))
    law = law_of(found)
    assert (law["n_fit"], law["n_held_out"], law["n_diverged"]) == (5, 3, 1)
    assert law["E"] == pytest.approx(FLOORS["news"], rel=1e-3)


def test_a_diverged_cell_that_is_held_out_is_predicted_at_the_size_asked():
    cells = [cell for cell in (*FITTED, *HELD_OUT) if cell != ("l", 160)]
    runs = lm_table(cells, more=[diverged("l", 160)])
    found = fitted(losses(runs))
    row = predictions_of(found).loc[("l", 160)]
    assert row["predicted"] == pytest.approx(loss_of(SIZES["l"], 160), rel=1e-4)
    assert row["n_seeds"] == 0
    assert row[["observed", "relative_error", "inside"]].isna().all()
    assert law_of(found)["n_held_out"] == 2


def test_runs_without_the_score_are_counted():
    runs = both(lm_table())
    runs = runs[~((runs["model"] == "xl") & (runs["evaluation"] == "web"))]
    found = fitted(runs)
    assert (law_of(found, "web")["n_missing"], law_of(found)["n_missing"]) == (1, 0)
    assert predictions_of(found, "web")["observed"].isna().tolist() == [True, False, False]


def test_too_few_points_are_said_and_nothing_is_drawn():
    found = fitted(losses(lm_table([("xs", 20), ("s", 20), ("xl", 20)])))
    law = law_of(found)
    assert (law["status"], law["n_fit"]) == ("underdetermined", 2)
    assert law[["E", "a", "held_out_error"]].isna().all()
    assert predictions_of(found)["predicted"].isna().all()
    assert found.lines.empty


def test_a_study_whose_every_run_diverged_still_has_its_rows():
    lost = [diverged(*cell) | {"training_set": "lost"} for cell in FITTED]
    found = fitted(losses(lm_table()).pipe(lambda table: pd.DataFrame([*table.to_dict("records"), *lost])))
    rows = found.laws[found.laws["training_set"] == "lost"]
    assert len(rows) == 2
    assert (rows["status"] == "underdetermined").all()
    assert (rows["n_diverged"] == 6).all() and (rows["n_fit"] == 0).all()


def test_lines_give_the_law_for_each_multiplier_asked(exact: LmLaws):
    lines = exact.lines[exact.lines["evaluation_set"] == "news"]
    assert sorted(lines["multiplier"].unique()) == [20, 80, 160, 320]
    cheapest = 6 * SIZES["xs"] ** 2 * 20
    dearest = 6 * SIZES["xl"] ** 2 * 20
    for multiplier, line in lines.groupby("multiplier"):
        assert line["flops"].iloc[[0, -1]].tolist() == pytest.approx([cheapest, dearest])
        params = np.sqrt(line["flops"] / 6 / multiplier)
        truth = [loss_of(each, multiplier) for each in params]
        assert line["predicted"].tolist() == pytest.approx(truth, rel=1e-3)
        assert line["E"].tolist() == pytest.approx([FLOORS["news"]] * len(line), rel=1e-4)


def test_resamples_give_intervals_that_hold_what_is_held_out():
    runs = losses(lm_table())
    found = fitted(noisy(runs, 0.002), resamples=resamples_of(runs, 0.002), samples=200)
    law, rows = law_of(found), predictions_of(found)
    assert (law["noise"], law["interval_status"], law["interval_level"]) == ("segments", "ok", 0.9)
    assert law["noise_sd"] == pytest.approx(0.002, rel=0.15)
    assert law["E_low"] < law["E"] < law["E_high"]
    assert (rows["low"] < rows["predicted"]).all() and (rows["predicted"] < rows["high"]).all()
    assert (rows["measured_high"] - rows["measured_low"] > rows["high"] - rows["low"]).all()
    lines = found.lines[found.lines["evaluation_set"] == "news"]
    assert (lines["low"] <= lines["high"]).all()
    inside = (rows["measured_low"] <= rows["observed"]) & (rows["observed"] <= rows["measured_high"])
    assert rows["inside"].tolist() == inside.tolist()
    wider = fitted(noisy(runs, 0.002), resamples=resamples_of(runs, 0.004), samples=200)
    ratio = (predictions_of(wider)["high"] - predictions_of(wider)["low"]) / (rows["high"] - rows["low"])
    assert ratio.between(1.6, 2.5).all()


def test_what_all_runs_share_cancels_in_a_measurement_on_the_same_evaluation():
    runs = losses(lm_table())
    apart = predictions_of(fitted(runs, resamples=resamples_of(runs, 0.01)))
    shared = predictions_of(fitted(runs, resamples=resamples_of(runs, 0.01, common=True)))
    width = np.log(shared["high"] / shared["low"])
    assert width.between(0.02, 0.05).all(), "the law itself is as uncertain as the evaluation"
    assert np.log(shared["measured_high"] / shared["measured_low"]).max() < 1e-3
    assert np.log(apart["measured_high"] / apart["measured_low"]).min() > 0.02


def test_seeds_give_intervals_and_their_noise_falls_with_their_number():
    runs = losses(lm_table(seeds=lambda *cell: 4 if cell in FITTED or cell == ("xl", 20) else 1))
    found = fitted(noisy(runs, 0.01), samples=2000)
    law, rows = law_of(found), predictions_of(found)
    assert law["noise"] == "seeds"
    assert law["noise_sd"] == pytest.approx(0.005, rel=0.4)
    extra = {
        cell: np.log(row["measured_high"] / row["measured_low"]) ** 2 - np.log(row["high"] / row["low"]) ** 2
        for cell, row in rows.iterrows()
    }
    assert extra[("l", 160)] / extra[("xl", 20)] == pytest.approx(4, rel=0.5)


def test_segments_and_seeds_add():
    runs = losses(lm_table(seeds=3))
    values = noisy(runs, 0.01)
    law = law_of(fitted(values, resamples=resamples_of(values, 0.02)))
    assert law["noise"] == "segments and seeds"
    seeds = law_of(fitted(values))["noise_sd"]
    assert law["noise_sd"] == pytest.approx(math.hypot(0.02 / math.sqrt(3), seeds), rel=0.1)


def test_few_seeds_widen_the_intervals():
    # Two seeds that lie equally far apart in every cell: the same variance, from more or fewer of them.
    runs = losses(lm_table(seeds=lambda *cell: 2 if cell in FITTED else 1))
    runs["value"] *= np.where(runs["loss_fit"], np.where(runs["seed"] == 1, 0.999, 1.001), 1.0)
    fewer = runs[(runs["seed"] == 1) | (runs["model"] == "l")]
    widths = []
    for table in (runs, fewer):
        row = predictions_of(fitted(table, samples=1000)).loc[("l", 160)]
        widths.append(math.log(row["measured_high"] / row["measured_low"]))
    assert widths[1] > 2 * widths[0]


def test_intervals_need_resamples_of_every_fitted_run():
    runs = both(lm_table())
    drawn = resamples_of(runs, 0.01)
    lacking = drawn[~((drawn["model"] == "m") & (drawn["evaluation"] == "news"))]
    found = fitted(runs, resamples=lacking)
    assert law_of(found)["interval_status"] == "noise unknown"
    assert law_of(found, "web")["interval_status"] == "ok"
    of_target = drawn[drawn["model"] != "xl"]
    row = predictions_of(fitted(runs, resamples=of_target)).loc[("xl", 20)]
    assert row["low"] < row["high"]
    assert row[["measured_low", "measured_high", "inside"]].isna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"error_loss": "books"}, "error_loss 'books' is no evaluation set; there are news, web"),
        ({"level": 1.0}, "level must lie between 0 and 1"),
        ({"samples": 0}, "samples be positive"),
    ],
)
def test_wrong_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        fit_lm_runs(both(lm_table()), **options)
