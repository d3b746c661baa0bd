from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downlaw.laws import TableError, check_runs, fit_curves
from downlaw.laws.next_run import NEXT_RUN_COLUMNS, Costs, next_runs
from downlaw.laws.preposterior import (
    Candidate,
    Decision,
    RunKind,
    mean_correlation,
    new_points,
    share_left,
)
from downlaw.laws.simulation import next_run as simulation
from downlaw.laws.simulation.studies import draw_study, part
from downlaw.laws.simulation.truth import tokens_of

TOKENS = [100_000 * 2**step for step in range(6)]
LARGEST = TOKENS[-1]


def run(mixture: str, tokens: int, **columns: object) -> dict[str, object]:
    worth = tokens * {"good": 2.0, "fair": 1.7, "poor": 0.3, "": 1.0}[mixture]
    row = {"task": "de-en", "finetune_pairs": 5000, "mixture": mixture, "pretrain_tokens": tokens}
    row |= {"bleu": math.log(1e-4 * worth**0.9) ** 2 / 2 if tokens else 2.0}
    row |= {"pretrain_flops": 1e6 * tokens, "finetune_flops": 1e11, "status": "ok", "selected": True}
    return row | columns


def table(mixtures: tuple[str, ...] = ("fair", "good", "poor"), noise: float = 0.01) -> pd.DataFrame:
    runs = pd.DataFrame([run("", 0), *(run(mixture, t) for mixture in mixtures for t in TOKENS)])
    runs["bleu"] *= np.exp(noise * np.random.default_rng(1).normal(size=len(runs)))
    return runs


def ranked(runs: pd.DataFrame, **options: object) -> pd.DataFrame:
    return next_runs(runs, metric="bleu", **{"relative_noise": 0.01, "samples": 100} | options)


def test_the_formula_is_that_of_one_more_row_in_a_regression():
    rng = np.random.default_rng(1)
    design = np.column_stack([np.ones(6), np.linspace(-1, 1, 6)])
    new, asked, sd = np.array([1.0, 2.0]), np.array([1.0, 3.0]), 0.1
    before = np.linalg.inv(design.T @ design)
    after = np.linalg.inv(design.T @ design + np.outer(new, new))
    drawn = rng.multivariate_normal([0, 0], sd**2 * before, size=200_000)
    found = share_left(drawn @ asked, drawn @ new, sd**2)
    assert found == pytest.approx(math.sqrt(asked @ after @ asked / (asked @ before @ asked)), rel=0.01)


def test_an_exact_measurement_of_the_deciding_number_leaves_nothing_and_an_unrelated_one_all():
    rng = np.random.default_rng(1)
    deciding, other = rng.normal(size=(2, 20_000))
    assert share_left(deciding, deciding, 0.0) == pytest.approx(0.0, abs=1e-6)
    assert share_left(deciding, deciding, 1.0) == pytest.approx(math.sqrt(0.5), rel=0.01)
    assert share_left(deciding, other, 0.1) == pytest.approx(1.0, abs=1e-3)
    assert share_left(np.zeros(10), other[:10], 0.1) == share_left(deciding, 0 * other, 0.0) == 1.0


@given(own=st.floats(0, 10), tilt=st.floats(-2, 2))
def test_no_measurement_widens_and_a_noisier_one_narrows_less(own, tilt):
    rng = np.random.default_rng(2)
    deciding, other = rng.normal(size=(2, 500))
    known = tilt * deciding + other
    assert 0 <= share_left(deciding, known, own) <= share_left(deciding, known, own + 1) <= 1


def decision(common: float, run_sd: float | None = None) -> tuple[Decision, np.ndarray]:
    """A decision on 6 points a curve, and the draws of the error of a seventh."""
    tokens = tokens_of(6)
    study = draw_study(
        "log_law", tokens, 0.02, common, 2000, np.random.default_rng(3), more=(2 * tokens[-1],)
    )
    known = [part(curve, range(6)) for curve in study.curves]
    fitted = fit_curves(known, study.how, n_fit=None, samples=2000)
    seventh = study.curves[0].noise.draws[:, 6]
    return Decision((fitted[0], fitted[1]), 4 * tokens[-1], run_sd), seventh


@pytest.mark.parametrize("common", [0.0, 0.6, 0.95])
def test_what_is_known_of_a_new_error_is_what_a_common_test_set_shares(common):
    choice, seventh = decision(common)
    tokens = int(choice.fitted[0].curve.tokens[-1])
    error = choice.new_error(Candidate(0, RunKind.LARGER, 2 * tokens))
    assert np.var(seventh - error.shared) == pytest.approx(error.own_variance, rel=0.1)
    assert error.own_variance == pytest.approx(0.02**2 * (1 - 6 * common**2 / (1 + 5 * common)), rel=0.1)


def test_on_a_common_test_set_a_measurement_tells_more():
    shares = []
    for common in (0.0, 0.95):
        choice, _ = decision(common)
        candidate = Candidate(0, RunKind.LARGER, 4 * int(choice.fitted[0].curve.tokens[-1]))
        shares.append(choice.share_left(candidate) * np.std(choice.estimate.draws))
    assert shares[1] < shares[0] / 2


def test_a_further_seed_shares_what_is_not_of_the_seeds():
    choice, _ = decision(0.5, run_sd=0.02 * math.sqrt(0.5))
    point = Candidate(0, RunKind.PRETRAINING_SEED, int(choice.fitted[0].curve.tokens[2]))
    error = choice.new_error(point)
    there = choice.fitted[0].curve.point_noise.draws[:, 2]
    assert np.std(error.shared) == pytest.approx(0.5 * np.std(there), rel=0.1)
    assert error.own_variance == pytest.approx(0.02**2 * (1 - 0.25), rel=0.1)
    alone, _ = decision(0.0)
    error = alone.new_error(point)
    assert np.all(error.shared == 0) and error.own_variance == pytest.approx(0.02**2, rel=0.1)


def test_a_decision_without_noise_is_refused():
    study = draw_study("log_law", tokens_of(5), 0.01, 0.0, 20, np.random.default_rng(1))
    fitted = fit_curves(study.curves, study.how, n_fit=None, samples=20)
    silent = fitted[0].__class__(fitted[0].curve, fitted[0].fit, None)
    with pytest.raises(ValueError, match="known noise"):
        Decision((silent, fitted[1]), 1e10).estimate  # noqa: B018


def test_mean_correlation():
    rng = np.random.default_rng(1)
    shared = rng.normal(size=(4000, 1))
    assert mean_correlation(shared + rng.normal(size=(4000, 5))) == pytest.approx(0.5, abs=0.05)
    assert mean_correlation(rng.normal(size=(4000, 5))) == pytest.approx(0.0, abs=0.02)
    assert mean_correlation(shared) == mean_correlation(np.zeros((10, 3))) == 0.0


def test_new_points_lie_between_the_others_and_ahead_up_to_the_budget():
    points = new_points(np.array([1e6, 4e6]), 20e6)
    assert points == [
        (RunKind.BETWEEN, 2_000_000),
        (RunKind.LARGER, 8_000_000),
        (RunKind.LARGER, 16_000_000),
        (RunKind.LARGER, 20_000_000),
    ]
    assert new_points(np.array([1e6, 4e6]), 5e6)[1:] == [(RunKind.LARGER, 5_000_000)]
    for reached in (4e6, 3e6):
        assert new_points(np.array([1e6, 4e6]), reached)[1:] == [(RunKind.LARGER, 8_000_000)]


def test_a_chain_costs_what_is_new_of_it():
    runs = table()
    other = run("good", 3 * LARGEST, task="fr-en")
    runs = check_runs(pd.DataFrame([*runs.to_dict("records"), other]))
    costs = Costs.of(runs, None)
    assert costs.pretraining("fair", RunKind.LARGER, 2 * LARGEST) == pytest.approx(1e6 * LARGEST)
    assert costs.pretraining("fair", RunKind.BETWEEN, 150_000) == pytest.approx(1e6 * 50_000)
    assert costs.pretraining("fair", RunKind.PRETRAINING_SEED, LARGEST) == pytest.approx(1e6 * LARGEST)
    assert costs.pretraining("fair", RunKind.FINETUNING_SEED, LARGEST) == 0
    assert costs.pretraining("good", RunKind.LARGER, 4 * LARGEST) == pytest.approx(1e6 * LARGEST)
    assert costs.pretraining("good", RunKind.LARGER, 3 * LARGEST) == 0
    assert costs.finetuning == {("de-en", 5000): 1e11, ("fr-en", 5000): 1e11}


def test_finetuning_costs_all_learning_rates_of_a_point():
    runs = table()
    rates = runs.assign(selected=False, bleu=1.0, finetune_flops=2e11)
    both = check_runs(pd.concat([runs, rates], ignore_index=True))
    assert Costs.of(both, None).finetuning == {("de-en", 5000): pytest.approx(3e11)}


def test_runs_are_ranked_by_what_they_narrow_for_their_flops():
    found = ranked(table())
    assert tuple(found.columns) == NEXT_RUN_COLUMNS
    assert (found["deciding"] == "good - fair").all()
    assert set(found["mixture"]) == {"good", "fair"}
    assert (found["budget"] == 4 * LARGEST).all()
    best = found[found["status"] == "ok"]
    assert best["rank"].tolist() == list(range(1, len(best) + 1))
    assert best["narrowing_per_flop"].is_monotonic_decreasing
    assert best["narrowing"].to_numpy() == pytest.approx(best["width_now"] - best["width_after"])
    assert (best["width_after"] < best["width_now"]).all() and (best["width_after"] > 0).all()
    assert best["flops"].to_numpy() == pytest.approx(best["pretrain_flops"] + best["finetune_flops"])
    row = best[(best["mixture"] == "good") & (best["pretrain_tokens"] == 2 * LARGEST)].iloc[0]
    assert row["reason"].startswith(f"continue good to {2 * LARGEST} tokens: the 90% interval of ln(bleu) of")
    assert row["reason"].endswith(f"for {1e6 * LARGEST + 1e11:.3g} FLOPs")
    pd.testing.assert_frame_equal(found, ranked(table().sample(frac=1, random_state=2)))


def test_of_two_runs_ahead_the_larger_tells_more():
    best = ranked(table()).query("mixture == 'good' and run == 'larger Dp'").set_index("pretrain_tokens")
    assert best.loc[4 * LARGEST, "width_after"] < best.loc[2 * LARGEST, "width_after"]


def test_a_difference_that_is_decided_is_said_to_be():
    assert not ranked(table(noise=0.0), relative_noise=0.05)["decided"].any()
    found = ranked(table(("good", "poor")), relative_noise=0.002)
    assert found["decided"].all() and (found["deciding"] == "good - poor").all()


def test_one_mixture_alone_decides_by_its_own_prediction():
    found = ranked(table(("good",)))
    assert (found["deciding"] == "good").all() and found["decided"].isna().all()
    assert found["rank"].notna().any() and (found["width_now"] > 0).all()


def test_seeds_are_ranked_where_their_variance_is_known():
    given_noise = ranked(table()).groupby("run")["status"].agg(set)
    assert given_noise["pretraining seed"] <= {"ok", "no gain"}
    assert given_noise["finetuning seed"] == {"seed noise unknown"}
    runs = table(noise=0.01).assign(finetuning_seed=1)
    again = table(noise=0.0).assign(finetuning_seed=2)
    found = ranked(pd.concat([runs, again], ignore_index=True), relative_noise=None)
    assert set(found["noise"].dropna()) == {"seeds"}
    assert set(found.query("run == 'pretraining seed'")["status"]) == {"seed noise unknown"}
    seeds = found.query("run == 'finetuning seed'")
    assert len(seeds) == 12 and set(seeds["status"]) <= {"ok", "no gain"}
    assert (seeds["pretrain_flops"] == 0).all() and (seeds["flops"] == 1e11).all()


def test_seeds_that_vary_together_tell_nothing_of_finetuning_alone():
    runs = table(noise=0.01).assign(finetuning_seed=1, pretraining_seed=1)
    again = table(noise=0.0).assign(finetuning_seed=2, pretraining_seed=2)
    found = ranked(pd.concat([runs, again], ignore_index=True), relative_noise=None)
    assert set(found.query("run == 'finetuning seed'")["status"]) == {"seed noise unknown"}
    seeds = found.query("run == 'pretraining seed'")
    assert set(seeds["status"]) <= {"ok", "no gain"}
    assert (seeds["pretrain_flops"] == 1e6 * seeds["pretrain_tokens"]).all()


def test_an_interval_in_the_table_tells_nothing_of_seeds():
    runs = table().assign(
        bleu_low=lambda rows: 0.98 * rows["bleu"], bleu_high=lambda rows: 1.02 * rows["bleu"]
    )
    found = ranked(runs, relative_noise=None)
    assert set(found["noise"].dropna()) == {"intervals"}
    unknown = found[found["run"].str.contains("seed")]
    assert len(unknown) == 4 and (unknown["status"] == "seed noise unknown").all()
    assert unknown[["rank", "width_after", "narrowing"]].isna().all().all()


def test_without_noise_or_law_one_row_says_why():
    row = ranked(table(), relative_noise=None)
    assert len(row) == 1 and row["status"].item() == "noise unknown" and "good" in row["reason"].item()
    level = table().assign(bleu=20.0)
    row = ranked(level)
    assert len(row) == 1 and row["status"].item() == "no law" and "flat" in row["reason"].item()
    row = ranked(table(), budget=10)
    assert len(row) == 1 and row["status"].item() == "below the points"


def test_a_misaligned_mixture_is_no_candidate():
    verdicts = pd.DataFrame(
        [
            {
                "task": "de-en",
                "finetune_pairs": 5000,
                "mixture": "good",
                "metric": "bleu",
                "verdict": "misaligned",
            }
        ]
    )
    assert (ranked(table(), verdicts=verdicts)["deciding"] == "fair - poor").all()


def test_without_flops_a_rate_is_needed():
    without = table().drop(columns=["pretrain_flops", "finetune_flops"])
    with pytest.raises(TableError, match="'pretrain_flops' is missing, and the cost of a run needs it"):
        ranked(without)
    found = ranked(without, flops_per_token=1e6)
    assert found["rank"].notna().any() and found["finetune_flops"].isna().all()
    again = table(noise=0)[list(without.columns)].assign(finetuning_seed=2)
    seeds = pd.concat([without.assign(finetuning_seed=1), again], ignore_index=True)
    found = ranked(seeds, flops_per_token=1e6, relative_noise=None).query("run == 'finetuning seed'")
    assert (found["status"] == "cost unknown").all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "blue"}, "there is no metric 'blue'"),
        ({"metric": "chrf"}, "column 'chrf' is missing or empty"),
        ({"metric": "bleu", "budget": -1.0}, "the budget must be a positive number"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        next_runs(table(), **options)


def test_the_recommended_run_narrows_more_for_its_cost_than_a_random_one():
    found = simulation.outcome("log_law", points=5, noise=0.01, common=0.5, studies=5, samples=80)
    assert found.recommended.mean() > 1.3 * found.at_random.mean()
    assert found.best.mean() >= found.recommended.mean()
    assert found.rank_correlation > 0.4
