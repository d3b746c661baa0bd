from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from downlaw.laws import TableError, curves
from downlaw.laws.noise_table import NOISE_COLUMNS, noise_of_runs
from downlaw.laws.seeds import SeedSpread

TOKENS = [100_000 * 2**step for step in range(4)]
SEGMENTS = 0.01


def study(
    pretraining: float = 0.0,
    finetuning: float = 0.0,
    *,
    seeds: tuple[int, int] = (3, 3),
    mixtures: int = 2,
    noise: int = 1,
) -> pd.DataFrame:
    """Runs with known standard deviations of ln(metric) between pretraining and between finetuning seeds."""
    generator = np.random.default_rng(noise)
    rows = []
    names = [f"m{number}" for number in range(mixtures)]
    for mixture, tokens in [("", 0), *((name, t) for name in names for t in TOKENS)]:
        for pretraining_seed in range(1, 1 + (seeds[0] if mixture else 1)):
            start = pretraining * generator.normal() if mixture else 0.0
            for finetuning_seed in range(1, 1 + seeds[1]):
                bleu = (10 + math.log1p(tokens)) * math.exp(start + finetuning * generator.normal())
                row = {"task": "de-en", "mixture": mixture, "pretrain_tokens": tokens, "finetune_pairs": 500}
                row |= {"pretraining_seed": pretraining_seed if mixture else None}
                rows.append(row | {"finetuning_seed": finetuning_seed, "bleu": bleu})
    return pd.DataFrame(rows)


def resampled(runs: pd.DataFrame, draws: int = 400) -> pd.DataFrame:
    generator = np.random.default_rng(5)
    parts = []
    for row in runs.to_dict("records"):
        value = row["bleu"] * np.exp(SEGMENTS * generator.normal(size=draws))
        keys = {key: row[key] for key in runs.columns.drop("bleu")}
        parts.append(pd.DataFrame({"resample": range(draws), "value": value}).assign(metric="bleu", **keys))
    return pd.concat(parts)


def spread_of(runs: pd.DataFrame) -> SeedSpread:
    table = runs.fillna({"pretraining_seed": 0}).assign(ln=np.log(runs["bleu"]))
    return SeedSpread.of(table)


@pytest.mark.parametrize(
    ("pretraining", "finetuning"), [(0.05, 0.02), (0.02, 0.05), (0.0, 0.03), (0.04, 0.0)]
)
def test_variances_of_seeds_are_found(pretraining: float, finetuning: float):
    spread = spread_of(study(pretraining, finetuning, mixtures=40))
    assert spread.finetuning == pytest.approx(finetuning**2, rel=0.15, abs=1e-12)
    assert spread.pretraining == pytest.approx(pretraining**2, rel=0.25, abs=6e-5)
    assert (spread.pretraining_groups, spread.pretraining_freedom) == (160, 320)
    assert (spread.finetuning_groups, spread.finetuning_freedom) == (481, 962)


def test_variances_are_right_on_average_with_unequal_numbers_of_seeds():
    found = []
    for noise in range(200):
        runs = study(0.03, 0.04, seeds=(3, 3), noise=noise)
        generator = np.random.default_rng(1000 + noise)
        spread = spread_of(runs[generator.random(len(runs)) < 0.7])
        found.append((spread.pretraining, spread.finetuning))
    pretraining, finetuning = np.mean(found, axis=0)
    assert pretraining == pytest.approx(0.03**2, rel=0.15)
    assert finetuning == pytest.approx(0.04**2, rel=0.05)


def test_a_variance_below_0_is_0():
    runs = study(0.0, 0.05, seeds=(2, 5), mixtures=1, noise=4)
    assert spread_of(runs).pretraining == 0.0


def test_one_finetuning_a_checkpoint_shows_both_seeds_together():
    spread = spread_of(study(0.03, 0.04, seeds=(3, 1), mixtures=40))
    assert (spread.finetuning, spread.pretraining) == (None, None)
    assert spread.both == pytest.approx(0.05**2, rel=0.2)
    assert spread.variance_of_mean([1, 1, 1], pretrained=True) == pytest.approx(spread.both / 3)


def test_one_seed_shows_nothing():
    spread = spread_of(study(0.03, 0.04, seeds=(1, 1)))
    assert (spread.finetuning, spread.pretraining, spread.both) == (None, None, None)
    assert spread.variance_of_mean([1], pretrained=True) is None


def test_finetuning_again_does_not_average_out_what_pretraining_adds():
    spread = SeedSpread(0.09, 0.36, None, 1, 2, 1, 2)
    assert spread.variance_of_mean([3, 3, 3], pretrained=True) == pytest.approx(0.36 / 3 + 0.09 / 9)
    assert spread.variance_of_mean([3], pretrained=True) == pytest.approx(0.36 + 0.09 / 3)
    assert spread.variance_of_mean([2, 1], pretrained=True) == pytest.approx(0.36 * 5 / 9 + 0.09 / 3)
    assert spread.variance_of_mean([3], pretrained=False) == pytest.approx(0.09 / 3), "the baseline"


def test_the_noise_of_a_curve_is_that_of_means_over_both_kinds_of_seeds():
    """Means over three times three seeds, measured again and again, scatter as their noise says."""
    pretraining, finetuning = 0.04, 0.03
    said, means = [], []
    for noise in range(60):
        curve = curves(study(pretraining, finetuning, noise=noise), "bleu")[0]
        assert curve.noise.source == "seeds"
        said.append(curve.noise.sd)
        truth = [*(10 + np.log1p(TOKENS)), 10.0]
        means.append(np.log([*curve.values, curve.baseline.value]) - np.log(truth))
    expected = [*[math.sqrt(pretraining**2 / 3 + finetuning**2 / 9)] * 4, finetuning / math.sqrt(3)]
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(said), axis=0)), expected, rtol=0.1)
    np.testing.assert_allclose(np.std(means, axis=0), expected, rtol=0.3)


def test_the_table_says_what_is_known_of_each_kind_of_noise():
    runs = study(0.05, 0.02, mixtures=20)
    table = noise_of_runs(runs, resamples=resampled(runs[runs["mixture"].isin(["", "m0"])]))
    assert list(table.columns) == list(NOISE_COLUMNS)
    (row,) = table.to_dict("records")
    assert (row["task"], row["finetune_pairs"], row["metric"]) == ("de-en", 500, "bleu")
    assert row["n_runs"] == 20 * 4 * 9 + 3
    assert row["sd_finetuning_seeds"] == pytest.approx(0.02, rel=0.1)
    assert row["sd_pretraining_seeds"] == pytest.approx(0.05, rel=0.15)
    assert math.isnan(row["sd_both_seeds"])
    assert row["sd_test_segments"] == pytest.approx(SEGMENTS, rel=0.1)
    assert row["runs_test_segments"] == 4 * 9 + 3
    assert (row["groups_finetuning_seeds"], row["df_finetuning_seeds"]) == (241, 482)
    assert (row["groups_pretraining_seeds"], row["df_pretraining_seeds"]) == (80, 160)


def test_what_no_seed_and_no_resample_shows_is_empty():
    runs = study(0.05, 0.02, seeds=(1, 1))
    (row,) = noise_of_runs(runs).to_dict("records")
    for column in ("sd_finetuning_seeds", "sd_pretraining_seeds", "sd_both_seeds", "sd_test_segments"):
        assert math.isnan(row[column])
    assert (row["df_finetuning_seeds"], row["df_pretraining_seeds"], row["runs_test_segments"]) == (0, 0, 0)
    (row,) = noise_of_runs(study(0.05, 0.02, seeds=(1, 3))).to_dict("records")
    assert row["sd_finetuning_seeds"] > 0
    assert math.isnan(row["sd_pretraining_seeds"]), "three finetuning seeds tell nothing of pretraining"


def test_runs_without_a_logarithm_or_that_were_not_selected_are_left_out():
    runs = study(0.0, 0.02, seeds=(1, 3)).assign(selected=True, chrf=np.nan)
    runs.loc[3, "bleu"] = 0.0
    runs.loc[4, "selected"] = False
    table = noise_of_runs(pd.concat([runs, runs.assign(finetune_pairs=100)], ignore_index=True))
    assert table["n_runs"].to_list() == [len(runs) - 2] * 2
    assert table["finetune_pairs"].to_list() == [100, 500]
    assert set(table["metric"]) == {"bleu"}, "chrF has no number"


def test_a_resample_of_0_leaves_its_run_out():
    runs = study(0.0, 0.02, seeds=(1, 2), mixtures=1)
    drawn = resampled(runs, draws=20)
    drawn.loc[(drawn["pretrain_tokens"] == 0) & (drawn["resample"] == 2), "value"] = 0.0
    assert noise_of_runs(runs, resamples=drawn)["runs_test_segments"].item() == len(runs) - 2


def test_a_table_that_is_none_is_refused():
    with pytest.raises(TableError, match="column 'mixture' is missing"):
        noise_of_runs(study().drop(columns="mixture"))
    with pytest.raises(TableError, match="column 'value' is missing"):
        noise_of_runs(study(), resamples=resampled(study(), 2).drop(columns="value"))
