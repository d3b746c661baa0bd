from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sacrebleu.metrics import BLEU, CHRF

from downlaw.metrics import (
    METRICS,
    RUN_TYPES,
    MeanScore,
    StatisticsError,
    Translations,
    count_segments,
    join_tables,
    likelihood_statistics,
    read_statistics,
    resample_runs,
    scores_row,
    segment_table,
    text_metrics,
)
from downlaw.metrics.bleu import BLEU_COLUMNS
from downlaw.metrics.chrf import CHRF_COLUMNS

SEGMENTS, SAMPLES = 40, 50
BASELINE = {
    **{"task": "en-de", "finetune_pairs": 100, "mixture": None, "pretrain_tokens": 0},
    **{"pretraining_seed": None, "finetuning_seed": 1},
}
PRETRAINED = {**BASELINE, "mixture": "fr", "pretrain_tokens": 512, "pretraining_seed": 1}


def scored(seed: int, segments: int = SEGMENTS):
    """Likelihoods, token counts and translations of a made-up system; all share their references."""
    generator, text = np.random.default_rng(seed), np.random.default_rng(0)
    words = np.array(["file", "open", "the", "not", "could", "again"])
    references = [" ".join(text.choice(words, text.integers(4, 12))) for _ in range(segments)]
    hypotheses = [
        " ".join(word if generator.random() < 0.7 else generator.choice(words) for word in line.split())
        for line in references
    ]
    tokens = text.integers(3, 15, segments)
    return tokens * generator.uniform(1, 4, segments), tokens, hypotheses, references


def statistics(run: dict[str, Any], seed: int, segments: int = SEGMENTS) -> pd.DataFrame:
    likelihoods, tokens, hypotheses, references = scored(seed, segments)
    text = Translations(references, hypotheses, references, "en", "en")
    counts = count_segments(text_metrics(["bleu", "chrf"]), text)
    return segment_table(run, likelihood_statistics(likelihoods, tokens, references) | counts)


@pytest.fixture(scope="module")
def two_runs() -> pd.DataFrame:
    return join_tables([statistics(BASELINE, 1), statistics(PRETRAINED, 2)])


@pytest.fixture
def written(two_runs: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "0.segments.parquet"
    two_runs.to_parquet(path, index=False)
    return path


def values(resamples: pd.DataFrame, metric: str, tokens: int = 512) -> np.ndarray:
    rows = resamples[(resamples["metric"] == metric) & (resamples["pretrain_tokens"] == tokens)]
    assert list(rows["resample"]) == list(range(len(rows)))
    return rows["value"].to_numpy()


# --- Statistics


def test_a_row_a_run_and_segment_adds_up_to_the_scores_of_the_run(two_runs: pd.DataFrame):
    counted = ["negative_log_likelihood", "target_tokens", "target_characters", *BLEU_COLUMNS, *CHRF_COLUMNS]
    assert list(two_runs.columns) == [*RUN_TYPES, "segment", *counted]
    assert list(two_runs["segment"]) == [*range(SEGMENTS), *range(SEGMENTS)]
    for seed, tokens in ((1, 0), (2, 512)):
        here = two_runs[two_runs["pretrain_tokens"] == tokens]
        likelihoods, pieces, hypotheses, references = scored(seed)
        assert list(here["negative_log_likelihood"]) == list(likelihoods)
        assert here["target_tokens"].sum() == pieces.sum()
        bleu = [int(here[column].sum()) for column in BLEU_COLUMNS]
        theirs = BLEU().corpus_score(hypotheses, [references])
        assert BLEU.compute_bleu(bleu[2:6], bleu[6:], *bleu[:2], smooth_method="exp").score == theirs.score
        chrf = [int(here[column].sum()) for column in CHRF_COLUMNS]
        assert CHRF()._compute_f_score(chrf) == CHRF().corpus_score(hypotheses, [references]).score


def test_a_file_gives_back_what_was_written(two_runs: pd.DataFrame, written: Path):
    pd.testing.assert_frame_equal(read_statistics(written), two_runs)


def test_without_runs_the_table_is_empty_and_can_be_kept(tmp_path: Path):
    path = tmp_path / "none.parquet"
    join_tables([]).to_parquet(path, index=False)
    empty = read_statistics(path)
    assert len(empty) == 0 and empty.dtypes.equals(statistics(BASELINE, 1)[[*empty.columns]].dtypes)
    assert len(resample_runs([empty])) == 0
    assert len(resample_runs([empty, statistics(BASELINE, 1)], SAMPLES)) == 4 * SAMPLES


@pytest.mark.parametrize("content", [None, b"", b"PAR1 cut short", b"task,segment\nen-de,0\n"])
def test_a_missing_or_broken_file_is_named_with_what_to_do(tmp_path: Path, content: bytes | None):
    path = tmp_path / "0.segments.parquet"
    if content is not None:
        path.write_bytes(content)
    message = "no statistics of test segments" if content is None else "not a table of test segments"
    with pytest.raises(StatisticsError, match=f"^{re.escape(str(path))}: {message}.*run the study again"):
        read_statistics(path)


def test_a_file_that_was_cut_is_refused(written: Path):
    written.write_bytes(written.read_bytes()[:-200])
    with pytest.raises(StatisticsError, match="not a table of test segments"):
        read_statistics(written)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="chrf_matches_3"), "column 'chrf_matches_3' is missing"),
        (lambda table: table.drop(columns="finetuning_seed"), "column 'finetuning_seed' is missing"),
        (lambda table: table.assign(target_tokens=0), "target_tokens in row 1 is 0"),
        (lambda table: table.assign(bleu_matches_1=-1), "bleu_matches_1 in row 1 is -1"),
        (lambda table: table.drop(columns="target_characters"), "column 'target_characters' is missing"),
        (lambda table: table.drop(columns="bleu_hypothesis_length"), "'bleu_hypothesis_length' is missing"),
        (lambda table: table.assign(chrf_matches_1="many"), "chrf_matches_1 in row 1 is many"),
        (
            lambda table: table.assign(negative_log_likelihood=np.inf),
            "negative_log_likelihood in row 1 is inf",
        ),
        (lambda table: table.assign(pretrain_tokens="all"), "a column that names the runs is wrong"),
        (lambda table: table.drop(index=7), "segments of the run task en-de, finetune_pairs 100, pretrain_t"),
        (lambda table: pd.concat([table, table.tail(1)]), "mixture fr, .* are missing or twice"),
    ],
)
def test_a_file_with_wrong_content_is_refused(written: Path, two_runs: pd.DataFrame, change, message: str):
    change(two_runs).to_parquet(written, index=False)
    with pytest.raises(StatisticsError, match=f"{re.escape(str(written))}: .*{message}.*; remove it"):
        read_statistics(written)


def test_a_metric_of_ones_own_may_be_below_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Gain(MeanScore):
        """May be anything."""

        name = "gain"

    monkeypatch.setitem(METRICS, "gain", Gain())
    table = segment_table(PRETRAINED, {"gain_sum": np.array([-3.0]), "scored_segments": np.ones(1)})
    table.to_parquet(tmp_path / "gain.parquet", index=False)
    assert read_statistics(tmp_path / "gain.parquet")["gain_sum"].tolist() == [-3.0]


# --- Resamples


def test_scores_of_a_job_of_its_own_join_those_of_the_evaluation(two_runs: pd.DataFrame):
    scores = np.linspace(-1, 1, SEGMENTS)
    comet = segment_table(PRETRAINED, {"comet_sum": scores, "scored_segments": np.ones(SEGMENTS)})
    resamples = resample_runs([two_runs, comet], SAMPLES, only=["bleu", "comet"])
    assert resamples.groupby("metric").size().to_dict() == {"bleu": 2 * SAMPLES, "comet": SAMPLES}
    drawn = np.random.default_rng(12345).choice(SEGMENTS, size=(SAMPLES, SEGMENTS))
    assert values(resamples, "comet") == pytest.approx(scores[drawn].mean(axis=1))


def test_a_comet_below_0_is_no_broken_file(tmp_path: Path):
    comet = segment_table(PRETRAINED, {"comet_sum": np.array([-0.5]), "scored_segments": np.ones(1)})
    comet.to_parquet(tmp_path / "comet.parquet", index=False)
    pd.testing.assert_frame_equal(read_statistics(tmp_path / "comet.parquet"), comet)


def test_resamples_are_tidy_and_name_their_run(two_runs: pd.DataFrame):
    resamples = resample_runs([two_runs], SAMPLES)
    assert list(resamples.columns) == [*RUN_TYPES, "metric", "resample", "value"]
    assert len(resamples) == 2 * 4 * SAMPLES
    assert set(resamples["metric"]) == {"cross_entropy", "cross_entropy_per_character", "bleu", "chrf"}
    baseline = resamples[resamples["pretrain_tokens"] == 0]
    assert len(baseline) == 4 * SAMPLES
    assert baseline["mixture"].isna().all() and baseline["pretraining_seed"].isna().all()
    assert resamples["value"].notna().all()
    assert {column: str(resamples[column].dtype) for column in RUN_TYPES} == RUN_TYPES


def test_one_resample_is_one_test_set_for_all_runs(two_runs: pd.DataFrame):
    """Each row equals the scores of the same drawn sentences, for either run."""
    resamples = resample_runs([two_runs], SAMPLES, seed=9)
    drawn = np.random.default_rng(9).choice(SEGMENTS, size=(SAMPLES, SEGMENTS), replace=True)
    for seed, tokens in ((1, 0), (2, 512)):
        likelihoods, pieces, hypotheses, references = scored(seed)
        for number in (0, 17, SAMPLES - 1):
            row = drawn[number]
            texts = [hypotheses[i] for i in row], [[references[i] for i in row]]
            expected = {
                "cross_entropy": likelihoods[row].sum() / pieces[row].sum(),
                "bleu": BLEU().corpus_score(*texts).score,
                "chrf": CHRF().corpus_score(*texts).score,
            }
            found = {metric: values(resamples, metric, tokens)[number] for metric in expected}
            assert found == pytest.approx(expected, rel=1e-12)


def test_runs_are_resampled_alike_whichever_files_hold_them(two_runs: pd.DataFrame):
    together = resample_runs([two_runs], SAMPLES)
    apart = resample_runs([statistics(BASELINE, 1), statistics(PRETRAINED, 2)], SAMPLES)
    pd.testing.assert_frame_equal(together, apart)


def test_two_systems_that_differ_little_differ_little_in_every_resample():
    """The test set's own difficulty, most of the noise of either, is not in their difference."""
    likelihoods, tokens, _, references = scored(1)
    tables = [
        segment_table(run, likelihood_statistics(factor * likelihoods, tokens, references))
        for run, factor in ((BASELINE, 1.0), (PRETRAINED, 0.9))
    ]
    resamples = resample_runs(tables, 200)
    one, other = (values(resamples, "cross_entropy", tokens) for tokens in (0, 512))
    assert other / one == pytest.approx(0.9)
    assert one.std() / one.mean() > 0.01


def test_the_intervals_of_a_run_are_those_of_its_resamples():
    table = statistics(PRETRAINED, 2)
    row = scores_row({column: table[column].to_numpy() for column in table.columns[7:]}, bootstrap=SAMPLES)
    resamples = resample_runs([table], SAMPLES)
    for metric in ("cross_entropy", "bleu", "chrf"):
        low, high = np.percentile(values(resamples, metric), [2.5, 97.5])
        assert (row[f"{metric}_low"], row[f"{metric}_high"]) == (low, high)


def test_runs_of_one_task_on_different_test_sets_are_refused():
    tables = [statistics(BASELINE, 1), statistics(PRETRAINED, 2, segments=30)]
    with pytest.raises(StatisticsError, match=r"one run has 40 test segments, .* mixture fr.* 30"):
        resample_runs(tables, SAMPLES)


def test_tasks_may_have_test_sets_of_their_own_size():
    tables = [statistics(BASELINE, 1), statistics({**BASELINE, "task": "de-en"}, 1, segments=30)]
    assert resample_runs(tables, SAMPLES)["task"].value_counts().to_dict() == {"en-de": 200, "de-en": 200}


def test_a_run_that_is_there_twice_is_refused(two_runs: pd.DataFrame):
    message = "cross_entropy of the run task en-de, .*pretrain_tokens 0, finetuning_seed 1 is there twice"
    with pytest.raises(StatisticsError, match=message):
        resample_runs([two_runs, statistics(BASELINE, 1)], SAMPLES)
