"""Sentences about a study, from its tables alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from downlaw.report.findings import families, misfits, noise, what_was_seen, winners


def test_what_was_seen_is_said_in_plain_words_for_better_and_for_worse(
    runs: pd.DataFrame, laws: pd.DataFrame
):
    seen = list(what_was_seen(runs, laws))
    assert seen[0].startswith(
        "With en+de, from no pretraining to Dp = 1.05M: cross-entropy fell from 5.100 to "
    )
    assert " 3.769 (better); BLEU rose from 1.9 to " in seen[0]
    assert seen[2].endswith("BLEU fell from 1.9 to 1.6 (worse, but the intervals overlap).")
    assert seen[3].startswith(
        "The laws of cross-entropy, fitted to the smallest Dp, missed the held-out points by"
    )
    assert "fr+ro" not in seen[4]
    assert seen[-1].startswith("One pretraining seed")


def test_a_metric_that_did_not_move_is_said_to_have_stayed(runs: pd.DataFrame, fit):
    runs["bleu"] = 4.0
    assert "BLEU stayed at 4.0" in next(iter(what_was_seen(runs, fit(runs, "bleu"))))


def test_several_pretraining_seeds_are_not_called_one(runs: pd.DataFrame, fit):
    again = runs[runs["mixture"] != ""].assign(pretraining_seed=2)
    both = pd.concat([runs, again], ignore_index=True)
    assert not any("One pretraining seed" in line for line in what_was_seen(both, fit(both, "bleu")))


def test_the_family_that_predicted_best_is_named_for_each_mixture(laws: pd.DataFrame):
    best = laws.assign(best=laws["law"] == "sigmoid")
    best.loc[(laws["mixture"] == "fr+ro") & (laws["metric"] == "bleu"), "best"] = False
    best.loc[(laws["mixture"] == "fr+ro") & (laws["law"] == "constant"), "best"] = True
    (sentence,) = [line for line in families(best) if "BLEU" in line]
    assert sentence == (
        "Points of BLEU were predicted best, each from those before it, by a sigmoid with en and en+de and"
        " a constant with fr+ro."
    )


def test_a_family_that_alone_could_predict_is_not_called_the_best(laws: pd.DataFrame):
    alone = laws.assign(leave_last_out_error=laws["leave_last_out_error"].where(laws["law"] == "constant"))
    assert list(families(alone.assign(best=laws["law"] == "constant"))) == []


def test_the_mixture_ahead_at_the_largest_budget_is_named_with_the_difference(valuations: pd.DataFrame):
    loss, score = winners(valuations)
    assert loss.startswith(
        "Extrapolated to Dp = 4.19M, the laws of these models put en+de ahead in cross-entropy: 3."
    )
    row = valuations[
        (valuations["metric"] == "cross_entropy") & (valuations["pretrain_tokens"] == 4 * 32_768 * 32)
    ].set_index("mixture")
    gap = row.loc["en", ["difference", "difference_low", "difference_high"]]
    assert "by {:.3f} [{:.3f}, {:.3f}] over en".format(*gap) in loss
    assert f"It is ahead in {100 * row.loc['en+de', 'share_best']:.0f}% of the draws of the noise." in loss
    assert "over en" in score and "fr+ro" not in score


def test_a_lead_in_a_score_is_a_positive_number_with_its_ends_in_order(valuations: pd.DataFrame):
    here = valuations.copy()
    behind = (here["metric"] == "bleu") & (here["mixture"] == "en")
    here.loc[behind, ["difference", "difference_low", "difference_high"]] = [-2.0, -3.0, 0.5]
    assert any("by 2.0 [-0.5, 3.0] over en" in sentence for sentence in winners(here))


def test_without_a_second_mixture_none_is_ahead(valuations: pd.DataFrame):
    assert list(winners(valuations[valuations["mixture"] == "en"])) == []


def test_points_far_from_their_law_are_named(laws: pd.DataFrame):
    bad = (laws["mixture"] == "en") & (laws["metric"] == "bleu")
    assert list(misfits(laws.assign(misfit_p=np.where(bad, 0.001, 0.4)))) == [
        "The points of BLEU with en lie farther from their law than the noise explains: its intervals are too"
        " narrow."
    ]
    assert list(misfits(laws.assign(misfit_p=np.nan))) == []


def test_where_the_noise_is_known_from_and_where_it_is_not(laws: pd.DataFrame):
    said = list(noise(laws, one_pretraining_seed=True))
    assert said == [
        "Intervals of laws are 90% intervals, from the intervals of the scores, taken as independent.",
        "The noise of curves of chrF is unknown: their laws have no intervals.",
        "One pretraining seed: how much another one would change these numbers is not known.",
    ]
    assert list(noise(laws.iloc[:0], one_pretraining_seed=False)) == []
