from __future__ import annotations

import io

import pandas as pd
import pytest


def rows_of(done) -> pd.DataFrame:
    assert done.exit_code == 0, done.stderr
    return pd.read_csv(io.StringIO(done.stdout), keep_default_na=False, na_values=[""])


def test_verdicts_tell_a_good_mixture_from_a_useless_one(run, study):
    found = rows_of(run("verdict", study, "--noise", 0.01)).set_index("mixture")
    assert found.loc["good", "verdict"] == "aligned"
    assert found.loc["bad", "verdict"] == "saturated"
    assert set(found["metric"]) == {"bleu"}


def test_verdicts_for_people_give_the_reason(run_on_terminal, study):
    done = run_on_terminal("verdict", study, "--noise", 0.01)
    assert "en-de, finetuned on 1,000 pairs: BLEU" in done.stdout
    assert "the score rises by" in done.stdout
    assert "noise: the noise level given" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_verdict_without_a_noise_is_inconclusive_and_says_what_helps(run, study):
    done = run("verdict", study)
    assert set(rows_of(done)["verdict"]) == {"inconclusive"}
    assert "a verdict needs a noise; --noise 0.02" in done.stderr


def test_a_verdict_on_cross_entropy_is_refused(run, study):
    done = run("verdict", study, "--metric", "cross_entropy")
    assert done.exit_code == 1
    assert "verdicts are on scores" in done.stderr


def test_value_compares_mixtures_at_a_budget_and_at_a_target(run, study, bleu):
    done = run("value", study, "--metric", "bleu", "--noise", 0.01, "--budget", "32M", "--target", 8)
    found = rows_of(done).set_index(["question", "mixture"])
    good = found.loc[("score at a budget", "good")]
    assert good["pretrain_tokens"] == 32_000_000
    assert good["predicted_low"] < bleu[32_000_000] < good["predicted_high"]
    assert good["best_mixture"] == "good"
    target = found.loc[("tokens to a target", "good")]
    assert bleu[8_000_000] < 8 < bleu[16_000_000]
    assert 8_000_000 < target["pretrain_tokens"] < 16_000_000


def test_value_at_a_budget_in_flops(run, study):
    found = rows_of(run("value", study, "--metric", "bleu", "--noise", 0.01, "--flops", "3.2e13"))
    good = found[(found["mixture"] == "good") & (found["question"] == "score at a budget")].iloc[0]
    assert (good["budget_flops"], good["pretrain_tokens"]) == (3.2e13, 32_000_000)


def test_value_for_people_fits_the_terminal(run_on_terminal, study):
    done = run_on_terminal("value", study, "--metric", "bleu", "--noise", 0.01)
    assert "BLEU, score at a budget" in done.stdout
    assert "BLEU, tokens to a target" in done.stdout
    assert "100%" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "25"], "--target 25: a score of which metric? Write one of cross_entropy=25, bleu=25"),
        (["--target", "rouge=25"], "there is no 'rouge' here"),
        (["--target", "bleu=high"], "--target high: not a positive number"),
        (["--budget", "-5"], "--budget -5: not a positive number such as 2e9, 500M or 10B"),
        (["--budget", "10X"], "--budget 10X: not a positive number"),
        (["--flops", "0"], "--flops 0: not a positive number"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused(run, study, arguments, message):
    done = run("value", study, "--noise", 0.02, *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stdout == ""


def test_a_budget_in_flops_needs_their_column(run, hand):
    done = run("value", hand, "--noise", 0.02, "--flops", "1e15")
    assert done.exit_code == 1
    assert "'pretrain_flops' is missing, and a budget in FLOPs needs it; --flops-per-token" in done.stderr
    given = run("value", hand, "--noise", 0.02, "--flops", "3.84e16", "--flops-per-token", "6e8")
    assert rows_of(given)["pretrain_tokens"].iloc[0] == 64_000_000


def test_value_of_a_single_curve_compares_nothing_and_says_how_far_it_reaches(run_on_terminal, hand):
    done = run_on_terminal("value", hand, "--noise", 0.02, "--budget", "1B", "--target", 5)
    assert done.exit_code == 0, done.stderr
    assert "against best" not in done.stdout
    assert "times the best" not in done.stdout
    assert "far extrapolation, 16x" in done.stdout


def test_value_without_a_noise_has_no_intervals_and_says_what_helps(run, hand):
    done = run("value", hand)
    found = rows_of(done)
    assert set(found["interval_status"]) == {"noise unknown"}
    assert found["predicted_low"].isna().all()
    assert "no intervals where the noise is unknown; --noise 0.02" in done.stderr


def test_next_ranks_runs_by_what_they_narrow_for_their_flops(run, study):
    done = run("next", study, "--noise", 0.02, "--budget", "100M")
    found = rows_of(done)
    ranked = found[found["rank"].notna()].sort_values("rank")
    assert ranked["rank"].tolist() == list(range(1, len(ranked) + 1))
    assert ranked["narrowing_per_flop"].is_monotonic_decreasing
    assert (ranked["width_after"] < ranked["width_now"]).all()
    assert set(found["metric"]) == {"bleu"}
    assert "decided by bleu; --metric chooses another" in done.stderr


def test_next_for_people_fits_the_terminal(run_on_terminal, hand):
    done = run_on_terminal("next", hand, "--noise", 0.02, "--flops-per-token", "6e8")
    assert done.exit_code == 0, done.stderr
    assert "hand: BLEU, the next run" in done.stdout
    rows = [line.split()[0] for line in done.stdout.splitlines() if " all " in line and line[:3].strip()]
    assert rows[:10] == [str(rank) for rank in range(1, 11)]
    assert "interval: width of the 90% interval of ln(bleu) of all at 256M tokens" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_next_without_a_noise_or_without_costs_says_what_is_needed(run, hand):
    done = run("next", hand, "--flops-per-token", "6e8")
    assert rows_of(done)["status"].tolist() == ["noise unknown"]
    assert "nothing is ranked where the noise is unknown; --noise 0.02" in done.stderr
    done = run("next", hand, "--noise", 0.02)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "'pretrain_flops' is missing, and the cost of a run needs it; --flops-per-token" in done.stderr
