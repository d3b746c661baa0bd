from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from downlaw.laws import TableError
from downlaw.laws.relations import RELATION_COLUMNS, drawable, relate_runs, values_at

TOKENS = [32_768 * 2**step for step in range(6)]
A, B = 900.0, 1.1
SD = 0.02
"""Of ln(BLEU) between runs."""


def study(*, seeds: int = 1, mixtures: tuple[str, ...] = ("en", "fr", "xx"), noise: int = 0) -> pd.DataFrame:
    """Two mixtures on one exponential relation, and one whose BLEU falls as its cross-entropy improves."""
    generator = np.random.default_rng(noise)
    rows = []
    for mixture, floor in (("en", 3.3), ("fr", 3.6), ("xx", 4.0)):
        for step, tokens in enumerate(TOKENS):
            loss = floor + 60 * tokens**-0.35
            bleu = 4.0 * (1 - 0.06 * step) if mixture == "xx" else A * math.exp(-B * loss)
            for seed in range(1, seeds + 1):
                rows.append((mixture, tokens, 1, seed, loss, bleu * math.exp(SD * generator.normal())))
    rows += [("", 0, None, seed, 5.1, A * math.exp(-B * 5.1)) for seed in range(1, seeds + 1)]
    columns = ["mixture", "pretrain_tokens", "pretraining_seed", "finetuning_seed", "cross_entropy", "bleu"]
    table = pd.DataFrame(rows, columns=columns).assign(task="en-de", finetune_pairs=8000)
    return table[table["mixture"].isin(["", *mixtures])].reset_index(drop=True)


def resampled(runs: pd.DataFrame, sd: float = SD, draws: int = 300) -> pd.DataFrame:
    """Test sets that are hard for all runs at once, along the relation, and a part of each run's own."""
    generator = np.random.default_rng(5)
    common = 0.05 * generator.normal(size=draws)
    parts = []
    for row in runs.to_dict("records"):
        keys = {key: row[key] for key in runs.columns.drop(["bleu", "cross_entropy"])}
        bleu = row["bleu"] * np.exp(B * common + sd * generator.normal(size=draws))
        for metric, value in (("bleu", bleu), ("cross_entropy", row["cross_entropy"] - common)):
            part = pd.DataFrame({"resample": range(draws), "value": value, "metric": metric})
            parts.append(part.assign(**keys))
    return pd.concat(parts)


def by_mixture(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(mixture=table["mixture"].fillna(table["scope"])).set_index("mixture")


@pytest.fixture(scope="module")
def relations() -> pd.DataFrame:
    runs = study()
    return by_mixture(relate_runs(runs, resamples=resampled(runs), samples=300))


def test_a_relation_for_each_mixture_and_one_for_all_runs():
    table = relate_runs(study())
    assert list(table.columns) == list(RELATION_COLUMNS)
    assert list(table["scope"]) == ["mixture", "mixture", "mixture", "all"]
    assert list(table["mixture"].fillna("")) == ["en", "fr", "xx", ""]
    assert list(table["n"]) == [6, 6, 6, 19]


def test_losses_that_are_nearly_equal_break_nothing():
    """Slopes of thousands, whose exponentials leave the range of numbers."""
    runs = study()
    near = runs["mixture"] == "en"
    runs.loc[near, "cross_entropy"] = 3.5 - 1e-4 * np.arange(near.sum())
    runs.loc[near, "bleu"] = 20.0 + np.arange(near.sum())
    for sign in (1, -1):
        flipped = runs.assign(cross_entropy=3.5 + sign * (runs["cross_entropy"] - 3.5))
        row = by_mixture(relate_runs(flipped, resamples=resampled(flipped), samples=100)).loc["en"]
        assert abs(row["b"]) > 300 and row["noise"] == "segments"


def test_it_holds_where_points_lie_on_it_and_fails_where_bleu_falls(relations: pd.DataFrame):
    assert relations["holds"].to_dict() == {"en": True, "fr": True, "xx": False, "all": False}
    for mixture in ("en", "fr"):
        row = relations.loc[mixture]
        assert row["b_low"] < B < row["b_high"]
        assert row["a"] == pytest.approx(math.exp(row["ln_a"]))
        assert row["misfit_p"] > 0.05
        assert row["noise"] == "segments"
        assert row["reason"] == "the points lie on it, within their noise"
    assert relations.loc["xx", "b_high"] < 0
    assert relations.loc["xx", "reason"] == "BLEU falls as cross-entropy improves"
    assert relations.loc["all", "reason"] == "the points scatter more than their noise explains"
    assert relations.loc["all", "misfit_p"] < 0.05


def test_mixtures_on_one_relation_share_it():
    runs = study(mixtures=("en", "fr"))
    both = by_mixture(relate_runs(runs, resamples=resampled(runs), samples=300)).loc["all"]
    assert both["holds"]
    assert both["n"] == 13
    assert both["b"] == pytest.approx(B, rel=0.05)
    assert both["error"] < 0.03


def test_what_test_sets_do_to_all_runs_along_the_relation_is_no_noise_of_it(relations: pd.DataFrame):
    # The common part of 0.05 nats cancels; the own part of 2%, and 1% assumed between seeds, stay.
    expected = math.hypot(SD, 0.01)
    assert relations.loc["en", "noise_sd"] == pytest.approx(expected, rel=0.15)


def test_the_relation_is_called_wrong_in_few_studies_where_it_is_true():
    wrong = 0
    for noise in range(15):
        runs = study(mixtures=("en",), noise=noise)
        row = by_mixture(relate_runs(runs, resamples=resampled(runs, draws=200), samples=200)).loc["en"]
        wrong += not row["holds"]
    assert wrong <= 2


def test_a_spread_between_seeds_is_part_of_the_noise():
    runs = study(seeds=3)
    table = by_mixture(relate_runs(runs, resamples=resampled(runs, sd=0.001), samples=300))
    assert set(table["noise"]) == {"segments and seeds"}
    # Of a mean over three seeds; here cross-entropy does not move with the seed.
    assert table.loc["en", "noise_sd"] == pytest.approx(SD / math.sqrt(3), rel=0.25)
    assert table["holds"].to_dict() == {"en": True, "fr": True, "xx": False, "all": False}
    assert list(table["n"]) == [6, 6, 6, 19], "a point is a mean over seeds"


def test_seeds_that_move_along_the_relation_are_no_noise_of_it():
    runs = study(seeds=3, mixtures=("en",))
    moved = 0.05 * np.random.default_rng(1).normal(size=len(runs))
    runs = runs.assign(bleu=A * np.exp(-B * (runs["cross_entropy"] + moved)))
    runs["cross_entropy"] += moved
    row = by_mixture(relate_runs(runs, samples=300)).loc["en"]
    assert row["noise"] == "seeds"
    assert row["noise_sd"] < 1e-3
    assert row["holds"]


def test_without_noise_points_left_out_decide():
    table = by_mixture(relate_runs(study()))
    assert table["noise"].isna().all()
    assert table["holds"].to_dict() == {"en": True, "fr": True, "xx": False, "all": False}
    assert table["leave_one_out_error"]["en"] < 0.05 < table["leave_one_out_error_constant"]["en"]
    assert table["reason"]["en"].startswith("noise unknown; a point left out is off by 0.0")
    assert table["reason"]["xx"] == "noise unknown; BLEU falls as cross-entropy improves"


def test_intervals_of_the_table_stand_in_for_resamples():
    runs = study()
    runs = runs.assign(bleu_low=runs["bleu"] * 0.95, bleu_high=runs["bleu"] / 0.95)
    table = by_mixture(relate_runs(runs, samples=300))
    assert set(table["noise"]) == {"intervals"}
    assert table["holds"]["en"] and not table["holds"]["xx"]


def test_a_bleu_that_does_not_move_decides_nothing():
    runs = study(mixtures=("en",))
    runs["bleu"] = 10.0
    row = by_mixture(relate_runs(runs, resamples=resampled(runs), samples=300)).loc["en"]
    assert pd.isna(row["holds"])
    assert row["reason"] == "BLEU does not change with cross-entropy beyond the noise"
    assert row["b_low"] < 0 < row["b_high"]


def test_points_within_the_margin_are_not_called_off_it():
    runs = study(mixtures=("en",))
    bent = runs.assign(bleu=A * np.exp(-B * runs["cross_entropy"]) * (1 + 0.03 * (runs.index % 2)))
    row = by_mixture(relate_runs(bent, resamples=resampled(bent, sd=1e-4), samples=300)).loc["en"]
    assert row["misfit_p"] < 0.05
    assert row["holds"] and row["reason"] == "every point is within 4% of it"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bleu": 0.0}, "BLEU is 0 at 6 of 6 points, and has no logarithm"),
        ({"cross_entropy": 4.0}, "two points have the same cross-entropy"),
    ],
)
def test_points_that_fix_no_relation_say_why(change: dict[str, float], reason: str):
    row = by_mixture(relate_runs(study(mixtures=("en",)).assign(**change))).loc["en"]
    assert row["reason"] == reason
    assert row[["a", "b", "error", "holds"]].isna().all()


def test_three_points_are_too_few():
    runs = study(mixtures=("en",))
    few = relate_runs(runs[runs["pretrain_tokens"].isin([0, *TOKENS[:3]])])
    assert list(few["reason"].fillna("")) == ["3 points; 4 are needed", few["reason"].iloc[1]]
    assert len(drawable(few)) == 1, "with the baseline they are four"


def test_a_table_without_both_metrics_has_no_relations():
    assert relate_runs(study().drop(columns="cross_entropy")).empty
    assert relate_runs(study().query("mixture == ''")).empty
    with pytest.raises(TableError, match="column 'mixture' is missing"):
        relate_runs(study().drop(columns="mixture"))


def test_values_of_a_relation():
    row = relate_runs(study(mixtures=("en",))).iloc[0]
    expected = row["a"] * np.exp(-row["b"] * np.array([3.5, 4.5]))
    np.testing.assert_allclose(values_at(row, [3.5, 4.5]), expected)
