from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from downlaw.metrics.base import Translations
from downlaw.metrics.bleu import Bleu
from downlaw.metrics.chrf import Chrf
from downlaw.metrics.comparisons import BASELINE, COMPARISON_COLUMNS, MIXTURES, MORE_TOKENS, compare_runs
from downlaw.metrics.crossentropy import CrossEntropy
from downlaw.metrics.paired import holm, paired_bootstrap
from downlaw.metrics.segments import StatisticsError, join_tables, segment_table

SEGMENTS, SAMPLES = 80, 200
WORDS = np.array(["file", "open", "the", "not", "could", "again", "of", "another", "kind"])
BLEU, CHRF, LOSS = Bleu(), Chrf(), CrossEntropy()
KEPT = {("", 0): 0.4, ("en", 512): 0.6, ("en", 1024): 0.85, ("fr", 512): 0.6, ("fr", 1024): 0.6}
"""The share of words that a system gets right, by mixture and Dp."""


def run(mixture: str, tokens: int, seed: int = 1, **columns: Any) -> dict[str, Any]:
    names = {"task": "en-de", "finetune_pairs": 100, "mixture": mixture or None, "pretrain_tokens": tokens}
    return {**names, "pretraining_seed": 1 if mixture else None, "finetuning_seed": seed, **columns}


def counted(noise: int, kept: float, length: float = 1.0, segments: int = SEGMENTS) -> dict[str, np.ndarray]:
    """Statistics of made-up output: each word is right with the probability `kept`, and the end is cut."""
    generator, text = np.random.default_rng(noise), np.random.default_rng(0)
    references = [" ".join(text.choice(WORDS, text.integers(6, 14))) for _ in range(segments)]
    outputs = []
    for line in references:
        words = [word if generator.random() < kept else generator.choice(WORDS) for word in line.split()]
        outputs.append(" ".join(words[: max(1, round(length * len(words)))]))
    translations = Translations(references, outputs, references, "en", "de")
    found = {"negative_log_likelihood": generator.uniform(8, 9, segments) - kept}
    found["target_tokens"] = np.full(segments, 5.0)
    for metric in (BLEU, CHRF):
        found |= dict(zip(metric.columns, metric.count(translations).T, strict=True))
    return found


def systems(**changes: Any) -> list[pd.DataFrame]:
    return [
        segment_table(run(mixture, tokens, **changes), counted(number, kept))
        for number, ((mixture, tokens), kept) in enumerate(KEPT.items(), start=20)
    ]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return compare_runs(systems(), SAMPLES)


def of_kind(table: pd.DataFrame, kind: str, metric: str = "bleu") -> pd.DataFrame:
    return table[(table["comparison"] == kind) & (table["metric"] == metric)]


def test_every_question_is_asked_by_every_metric(table: pd.DataFrame):
    assert list(table.columns) == list(COMPARISON_COLUMNS)
    assert list(dict.fromkeys(table["metric"])) == ["cross_entropy", "bleu", "chrf"]
    for metric in ("cross_entropy", "bleu", "chrf"):
        asked = {}
        for kind in (MIXTURES, BASELINE, MORE_TOKENS):
            rows = of_kind(table, kind, metric)
            names = rows[["mixture_a", "pretrain_tokens_a", "mixture_b", "pretrain_tokens_b"]]
            asked[kind] = list(names.itertuples(index=False, name=None))
        assert asked == {
            MIXTURES: [("en", 512, "fr", 512), ("en", 1024, "fr", 1024)],
            BASELINE: [(name, tokens, "", 0) for name, tokens in KEPT if tokens],
            MORE_TOKENS: [(name, 1024, name, 512) for name in ("en", "fr")],
        }
    assert set(table["n_seeds_a"]) == set(table["n_seeds_b"]) == {1}


def test_a_row_is_the_paired_bootstrap_of_its_two_systems(table: pd.DataFrame):
    a, b = (
        np.column_stack([counted(noise, kept)[column] for column in BLEU.columns])
        for noise, kept in ((22, 0.85), (24, 0.6))
    )
    found = paired_bootstrap(BLEU, a, b, samples=SAMPLES)
    row = of_kind(table, MIXTURES).iloc[1]
    for column in ("score_a", "score_b", "difference", "low", "high", "p_value", "p_sacrebleu"):
        assert row[column] == pytest.approx(getattr(found, column)), column


def test_equal_mixtures_are_within_noise_and_others_beyond_it(table: pd.DataFrame):
    equal, better = of_kind(table, MIXTURES)["p_holm"]
    assert equal > 0.05 > better
    more = of_kind(table, MORE_TOKENS).set_index("mixture_a")
    assert more.loc["en", "p_holm"] < 0.05 < more.loc["fr", "p_holm"]
    assert more.loc["en", "low"] > 0 > more.loc["fr", "low"]
    assert (of_kind(table, BASELINE)["p_holm"] < 0.05).all()


def test_p_values_are_adjusted_within_their_kind_and_metric(table: pd.DataFrame):
    for (_, metric), rows in table.groupby(["comparison", "metric"]):
        assert rows["p_holm"].to_list() == pytest.approx(holm(rows["p_value"]).tolist()), metric


def test_the_change_of_bleu_is_taken_apart(table: pd.DataFrame):
    bleu = table[table["metric"] == "bleu"]
    parts = bleu[["ln_brevity_penalty", *(f"ln_precision_{order}" for order in range(1, 5))]]
    assert bleu["ln_bleu_change"].to_list() == pytest.approx(parts.sum(axis=1).to_list())
    ratio = np.log(bleu["score_a"] / bleu["score_b"])
    assert bleu["ln_bleu_change"].to_list() == pytest.approx(ratio.to_list())
    assert not bleu["smoothed"].any()
    more = of_kind(table, MORE_TOKENS).set_index("mixture_a")["why"]
    assert more["en"] == "more matching 3-grams and 4-grams"
    assert more["fr"].startswith("within noise: ")
    others = table[table["metric"] != "bleu"]
    assert others[["ln_bleu_change", *parts.columns, "smoothed", "why"]].isna().all(axis=None)


def test_output_that_is_cut_short_is_said_to_be_why():
    short = segment_table(run("en", 512), counted(1, 0.7, length=0.5))
    full = segment_table(run("fr", 512), counted(1, 0.7))
    row = compare_runs([short, full], SAMPLES).query("metric == 'bleu'").iloc[0]
    assert row["difference"] < 0
    assert row["why"] == "shorter output"


def test_a_bleu_of_0_has_a_difference_but_no_parts():
    nothing = segment_table(
        run("en", 512), counted(1, 0.0) | {f"bleu_matches_{n}": np.zeros(SEGMENTS) for n in (1, 2, 3, 4)}
    )
    row = compare_runs([nothing, systems()[3]], SAMPLES).query("metric == 'bleu'").iloc[0]  # fmt: skip
    assert (row["score_a"], row["p_value"]) == (0, pytest.approx(1 / (SAMPLES + 1)))
    assert row["difference"] == -row["score_b"]
    assert row[["ln_bleu_change", "ln_brevity_penalty", "ln_precision_4", "smoothed"]].isna().all()
    assert row["why"] == "BLEU of a is 0, and has no logarithm"


def test_seeds_of_one_system_are_summed():
    seeds = [segment_table(run("en", 512, seed), counted(seed, 0.6)) for seed in (1, 2, 3)]
    other = segment_table(run("fr", 512), counted(9, 0.6))
    row = compare_runs([join_tables(seeds), other], SAMPLES).query("metric == 'bleu'").iloc[0]
    assert (row["n_seeds_a"], row["n_seeds_b"]) == (3, 1)
    summed = sum(np.column_stack([counted(seed, 0.6)[c] for c in BLEU.columns]) for seed in (1, 2, 3))
    assert row["score_a"] == pytest.approx(BLEU.score(summed.sum(axis=0)[None])[0])


def test_a_metric_may_stand_in_a_table_of_its_own():
    scores = [
        segment_table(
            run(mixture, 512), {"comet_sum": np.full(SEGMENTS, score), "scored_segments": np.ones(SEGMENTS)}
        )
        for mixture, score in (("en", 0.7), ("fr", 0.5))
    ]
    found = compare_runs([*systems(), *scores], SAMPLES)
    comet = found[found["metric"] == "comet"]
    assert comet["difference"].to_list() == pytest.approx([0.2])
    assert len(found) == 3 * 8 + 1


def test_the_order_of_tables_changes_nothing(table: pd.DataFrame):
    pd.testing.assert_frame_equal(compare_runs(systems()[::-1], SAMPLES), table)


def test_tasks_and_finetuning_sizes_are_kept_apart():
    both = [*systems(), *systems(finetune_pairs=200), *systems(task="de-en")]
    found = compare_runs(both, SAMPLES)
    assert found.groupby(["task", "finetune_pairs"]).size().tolist() == [24, 24, 24]


@pytest.mark.parametrize("tables", [[], systems()[:1]], ids=["no runs", "the baseline alone"])
def test_without_two_systems_there_is_nothing_to_compare(tables: list[pd.DataFrame]):
    found = compare_runs(tables, SAMPLES)
    assert list(found.columns) == list(COMPARISON_COLUMNS)
    assert found.empty


def test_test_sets_that_differ_are_refused():
    short = segment_table(run("fr", 512), counted(1, 0.6, segments=SEGMENTS - 1))
    with pytest.raises(StatisticsError, match=f"one run has {SEGMENTS} test segments, the run task en-de"):
        compare_runs([*systems()[:2], short], SAMPLES)


def test_a_metric_of_a_run_that_is_there_twice_is_refused():
    with pytest.raises(StatisticsError, match=r"cross_entropy of the run .*mixture en.* is there twice"):
        compare_runs([*systems(), systems()[1]], SAMPLES)


def test_segments_that_are_missing_are_named():
    with pytest.raises(StatisticsError, match=r"mixture en.*: test segments are missing or twice"):
        compare_runs([systems()[1].drop(index=3)], SAMPLES)
