from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_valuations import (
    BLEU,
    FASTER,
    LARGEST,
    TOKENS,
    at_budget,
    loss,
    noisy,
    resamples,
    run,
    score,
    table,
    to_target,
)

from downlaw.laws import FAMILIES, METRICS, FittedMetric, curves, fit_curves
from downlaw.laws.estimates import (
    Estimate,
    at_tokens,
    ln_tokens_to_reach,
    shares_best,
    with_comparable_rows,
)
from downlaw.laws.simulation import valuation as simulation
from downlaw.laws.valuation import VALUATION_COLUMNS, value_runs


@pytest.mark.parametrize(("metric", "law"), [("cross_entropy", loss), ("bleu", score)])
def test_two_laws_without_noise_are_compared_exactly_at_a_token_budget(metric, law):
    budget = 4 * LARGEST
    rows = at_budget(value_runs(table(), budgets=[budget]), metric)
    assert rows["predicted"].to_dict() == pytest.approx(
        {"good": law(FASTER * budget), "poor": law(budget)}, rel=1e-5
    )
    assert rows.loc["poor", "difference"] == pytest.approx(law(budget) - law(FASTER * budget), rel=1e-3)
    assert math.isnan(rows.loc["good", "difference"])
    assert set(rows["best_mixture"]) == {"good"}
    assert (rows["extrapolation"] == 4).all() and (rows["answer"] == "ok").all()
    baseline = 4.0 if metric == "cross_entropy" else 2.0
    assert rows.loc["poor", "gain"] == pytest.approx(law(budget) - baseline, rel=1e-4)
    assert rows.loc["poor", "baseline"] == baseline


def test_a_budget_in_flops_buys_fewer_tokens_of_a_mixture_that_costs_more():
    rows = at_budget(value_runs(table(), flop_budgets=[1e13], metrics=BLEU), "bleu")
    assert rows["pretrain_tokens"].to_dict() == {"good": 5_000_000, "poor": 10_000_000}
    assert rows.loc["good", "predicted"] == pytest.approx(score(FASTER * 5e6), rel=1e-4)
    assert (rows["budget_flops"] == 1e13).all()
    assert rows["pretrain_flops"].tolist() == pytest.approx([1e13, 1e13])


@pytest.mark.parametrize(("metric", "law"), [("cross_entropy", loss), ("bleu", score)])
def test_the_dp_of_a_target_and_the_tokens_saved_are_exact_without_noise(metric, law):
    target = law(7e6)
    rows = to_target(value_runs(table(), targets={metric: [target]}), metric)
    assert rows["pretrain_tokens"].to_dict() == pytest.approx({"good": 7e6 / FASTER, "poor": 7e6}, rel=1e-3)
    assert rows.loc["poor", "times_tokens"] == pytest.approx(FASTER, rel=2e-3)
    assert rows.loc["poor", "extrapolation"] == pytest.approx(7e6 / LARGEST, rel=1e-3)
    assert math.isnan(rows.loc["good", "times_tokens"])
    assert set(rows["best_mixture"]) == {"good"}


def test_questions_make_sense_without_any_argument():
    valuations = value_runs(table())
    assert tuple(valuations.columns) == VALUATION_COLUMNS
    rows = at_budget(valuations, "bleu")
    assert sorted(set(rows["pretrain_tokens"])) == [LARGEST, 2 * LARGEST, 4 * LARGEST]
    rows = to_target(valuations, "bleu")
    assert rows["target"].tolist() == pytest.approx([score(FASTER * LARGEST)] * 2)
    assert rows.loc["poor", "pretrain_tokens"] == pytest.approx(FASTER * LARGEST, rel=1e-3)
    rows = to_target(valuations, "cross_entropy")
    assert rows["target"].tolist() == pytest.approx([loss(FASTER * LARGEST)] * 2)


def test_the_default_budget_starts_where_all_mixtures_have_been():
    runs = pd.concat([table(), pd.DataFrame([run("good", 8 * LARGEST)])], ignore_index=True)
    rows = at_budget(value_runs(runs, metrics=BLEU), "bleu").loc["good"]
    assert rows["pretrain_tokens"].tolist() == [LARGEST, 2 * LARGEST, 4 * LARGEST]


def test_without_a_known_noise_there_are_numbers_and_no_intervals():
    valuations = value_runs(table())
    assert (valuations["interval_status"] == "noise unknown").all()
    ends = [column for column in VALUATION_COLUMNS if column.endswith(("_low", "_high"))]
    assert len(ends) == 10
    assert valuations[[*ends, "share_best", "share_reached", "interval_level"]].isna().all().all()
    assert valuations["status"].eq("no held-out points").all()


def test_with_noise_every_number_has_an_interval_around_it():
    valuations = value_runs(noisy(), relative_noise=0.01, level=0.8, samples=100)
    rows = valuations[valuations["question"] == "score at a budget"]
    for name in ("predicted", "difference", "gain"):
        known = rows[rows[name].notna()]
        assert len(known) >= 6
        assert (known[f"{name}_low"] <= known[name]).all() and (known[name] <= known[f"{name}_high"]).all()
    assert (rows["interval_level"] == 0.8).all()
    shares = rows.groupby(["metric", "pretrain_tokens"])["share_best"].sum()
    assert shares.tolist() == pytest.approx([1.0] * len(shares))
    assert (at_budget(valuations, "bleu").loc["good", "share_best"] > 0.9).all()


def test_what_mixtures_share_cancels_in_their_difference():
    runs = noisy(0.002)
    options = {"budgets": [2 * LARGEST], "metrics": BLEU, "samples": 300}
    drawn = resamples(runs, common=0.05, own=0.002)
    row = at_budget(value_runs(runs, resamples=drawn, **options), "bleu").loc["poor"]
    assert row["noise"] == "segments"
    paired = row["difference_high"] - row["difference_low"]
    alone = row["predicted_high"] - row["predicted_low"]
    assert paired < alone / 2
    row = at_budget(value_runs(runs, relative_noise=0.05, **options), "bleu").loc["poor"]
    assert row["difference_high"] - row["difference_low"] > row["predicted_high"] - row["predicted_low"]


def test_noise_that_is_not_joint_counts_as_independent():
    found = with_comparable_rows(curves(table(), "bleu", relative_noise=0.02))
    errors = np.hstack([curve.noise.draws for curve in found])
    assert errors.shape == (1000, 14)
    between = np.corrcoef(errors.T)[:7, 7:]
    assert np.abs(between).max() < 0.15
    joint = with_comparable_rows(curves(table(), "bleu", resamples=resamples(table(), common=0.02, own=1e-4)))
    between = np.corrcoef(np.hstack([curve.noise.draws for curve in joint]).T)[:7, 7:]
    assert between.min() > 0.99


@pytest.mark.parametrize(("metric", "never"), [("cross_entropy", 2.4), ("cross_entropy", 2.5)])
def test_a_target_beyond_the_floor_is_said_not_to_be_reached(metric, never):
    rows = to_target(value_runs(table(), targets={metric: [never]}), metric)
    assert (rows["answer"] == "not reached").all()
    assert rows["reason"].str.contains("not within 1000 times the largest Dp").all()
    assert rows[["pretrain_tokens", "times_tokens", "extrapolation", "best_mixture"]].isna().all().all()


def test_a_target_that_only_some_draws_reach_has_no_upper_end():
    runs = noisy(0.01, seed=2)
    target = 2.45
    rows = to_target(
        value_runs(runs, targets={"cross_entropy": [target]}, relative_noise=0.01, samples=100),
        "cross_entropy",
    )
    assert ((rows["share_reached"] > 0) & (rows["share_reached"] < 0.95)).all()
    assert (rows["interval_status"] == "no upper end").all()
    assert rows["pretrain_tokens_high"].isna().all()
    assert (rows["pretrain_tokens_low"] > LARGEST).all()


def test_a_target_below_the_points_is_not_extrapolated_to():
    rows = to_target(
        value_runs(noisy(), targets={"bleu": [score(1e5) / 2]}, relative_noise=0.01, samples=100), "bleu"
    )
    assert (rows["answer"] == "below the points").all()
    assert rows["reason"].str.contains("smallest Dp of the curve already, 100000").all()
    assert rows[["pretrain_tokens", "pretrain_tokens_low", "times_tokens"]].isna().all().all()
    assert (rows["interval_status"] == "no ends").all() and (rows["share_reached"] == 1).all()


def test_a_target_that_the_best_mixture_meets_below_its_points_has_no_savings():
    rows = to_target(value_runs(table(), targets={"bleu": [score(2e5)]}, metrics=BLEU), "bleu")
    assert rows["answer"].to_dict() == {"good": "below the points", "poor": "ok"}
    assert rows.loc["poor", "pretrain_tokens"] == pytest.approx(2e5, rel=1e-3)
    assert rows["times_tokens"].isna().all()


def test_a_budget_below_the_points_has_no_number():
    rows = at_budget(value_runs(table(), budgets=[50_000], metrics=BLEU), "bleu")
    assert (rows["answer"] == "below the points").all()
    assert rows[["predicted", "gain", "difference", "best_mixture"]].isna().all().all()


def test_far_extrapolations_warn():
    rows = at_budget(
        value_runs(table(), budgets=[LARGEST, 8 * LARGEST, 9 * LARGEST], metrics=BLEU), "bleu"
    ).loc["poor"]
    assert rows["answer"].tolist() == ["ok", "ok", "far extrapolation"]
    assert rows["predicted"].notna().all()
    assert "9 times the largest Dp" in rows["reason"].iloc[2]
    rows = at_budget(value_runs(table(), budgets=[3 * LARGEST], far=2, metrics=BLEU), "bleu")
    assert (rows["answer"] == "far extrapolation").all()


def test_a_flat_curve_and_one_of_two_points_give_no_numbers_and_lead_no_comparison():
    runs = table(("good", "level", "short"))
    runs.loc[runs["mixture"] == "level", "bleu"] = 50.0
    runs = runs[(runs["mixture"] != "short") | (runs["pretrain_tokens"] <= TOKENS[1])]
    valuations = value_runs(
        runs, budgets=[LARGEST], targets={"bleu": [30.0]}, relative_noise=0.01, samples=100
    )
    for rows in (at_budget(valuations, "bleu"), to_target(valuations, "bleu")):
        assert rows["answer"].to_dict()["level"] == rows["answer"].to_dict()["short"] == "no law"
        assert rows["status"].to_dict()["level"] == "flat"
        assert rows["interval_status"].to_dict()["short"] == "underdetermined"
        numbers = ["predicted", "predicted_low", "gain", "difference", "times_tokens", "share_best"]
        assert rows.loc[["level", "short"], numbers].isna().all().all()
    assert at_budget(valuations, "bleu").loc["good", "best_mixture"] == "good"


def test_scores_of_zero_and_diverged_mixtures_have_no_law():
    runs = table()
    runs.loc[runs["pretrain_tokens"] == TOKENS[0], "bleu"] = 0.0
    rows = value_runs(runs).query("metric == 'bleu'")
    assert (rows["answer"] == "no law").all() and (rows["status"] == "undefined for this family").all()
    lost = run("lost", TOKENS[0], status="diverged", bleu=None, cross_entropy=None)
    rows = value_runs(pd.DataFrame([*table().assign(status="ok").to_dict("records"), lost]))
    assert set(rows.query("mixture == 'lost'")["answer"]) == {"no law"}
    assert rows.query("mixture == 'good'")["predicted"].notna().any()
    alone = value_runs(pd.DataFrame([run("", 0, status="ok"), lost]))
    assert set(alone["answer"]) <= {"no law"}


def test_one_mixture_alone_has_a_value_and_no_rival():
    valuations = value_runs(noisy(mixtures=("good",)), relative_noise=0.01, samples=100)
    rows = at_budget(valuations, "bleu")
    assert rows["predicted"].notna().all() and rows["gain_low"].notna().all()
    assert rows[["difference", "share_best"]].isna().all().all()
    assert to_target(valuations, "bleu")["times_tokens"].isna().all()


def test_without_a_baseline_there_is_no_gain():
    rows = at_budget(
        value_runs(noisy(baseline=False), relative_noise=0.01, samples=100, metrics=BLEU), "bleu"
    )
    assert rows[["baseline", "gain", "gain_low", "gain_high"]].isna().all().all()
    assert rows["predicted_low"].notna().all()


def test_a_baseline_that_scores_nothing_has_a_gain_without_interval():
    runs = table()
    runs.loc[runs["mixture"] == "", "bleu"] = 0.0
    found = value_runs(runs, metrics=BLEU, relative_noise=0.01, samples=50)
    at_budget = found[found["question"] == "score at a budget"]
    assert (at_budget["gain"] == at_budget["predicted"]).all()
    assert at_budget["predicted_low"].notna().all()


def test_tasks_and_finetuning_sizes_are_compared_apart():
    other = table().assign(finetune_pairs=100, bleu=lambda rows: rows["bleu"] * 2)
    valuations = value_runs(pd.concat([table(), other], ignore_index=True))
    assert len(valuations) == 2 * len(value_runs(table()))
    assert valuations["finetune_pairs"].is_monotonic_increasing


@settings(max_examples=10, deadline=None)
@given(
    law=st.sampled_from(["power_law", "log_law", "pure_power", "linear_log", "sigmoid"]),
    steps=st.lists(st.floats(0.05, 0.95), min_size=2, max_size=4, unique=True),
)
def test_inversion_undoes_prediction_and_a_better_target_needs_more_tokens(law, steps):
    metric = "cross_entropy" if law == "power_law" else "bleu"
    curve = curves(table(("poor",)), metric, relative_noise=0.01)[0]
    fitted = fit_curves([curve], FittedMetric(law, METRICS[metric].delta), n_fit=None, samples=20)[0]
    assert FAMILIES[law].name == law
    asked = [TOKENS[0] * (10 * LARGEST / TOKENS[0]) ** step for step in sorted(steps)]
    found = [ln_tokens_to_reach(fitted, at_tokens(fitted, tokens).value) for tokens in asked]
    assert np.exp([each.value for each in found]) == pytest.approx(asked, rel=1e-6)
    for easier, harder in pairwise(found):
        assert (easier.draws <= harder.draws).all()


def test_a_draw_of_which_nothing_is_known_widens_both_ends():
    drawn = np.concatenate([np.full(90, 1.0), np.full(4, math.nan), np.linspace(0.5, 0.6, 6)])
    assert Estimate(1.0, drawn).interval(0.9) == pytest.approx((0.52, 1.0))  # four below, then 0.50, 0.52
    drawn[:8] = math.nan
    assert Estimate(1.0, drawn).interval(0.9) == (-math.inf, math.inf)
    assert all(math.isnan(end) for end in Estimate(1.0).interval(0.9))


def test_shares_of_the_best_turn_with_the_metric():
    scores = [Estimate(1.0, np.array([1.0, 2.0, 3.0, 4.0])), Estimate(2.0, np.array([2.0, 1.0, 4.0, 5.0]))]
    assert shares_best(scores, "bleu") == [0.25, 0.75]
    assert shares_best(scores, "cross_entropy") == [0.75, 0.25]


def test_nine_in_ten_intervals_hold_the_true_difference_and_pairing_makes_them_narrow():
    found = simulation.coverage("log_law", points=6, noise=0.01, common=0.9, studies=30, samples=100)
    assert all(0.78 <= share <= 0.98 for share in found.covered)
    assert all(np.array(found.width) < 0.7 * np.array(found.width_apart))
