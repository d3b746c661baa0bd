from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER

from downlaw.metrics import Translations, count_segments, scores_row, text_metrics
from downlaw.metrics.bleu import BLEU_COLUMNS, Bleu, bleu_from_totals
from downlaw.metrics.chrf import chrf_from_totals
from downlaw.metrics.resampling import resampled_totals
from downlaw.runs import COLUMNS

WORDS = ("the", "file", "could", "not", "be", "opened", ",", "please", "check", "it", "and", "try", "again!")


def segments(count: int = 120, seed: int = 3) -> tuple[list[str], list[str]]:
    """Random sentences, and copies of them with words lost and changed."""
    rng = random.Random(seed)
    references = [" ".join(rng.choices(WORDS, k=rng.randint(3, 14))) for _ in range(count)]
    hypotheses = [
        " ".join(
            rng.choice(WORDS) if rng.random() < 0.3 else word for word in ref.split() if rng.random() < 0.9
        )
        for ref in references
    ]
    return hypotheses, references


GROUPS = ("bleu", "chrf", "ter")


def counted(hypotheses: list[str], references: list[str]) -> dict[str, np.ndarray]:
    translations = Translations(references, hypotheses, references, "en", "en")
    return count_segments(text_metrics(GROUPS), translations)


def scored(hypotheses: list[str], references: list[str], **options: int) -> dict[str, Any]:
    return scores_row(counted(hypotheses, references), text_metrics(GROUPS), **options)


@pytest.fixture(scope="module")
def scores() -> dict[str, Any]:
    return scored(*segments())


def test_scores_equal_sacrebleus_command_line(scores: dict[str, Any], tmp_path: Path):
    hypotheses, references = segments()
    (tmp_path / "hyp").write_text("\n".join(hypotheses) + "\n", encoding="utf-8")
    (tmp_path / "ref").write_text("\n".join(references) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "hyp", "-m", *GROUPS, "-w", "4", "-f", "json"]
    run = {"cwd": tmp_path, "capture_output": True, "text": True, "check": True}
    told = json.loads(subprocess.run(command, **run).stdout)
    for name, theirs in zip(GROUPS, told, strict=True):
        assert f"{scores[name]:.4f}" == f"{theirs['score']:.4f}"
        assert theirs["signature"] in scores["signature"]
    precisions = "/".join(f"{scores[f'precision_{order}']:.1f}" for order in range(1, 5))
    assert told[0]["verbose_score"].startswith(f"{precisions} (BP = {scores['brevity_penalty']:.3f} ")


def test_the_interval_is_that_of_sacrebleus_own_resamples(scores: dict[str, Any], monkeypatch):
    hypotheses, references = segments()
    monkeypatch.setenv("SACREBLEU_SEED", "12345")
    theirs = BLEU().corpus_score(hypotheses, [references], n_bootstrap=1000)
    # Theirs is half of the width between two order statistics, ours are percentiles between them.
    assert (scores["bleu_high"] - scores["bleu_low"]) / 2 == pytest.approx(theirs._ci, rel=0.02)
    counts = np.column_stack([counted(hypotheses, references)[column] for column in BLEU_COLUMNS])
    resampled = bleu_from_totals(resampled_totals(counts, 1000, 12345))
    assert resampled.mean() == pytest.approx(theirs._mean)


def test_the_interval_holds_the_score_and_the_signature_says_how_it_was_made(scores: dict[str, Any]):
    for name in GROUPS:
        assert scores[f"{name}_low"] < scores[name] < scores[f"{name}_high"]
    assert scores["signature"].endswith(" bootstrap|bs:1000|seed:12345")
    assert scores["test_segments"] == 120
    assert 0 < scores["brevity_penalty"] < 1


def test_the_same_seed_gives_the_same_interval_and_another_seed_another(scores: dict[str, Any]):
    assert scored(*segments()) == scores
    other = scored(*segments(), seed=1)
    for name in GROUPS:
        assert other[name] == scores[name]
        assert other[f"{name}_low"] != scores[f"{name}_low"]


def test_more_segments_narrow_the_interval():
    few, many = (scored(*segments(count), bootstrap=200) for count in (40, 400))
    for name in GROUPS:
        assert many[f"{name}_high"] - many[f"{name}_low"] < few[f"{name}_high"] - few[f"{name}_low"]


def test_perfect_translations_score_100():
    references = segments()[1]
    scores = scored(references, references, bootstrap=20)
    assert scores["bleu"] == pytest.approx(100) and scores["chrf"] == pytest.approx(100)
    assert scores["bleu_low"] == pytest.approx(100) and scores["ter"] == 0


def test_empty_hypotheses_are_scored_not_refused():
    references = segments()[1]
    scores = scored([""] * len(references), references, bootstrap=20)
    assert [scores[f"{name}{end}"] for name in ("bleu", "chrf") for end in ("", "_low", "_high")] == [0] * 6
    assert scores["ter"] == 100


def test_the_row_has_the_columns_of_a_table_of_runs(scores: dict[str, Any]):
    assert list(scores) == [
        *("bleu", "bleu_low", "bleu_high", "brevity_penalty"),
        *("precision_1", "precision_2", "precision_3", "precision_4", "bleu_smoothed", "test_segments"),
        *("chrf", "chrf_low", "chrf_high", "ter", "ter_low", "ter_high", "signature"),
    ]
    assert set(scores) <= set(COLUMNS)
    product = math.exp(sum(math.log(scores[f"precision_{order}"]) for order in range(1, 5)) / 4)
    assert scores["bleu"] == pytest.approx(scores["brevity_penalty"] * product)


def test_smoothing_is_flagged_where_an_order_has_no_match():
    assert scored(["the file", "it"], ["the file", "and"], bootstrap=2)["bleu_smoothed"]
    assert not scored(*segments(), bootstrap=2)["bleu_smoothed"]


def test_another_tokenizer_of_bleu_is_another_signature():
    assert "tok:zh" in Bleu("zh").signature and "tok:13a" in Bleu().signature
    text = Translations(["a"], ["我们打开文件"], ["我们打开文件吧"], "en", "zh")
    found = [scores_row(count_segments([one], text), [one], bootstrap=2) for one in (Bleu(), Bleu("zh"))]
    assert found[0]["bleu"] < found[1]["bleu"]


def test_counts_of_the_segments_add_up_to_sacrebleus_corpus_scores(scores: dict[str, Any]):
    hypotheses, references = segments()
    totals = {column: counts.sum() for column, counts in counted(hypotheses, references).items()}
    bleu, chrf = BLEU().corpus_score(hypotheses, [references]), CHRF().corpus_score(hypotheses, [references])
    assert (totals["bleu_hypothesis_length"], totals["bleu_reference_length"]) == (bleu.sys_len, bleu.ref_len)
    assert [totals[f"bleu_matches_{order}"] for order in range(1, 5)] == bleu.counts
    assert [totals[f"bleu_ngrams_{order}"] for order in range(1, 5)] == bleu.totals
    assert scores["bleu"] == pytest.approx(bleu.score)
    assert [scores[f"precision_{order}"] for order in range(1, 5)] == bleu.precisions
    assert scores["chrf"] == pytest.approx(chrf.score)
    assert totals["chrf_reference_ngrams_1"] == sum(len("".join(line.split())) for line in references)
    assert scores["ter"] == pytest.approx(TER().corpus_score(hypotheses, [references]).score)


def test_resamples_equal_scores_of_the_drawn_sentences():
    """Drawn one by one from the text, as slowly as can be."""
    hypotheses, references = segments(30)
    scores = scored(hypotheses, references, bootstrap=40, seed=5)
    drawn = np.random.default_rng(5).choice(30, size=(40, 30))
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF()), ("ter", TER())):
        slow = [
            metric.corpus_score([hypotheses[i] for i in row], [[references[i] for i in row]]).score
            for row in drawn
        ]
        ends = (scores[f"{name}_low"], scores[f"{name}_high"])
        assert ends == pytest.approx(np.percentile(slow, [2.5, 97.5]))


@st.composite
def bleu_totals(draw: st.DrawFn) -> list[int]:
    """Lengths, matches and n-grams that need not belong together: orders without matches or n-grams too."""
    ngrams = [draw(st.integers(0, 30)) for _ in range(4)]
    matches = [draw(st.integers(0, most)) for most in ngrams]
    return [draw(st.integers(1, 40)), draw(st.integers(1, 40)), *matches, *ngrams]


@settings(max_examples=200, deadline=None)
@given(st.lists(bleu_totals(), min_size=1, max_size=5))
def test_bleu_of_many_totals_is_sacrebleus_with_its_smoothing(rows: list[list[int]]):
    theirs = [BLEU.compute_bleu(row[2:6], row[6:], row[0], row[1], smooth_method="exp").score for row in rows]
    assert bleu_from_totals(np.array(rows, dtype=float)) == pytest.approx(theirs, rel=1e-12)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(0, 1)), min_size=6, max_size=6),
        min_size=1,
        max_size=5,
    )
)
def test_chrf_of_many_totals_is_sacrebleus(drawn: list[list[tuple[int, int, float]]]):
    rows = [[n for hyp, ref, share in row for n in (hyp, ref, round(share * min(hyp, ref)))] for row in drawn]
    theirs = [CHRF()._compute_f_score(row) for row in rows]
    assert chrf_from_totals(np.array(rows, dtype=float)) == pytest.approx(theirs, rel=1e-12)


def test_an_empty_hypothesis_among_others_counts_for_nothing_but_its_reference():
    empty = {column: counts[1] for column, counts in counted(["a b c d e", ""], ["a b c d e", "x y"]).items()}
    there = {column: number for column, number in empty.items() if number}
    assert there == {
        "bleu_reference_length": 2,
        "chrf_reference_ngrams_1": 2,
        "chrf_reference_ngrams_2": 1,
        "ter_edits": 2,
        "ter_reference_length": 2,
    }
