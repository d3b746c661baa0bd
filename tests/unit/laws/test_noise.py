from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from downlaw.laws import Noise, TableError, check_resamples, curves

TOKENS = [100_000 * 2**step for step in range(4)]
RNG = np.random.default_rng(5)


def runs(seeds: int = 1, mixtures: tuple[str, ...] = ("en", "fr"), sd: float = 0.0) -> pd.DataFrame:
    rows = []
    for mixture, tokens in [("", 0), *((m, t) for m in mixtures for t in TOKENS)]:
        for seed in range(1, seeds + 1):
            bleu = (10 + np.log1p(tokens)) * np.exp(sd * RNG.normal())
            row = {"task": "de-en", "mixture": mixture, "pretrain_tokens": tokens, "finetune_pairs": 5000}
            row |= {"pretraining_seed": 1 if mixture else None, "finetuning_seed": seed, "bleu": bleu}
            rows.append(row | {"bleu_low": 0.96 * bleu, "bleu_high": bleu / 0.96})
    return pd.DataFrame(rows)


def resampled(table: pd.DataFrame, common: float = 0.05, own: float = 0.01, draws: int = 400) -> pd.DataFrame:
    shared = common * RNG.normal(size=draws)
    parts = []
    for row in table.to_dict("records"):
        keys = ["task", "mixture", "pretrain_tokens", "finetune_pairs", "pretraining_seed", "finetuning_seed"]
        value = row["bleu"] * np.exp(shared + own * RNG.normal(size=draws))
        part = pd.DataFrame({"resample": range(draws), "value": value, "metric": "bleu"})
        parts.append(part.assign(**{key: row[key] for key in keys}))
    return pd.concat(parts)


def test_without_a_level_the_noise_is_unknown():
    bare = runs().drop(columns=["bleu_low", "bleu_high"])
    assert curves(bare, "bleu")[0].noise is None


def test_intervals_of_the_table_are_the_last_resort():
    curve = curves(runs(), "bleu")[0]
    assert curve.noise.source == "intervals"
    np.testing.assert_allclose(curve.point_noise.sd, -np.log(0.96) / 1.96, rtol=0.1)


def test_a_given_level_is_used_where_there_are_no_resamples():
    noise = curves(runs(), "bleu", relative_noise=0.03)[0].noise
    assert noise.source == "given"
    assert noise.sd == pytest.approx(np.full(5, 0.03), rel=0.1)


@pytest.mark.parametrize("level", [0.0, -0.1, float("inf")])
def test_a_level_that_is_none_is_refused(level: float):
    with pytest.raises(ValueError, match="relative noise must be positive"):
        curves(runs(), "bleu", relative_noise=level)


def test_resamples_are_joint_over_points_mixtures_and_the_baseline():
    table = runs()
    english, french = curves(table, "bleu", resamples=resampled(table))
    assert english.noise.source == "segments"
    assert english.noise.draws.shape == (400, 5), "four points and the baseline"
    assert english.point_noise.draws.shape == (400, 4)
    correlations = np.corrcoef(np.hstack([english.noise.draws, french.noise.draws]).T)
    assert correlations.min() > 0.9
    assert english.noise.sd == pytest.approx(np.full(5, np.hypot(0.05, 0.01)), rel=0.2)
    assert np.diag(english.noise.covariance) == pytest.approx(english.noise.sd**2)


def test_seeds_add_their_spread_divided_by_how_many_there_are():
    table = runs(seeds=4, sd=0.08)
    alone = curves(table.drop(columns=["bleu_low", "bleu_high"]), "bleu")[0].noise
    assert alone.source == "seeds"
    assert alone.sd == pytest.approx(np.full(5, 0.04), rel=0.4)
    both = curves(table, "bleu", resamples=resampled(table))[0].noise
    assert both.source == "segments and seeds"
    assert np.mean(both.sd) > np.mean(alone.sd)
    english, french = (curve.noise.draws for curve in curves(table, "bleu"))
    assert abs(np.corrcoef(english[:, 0], french[:, 0])[0, 1]) < 0.2, (
        "seeds of two curves have nothing in common"
    )


def test_a_run_without_resamples_leaves_its_curve_to_the_other_sources():
    table = runs()
    drawn = resampled(table)
    drawn = drawn[~((drawn["mixture"] == "en") & (drawn["pretrain_tokens"] == TOKENS[2]))]
    english, french = curves(table, "bleu", resamples=drawn)
    assert (english.noise.source, french.noise.source) == ("intervals", "segments")


def test_a_resample_of_zero_has_no_logarithm_and_is_not_used():
    table = runs()
    drawn = resampled(table)
    drawn.loc[(drawn["mixture"] == "en") & (drawn["resample"] == 3), "value"] = 0.0
    english, french = curves(table, "bleu", resamples=drawn)
    assert (english.noise.source, french.noise.source) == ("intervals", "segments")


def test_a_baseline_of_zero_leaves_the_noise_of_the_points_known():
    table = runs()
    assert curves(table, "bleu")[0].baseline_noise.draws.shape == (1000, 1)
    table.loc[table["mixture"] == "", ["bleu", "bleu_low", "bleu_high"]] = 0.0
    curve = curves(table, "bleu")[0]
    assert curve.baseline_noise is None
    assert curve.noise.draws.shape == (1000, 4)


def test_a_table_of_resamples_is_checked():
    drawn = resampled(runs(), draws=3)
    with pytest.raises(TableError, match="column 'value' is missing"):
        check_resamples(drawn.drop(columns="value"))
    with pytest.raises(TableError, match="a second time"):
        check_resamples(pd.concat([drawn, drawn]))
    with pytest.raises(TableError, match="line 2: value is 'x', not a number"):
        check_resamples(drawn.astype({"value": object}).assign(value="x"))


def test_noise_by_hand_is_checked():
    with pytest.raises(ValueError, match="0 or more"):
        Noise.independent([0.1, -0.1])
    with pytest.raises(ValueError, match="finite numbers of shape"):
        Noise(np.array([[np.nan]]), "given")
    with pytest.raises(ValueError, match="not positive"):
        Noise.from_resamples([[1.0, 0.0]], [1.0, 1.0])
    with pytest.raises(ValueError, match="do not fit"):
        Noise.from_resamples([[1.0, 1.0]], [1.0])
    with pytest.raises(ValueError, match="different numbers of points"):
        Noise.relative(0.1, 2).plus(Noise.relative(0.1, 3))


def test_noise_from_resamples_is_centred():
    noise = Noise.from_resamples(np.exp(0.1 + 0.02 * RNG.normal(size=(500, 3))), np.ones(3))
    np.testing.assert_allclose(noise.draws.mean(axis=0), 0, atol=1e-12)
    assert noise.sd == pytest.approx(np.full(3, 0.02), rel=0.15)
