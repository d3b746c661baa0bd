"""Differences between runs, their noise, and BLEU against cross-entropy, as the workflow writes them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import Workplace

pytestmark = pytest.mark.pipeline

TEXT_METRICS = ("cross_entropy", "bleu", "chrf", "ter", "rouge_l", "empty_output")
PAIRS = {"two mixtures": 5, "no pretraining": 10, "more pretraining": 8}
"""2 mixtures at 5 Dp."""


def table(place: Workplace, name: str) -> pd.DataFrame:
    return pd.read_csv(place.folder / f"results/{name}.csv", keep_default_na=False, na_values=[""])


def test_runs_are_compared_by_every_metric(finished: Workplace):
    found = table(finished, "comparisons")
    for metric in TEXT_METRICS:
        for pairs in (200, 600):
            here = found[(found["metric"] == metric) & (found["finetune_pairs"] == pairs)]
            assert here["comparison"].value_counts().to_dict() == PAIRS, metric
    assert set(found["n_seeds_a"]) == set(found["n_seeds_b"]) == {2}
    assert found["p_value"].between(0, 1).all()
    assert (found["p_holm"] >= found["p_value"]).all()
    bleu = found[found["metric"] == "bleu"]
    assert bleu["why"].notna().all()
    parts = bleu[["ln_brevity_penalty", *(f"ln_precision_{order}" for order in range(1, 5))]]
    known = bleu["ln_bleu_change"].notna()
    np.testing.assert_allclose(parts[known].sum(axis=1), bleu.loc[known, "ln_bleu_change"], atol=1e-8)


def test_the_noise_of_two_finetuning_seeds_is_known_and_that_of_one_pretraining_seed_unseen(
    finished: Workplace,
):
    noise = table(finished, "noise")
    loss = noise[noise["metric"] == "cross_entropy"]
    assert loss["finetune_pairs"].to_list() == [200, 600]
    assert (loss["sd_finetuning_seeds"] > 0).all()
    assert loss["df_finetuning_seeds"].to_list() == [11, 11], "2 mixtures at 5 Dp, and the baseline"
    assert loss[["sd_pretraining_seeds", "sd_both_seeds"]].isna().all(axis=None)
    assert (loss["sd_test_segments"] > 0).all()
    assert loss["runs_test_segments"].to_list() == [22, 22]


def test_the_relation_of_bleu_and_cross_entropy_is_judged(finished: Workplace):
    relations = table(finished, "metric_relations")
    assert (
        relations.groupby("finetune_pairs")["scope"].apply(list).to_list()
        == [["mixture", "mixture", "all"]] * 2
    )
    assert relations["reason"].notna().all()
    assert relations["n"].to_list() == [5, 5, 11] * 2


def test_no_test_segment_is_seen_in_training_and_scores_without_seen_ones_are_the_same(finished: Workplace):
    seen, scores, runs = (table(finished, name) for name in ("contamination", "contamination_scores", "runs"))
    assert len(seen) == (1 + 2 * 2) * 2 * 3, "the pairs; 2 mixtures, alone and with them; 2 n; 3 sides"
    assert (seen["test_segments"] == 40).all()
    assert (seen["seen"] == 0).all()
    assert (seen["short_test_segments"] == 40).all(), "toy sentences have 4 to 7 words"
    scored = runs[runs["selected"]]
    assert len(scores) == len(scored) * 2 * 3
    assert (scores["segments_seen"] == 0).all() and (scores["note"] == "nothing seen").all()
    assert (scores["score_unseen"] == scores["score_all"]).all() and scores["score_seen"].isna().all()
    bleu = scores[(scores["metric"] == "bleu") & (scores["n"] == 8)]
    keys = ["task", "finetune_pairs", "mixture", "pretrain_tokens", "pretraining_seed", "finetuning_seed"]
    both = bleu.merge(scored, on=keys)
    assert len(both) == len(scored)
    np.testing.assert_allclose(both["score_all"], both["bleu"], rtol=1e-9)
    summary = (finished.folder / "results/report/summary.txt").read_text()
    assert summary.count("None of the 40 test segments was seen in training text.") == 2
