from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.laws import FAMILIES, METRICS, FittedMetric, TableError, curves, fit_curves
from downlaw.laws.estimates import (
    Estimate,
    at_tokens,
    ln_tokens_to_reach,
    shares_best,
    with_comparable_rows,
)
from downlaw.laws.simulation import valuation as simulation
from downlaw.laws.valuation import VALUATION_COLUMNS, value_runs

BLEU = {"bleu": METRICS["bleu"]}
TOKENS = [100_000 * 2**step for step in range(6)]
LARGEST = TOKENS[-1]
FASTER = 3.0
"""One token of mixture `good` does what this many of mixture `poor` do."""


def loss(tokens: float) -> float:
    return 2.5 + 30 * tokens**-0.3


def score(tokens: float) -> float:
    return math.log(1e-4 * tokens**0.9) ** 2 / 2


def run(mixture: str, tokens: int, **columns: object) -> dict[str, object]:
    worth = tokens * (FASTER if mixture == "good" else 1.0)
    row = {"task": "de-en", "finetune_pairs": 5000, "mixture": mixture, "pretrain_tokens": tokens}
    row |= {"cross_entropy": loss(worth) if tokens else 4.0, "bleu": score(worth) if tokens else 2.0}
    row |= {"pretrain_flops": tokens * (2e6 if mixture == "good" else 1e6)}
    return row | columns


def table(mixtures: tuple[str, ...] = ("good", "poor"), baseline: bool = True) -> pd.DataFrame:
    rows = [run(mixture, tokens) for mixture in mixtures for tokens in TOKENS]
    return pd.DataFrame(([run("", 0)] if baseline else []) + rows)


def noisy(noise: float = 0.01, seed: int = 1, **options: object) -> pd.DataFrame:
    runs, rng = table(**options), np.random.default_rng(seed)
    for metric in ("cross_entropy", "bleu"):
        runs[metric] *= np.exp(noise * rng.normal(size=len(runs)))
    return runs


def resamples(runs: pd.DataFrame, draws: int = 300, *, common: float, own: float) -> pd.DataFrame:
    """Test sets drawn anew, with an error of ln(metric) that all runs share and one that each has alone."""
    rng = np.random.default_rng(4)
    shared = common * rng.normal(size=draws)
    parts = []
    for row in runs.to_dict("records"):
        for metric in ("cross_entropy", "bleu"):
            errors = shared + own * rng.normal(size=draws)
            keys = {k: row[k] for k in ("task", "finetune_pairs", "mixture", "pretrain_tokens")}
            keys |= {"pretraining_seed": 0, "finetuning_seed": 0, "metric": metric}
            parts.append(
                pd.DataFrame({**keys, "resample": range(draws), "value": row[metric] * np.exp(errors)})
            )
    return pd.concat(parts, ignore_index=True)


def at_budget(valuations: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = valuations[(valuations["metric"] == metric) & (valuations["question"] == "score at a budget")]
    return rows.set_index("mixture")


def to_target(valuations: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = valuations[(valuations["metric"] == metric) & (valuations["question"] == "tokens to a target")]
    return rows.set_index("mixture")


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


def test_a_misaligned_verdict_voids_a_valuation_and_leaves_the_others():
    keys = {"task": "de-en", "finetune_pairs": 5000, "metric": "bleu"}
    verdicts = pd.DataFrame(
        [
            keys | {"mixture": "good", "verdict": "misaligned"},
            keys | {"mixture": "poor", "verdict": "aligned"},
        ]
    )
    valuations = value_runs(table(), verdicts=verdicts)
    for rows in (at_budget(valuations, "bleu"), to_target(valuations, "bleu")):
        assert set(rows.loc[["good"], "answer"]) == {"void"}
        assert rows.loc[["good"], "reason"].str.contains("misaligned").all()
        assert rows.loc[["good"], ["predicted", "pretrain_tokens_low", "gain"]].isna().all().all()
        assert set(rows.loc[["poor"], "verdict"]) == {"aligned"}
        assert set(rows.loc[["poor"], "best_mixture"]) == {"poor"}
    assert at_budget(valuations, "cross_entropy")["verdict"].isna().all()
    saturated = value_runs(table(), verdicts=verdicts.assign(verdict="saturated"))
    rows = at_budget(saturated, "bleu")
    assert rows["reason"].str.contains("gains nothing").all() and rows["predicted"].notna().all()


@pytest.mark.parametrize(
    ("verdicts", "message"),
    [
        ({"task": ["de-en"]}, "column 'finetune_pairs' is missing"),
        (
            dict(task=["a"] * 2, finetune_pairs=[1] * 2, mixture=["m"] * 2, metric=["bleu"] * 2, verdict="x"),
            "line 3: a second verdict",
        ),
        (
            dict(task=["a"], finetune_pairs=["few"], mixture=["m"], metric=["bleu"], verdict="x"),
            "line 2: finetune_pairs is not a number",
        ),
    ],
)
def test_a_bad_table_of_verdicts_is_refused(verdicts, message):
    with pytest.raises(TableError, match=message):
        value_runs(table(), verdicts=pd.DataFrame(verdicts))


def test_a_budget_in_flops_needs_flops():
    without = table().drop(columns="pretrain_flops")
    with pytest.raises(TableError, match="'pretrain_flops' is missing, and a budget in FLOPs needs it"):
        value_runs(without, flop_budgets=[1e13])
    assert value_runs(without)["pretrain_flops"].isna().all()
    rows = at_budget(value_runs(without, flop_budgets=[1e13], flops_per_token=2e6, metrics=BLEU), "bleu")
    assert (rows["pretrain_tokens"] == 5_000_000).all()
    emptied = table()
    emptied.loc[emptied["mixture"] == "poor", "pretrain_flops"] = math.nan
    with pytest.raises(TableError, match="pretrain_flops is empty for poor"):
        value_runs(emptied, flop_budgets=[1e13])
    text = table().astype({"pretrain_flops": object})
    text.loc[3, "pretrain_flops"] = "many"
    with pytest.raises(TableError, match="line 5: pretrain_flops is 'many', not a number of FLOPs"):
        value_runs(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budgets": [0]}, "budgets must be positive"),
        ({"flop_budgets": [math.nan]}, "flop_budgets must be positive"),
        ({"targets": {"bleu": [-1]}}, "targets of bleu must be positive"),
        ({"targets": {"blue": [20]}}, "there is no metric 'blue'"),
        ({"far": 0}, "far must be positive"),
        ({"flops_per_token": -1.0}, "flops_per_token must be positive"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        value_runs(table(), **options)


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
