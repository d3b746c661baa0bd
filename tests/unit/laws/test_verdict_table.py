from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from downlaw.laws import METRICS, TableError
from downlaw.laws.verdicts import VERDICT_COLUMNS, verdict_runs

TOKENS = [1_000_000 * 2**step for step in range(6)]
BLEU = {"bleu": METRICS["bleu"]}
SHAPES = {"en+fr": np.linspace(0.1, 0.8, 6), "de": np.linspace(0.1, -0.3, 6), "en": np.zeros(6)}


def run(mixture: str, tokens: int, score: float, loss: float = 3.0, seed: int = 1) -> dict[str, object]:
    return {
        "task": "en-fr",
        "finetune_pairs": 5000,
        "mixture": mixture,
        "pretrain_tokens": tokens,
        "finetuning_seed": seed,
        "bleu": score,
        "chrf": 2 * score,
        "cross_entropy": loss,
    }


def table() -> pd.DataFrame:
    rows = [run("", 0, 10.0)]
    for mixture, shape in SHAPES.items():
        for step, (tokens, gain) in enumerate(zip(TOKENS, shape, strict=True)):
            rows.append(run(mixture, tokens, 10 * math.exp(gain), 3 - 0.1 * step))
    return pd.DataFrame(rows)


def judged(runs: pd.DataFrame, **options: object) -> pd.DataFrame:
    return verdict_runs(runs, **({"relative_noise": 0.005, "samples": 40} | options))


def test_one_row_a_curve_and_score_in_stable_order():
    verdicts = judged(table())
    assert tuple(verdicts.columns) == VERDICT_COLUMNS
    assert list(zip(verdicts["mixture"], verdicts["metric"], verdicts["verdict"], strict=True)) == [
        ("de", "bleu", "misaligned"),
        ("de", "chrf", "misaligned"),
        ("en", "bleu", "saturated"),
        ("en", "chrf", "saturated"),
        ("en+fr", "bleu", "aligned"),
        ("en+fr", "chrf", "aligned"),
    ]
    assert (verdicts["track"] == "transfer").all()
    assert verdicts["diverges"].tolist() == [True, True, True, True, False, False]
    assert verdicts["margin"].tolist() == [0.04, 0.02] * 3
    pd.testing.assert_frame_equal(judged(table().sample(frac=1, random_state=3)), verdicts)


def test_margins_are_the_users():
    assert "saturated" not in judged(table(), margins={"bleu": 0.001, "chrf": 0.001})["verdict"].tolist()


def test_without_a_noise_level_there_is_no_verdict():
    verdicts = judged(table(), relative_noise=None)
    assert (verdicts["verdict"] == "inconclusive").all()
    assert verdicts["reason"].str.startswith("noise unknown").all()
    assert verdicts[["noise", "p_monotone", "rise", "diverges"]].isna().all().all()
    assert verdicts["held_out_error"].notna().any()


def test_seeds_tell_the_noise_and_one_seed_does_not():
    runs = table()
    second = runs.assign(finetuning_seed=2, bleu=runs["bleu"] * 1.01, chrf=runs["chrf"] * 0.99)
    verdicts = judged(pd.concat([runs, second]), relative_noise=None)
    assert (verdicts["noise"] == "seeds").all() and (verdicts["n_seeds"] == 2).all()
    assert verdicts["verdict"].tolist()[:2] == ["misaligned", "misaligned"]
    assert verdicts["diverges"].isna().all(), "seeds that agree on cross-entropy do not tell its noise"


def test_resamples_of_one_test_set_count_as_common():
    rng = np.random.default_rng(1)
    runs = table()
    # The baseline scatters with all others: what is left between them is far below the scatter of each.
    common = 0.1 * rng.normal(size=(100, 1)) + 0.003 * rng.normal(size=(100, len(runs)))
    keys = runs[["task", "finetune_pairs", "mixture", "pretrain_tokens", "finetuning_seed"]]
    resamples = pd.concat(
        keys.assign(pretraining_seed=None, metric="bleu", resample=b, value=runs["bleu"] * np.exp(errors))
        for b, errors in enumerate(common)
    )
    verdicts = judged(runs, resamples=resamples, relative_noise=None)
    bleu = verdicts[verdicts["metric"] == "bleu"]
    assert bleu["verdict"].tolist() == ["misaligned", "saturated", "aligned"]
    assert (bleu["noise"] == "segments").all() and (bleu["noise_sd"] > 0.05).all()
    assert verdicts[verdicts["metric"] == "chrf"]["verdict"].eq("inconclusive").all()


def test_a_table_without_baseline_cross_entropy_or_second_score():
    runs = table().query("pretrain_tokens > 0").drop(columns=["cross_entropy", "chrf"])
    verdicts = judged(runs).set_index("mixture")
    assert verdicts["verdict"].to_dict() == {"de": "misaligned", "en": "inconclusive", "en+fr": "aligned"}
    assert verdicts[["baseline", "gain", "diverges", "cross_entropy_change"]].isna().all().all()


def test_a_baseline_of_zero_hides_no_noise():
    runs = table()
    runs.loc[runs["pretrain_tokens"] == 0, "bleu"] = 0.0
    verdicts = judged(runs, metrics=BLEU).set_index("mixture")
    assert verdicts["verdict"].to_dict() == {"de": "misaligned", "en": "inconclusive", "en+fr": "aligned"}
    assert (verdicts["baseline"] == 0).all() and verdicts["gain"].isna().all()


def test_a_score_of_zero_is_said_and_spoils_no_other_curve():
    runs = table()
    runs.loc[(runs["mixture"] == "de") & (runs["pretrain_tokens"] == TOKENS[2]), "bleu"] = 0.0
    verdicts = judged(runs, metrics=BLEU).set_index("mixture")
    assert verdicts["verdict"].to_dict() == {"de": "inconclusive", "en": "saturated", "en+fr": "aligned"}
    assert "0 or below at Dp = 4000000" in verdicts["reason"]["de"]


def test_a_mixture_whose_runs_all_diverged_has_a_row():
    runs = table().assign(status="ok", selected=True)
    lost = runs["mixture"] == "en"
    runs.loc[lost, ["status", "selected", "bleu", "chrf", "cross_entropy"]] = [
        "diverged",
        False,
        None,
        None,
        None,
    ]
    found = judged(runs).set_index(["mixture", "metric"]).loc[("en", "bleu")]
    assert found["verdict"] == "inconclusive"
    assert found["reason"] == "no points, at least 4 are needed; 6 runs did not finish"
    assert (found["n_points"], found["n_diverged"]) == (0, 6)


def test_a_table_of_cross_entropy_alone_has_no_verdicts():
    verdicts = judged(table().drop(columns=["bleu", "chrf"]))
    assert verdicts.empty and tuple(verdicts.columns) == VERDICT_COLUMNS


def test_a_table_that_is_none_is_refused():
    with pytest.raises(TableError, match="column 'mixture' is missing"):
        verdict_runs(table().drop(columns="mixture"))
