from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF

from downlaw.metrics import TranslationScores, score_translations
from downlaw.metrics.translation import BLEU_COLUMNS, CHRF_COLUMNS, bleu_from_totals, chrf_from_totals

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


@pytest.fixture(scope="module")
def scores() -> TranslationScores:
    return score_translations(*segments())


def test_scores_equal_sacrebleus_command_line(scores: TranslationScores, tmp_path: Path):
    hypotheses, references = segments()
    (tmp_path / "hyp").write_text("\n".join(hypotheses) + "\n", encoding="utf-8")
    (tmp_path / "ref").write_text("\n".join(references) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "hyp", "-m", "bleu", "chrf", "-w", "4"]
    told = subprocess.run(
        [*command, "--confidence", "--confidence-n", "1000", "-f", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"SACREBLEU_SEED": "12345", "PATH": ""},
    )
    bleu, chrf = json.loads(told.stdout)
    assert f"{scores.bleu:.4f}" == f"{bleu['score']:.4f}"
    assert f"{scores.chrf:.4f}" == f"{chrf['score']:.4f}"
    precisions = "/".join(f"{precision:.1f}" for precision in scores.precisions)
    assert bleu["verbose_score"].startswith(f"{precisions} (BP = {scores.brevity_penalty:.3f} ")
    assert scores.bleu_signature == bleu["signature"].removeprefix("BLEU|")
    assert scores.chrf_signature == chrf["signature"].removeprefix("chrF2|")
    assert (bleu["confidence_mean"], bleu["confidence_var"]) == pytest.approx(
        (scores.bleu_mean, scores.bleu_half_width), abs=2e-3
    )
    # Theirs is half of the width between two order statistics, ours are percentiles between them.
    assert chrf["confidence_var"] == pytest.approx((scores.chrf_high - scores.chrf_low) / 2, rel=0.02)


def test_resamples_are_those_of_sacrebleu(scores: TranslationScores, monkeypatch: pytest.MonkeyPatch):
    hypotheses, references = segments()
    monkeypatch.setenv("SACREBLEU_SEED", "77")
    theirs = BLEU().corpus_score(hypotheses, [references], n_bootstrap=200)
    ours = score_translations(hypotheses, references, bootstrap=200, seed=77)
    assert ours.bleu_mean == pytest.approx(theirs._mean)
    assert ours.bleu_half_width == pytest.approx(theirs._ci)


def test_the_interval_holds_the_score_and_the_signature_says_how_it_was_made(scores: TranslationScores):
    assert scores.bleu_low < scores.bleu < scores.bleu_high
    assert scores.chrf_low < scores.chrf < scores.chrf_high
    assert "|bs:1000|seed:12345|" in scores.bleu_signature and "|bs:1000|" in scores.chrf_signature
    assert scores.signature == f"BLEU|{scores.bleu_signature} chrF2|{scores.chrf_signature}"
    assert scores.segments == 120
    assert 0 < scores.brevity_penalty < 1


def test_the_same_seed_gives_the_same_interval_and_another_seed_another(scores: TranslationScores):
    assert score_translations(*segments()) == scores
    other = score_translations(*segments(), seed=1)
    assert other.bleu == scores.bleu
    assert (other.bleu_low, other.bleu_high) != (scores.bleu_low, scores.bleu_high)
    assert (other.chrf_low, other.chrf_high) != (scores.chrf_low, scores.chrf_high)


def test_more_segments_narrow_the_interval():
    few, many = (score_translations(*segments(count), bootstrap=200) for count in (40, 400))
    assert many.bleu_high - many.bleu_low < few.bleu_high - few.bleu_low
    assert many.chrf_high - many.chrf_low < few.chrf_high - few.chrf_low


def test_perfect_translations_score_100():
    references = segments()[1]
    scores = score_translations(references, references, bootstrap=20)
    assert scores.bleu == pytest.approx(100) and scores.chrf == pytest.approx(100)
    assert scores.bleu_low == pytest.approx(100) and scores.chrf_low == pytest.approx(100)


def test_empty_hypotheses_are_scored_not_refused():
    references = segments()[1]
    scores = score_translations([""] * len(references), references, bootstrap=20)
    assert (scores.bleu, scores.chrf, scores.bleu_low, scores.bleu_high) == (0, 0, 0, 0)
    assert (scores.chrf_low, scores.chrf_high) == (0, 0)


def test_the_row_has_the_columns_of_a_table_of_runs(scores: TranslationScores):
    row = scores.as_row()
    assert list(row) == [
        *("bleu", "bleu_low", "bleu_high", "brevity_penalty"),
        *("precision_1", "precision_2", "precision_3", "precision_4"),
        *("chrf", "chrf_low", "chrf_high", "test_segments", "signature"),
    ]
    product = math.exp(sum(math.log(row[f"precision_{order}"]) for order in range(1, 5)) / 4)
    assert row["bleu"] == pytest.approx(row["brevity_penalty"] * product)


def test_counts_of_the_segments_add_up_to_sacrebleus_corpus_scores(scores: TranslationScores):
    hypotheses, references = segments()
    assert scores.counts.shape == (120, len(BLEU_COLUMNS + CHRF_COLUMNS))
    totals = dict(zip(BLEU_COLUMNS + CHRF_COLUMNS, scores.counts.sum(axis=0).tolist(), strict=True))
    bleu, chrf = BLEU().corpus_score(hypotheses, [references]), CHRF().corpus_score(hypotheses, [references])
    assert (totals["bleu_hypothesis_length"], totals["bleu_reference_length"]) == (bleu.sys_len, bleu.ref_len)
    assert [totals[f"bleu_matches_{order}"] for order in range(1, 5)] == bleu.counts
    assert [totals[f"bleu_ngrams_{order}"] for order in range(1, 5)] == bleu.totals
    assert scores.bleu == bleu.score and list(scores.precisions) == bleu.precisions
    assert CHRF()._compute_f_score([totals[column] for column in CHRF_COLUMNS]) == chrf.score == scores.chrf
    assert totals["chrf_reference_ngrams_1"] == sum(len("".join(line.split())) for line in references)


def test_resamples_equal_scores_of_the_drawn_sentences():
    """Drawn one by one from the text, as slowly as can be."""
    hypotheses, references = segments(30)
    scores = score_translations(hypotheses, references, bootstrap=40, seed=5)
    generator = np.random.default_rng(5)
    drawn = generator.choice(30, size=(40, 30))
    slow = [[], []]
    for row in drawn:
        texts = [hypotheses[i] for i in row], [[references[i] for i in row]]
        slow[0].append(BLEU().corpus_score(*texts).score)
        slow[1].append(CHRF().corpus_score(*texts).score)
    assert (scores.bleu_low, scores.bleu_high) == pytest.approx(np.percentile(slow[0], [2.5, 97.5]))
    assert (scores.chrf_low, scores.chrf_high) == pytest.approx(np.percentile(slow[1], [2.5, 97.5]))
    assert scores.bleu_mean == pytest.approx(np.mean(slow[0]))


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
    scores = score_translations(["a b c d e", ""], ["a b c d e", "x y"], bootstrap=2)
    empty = dict(zip(BLEU_COLUMNS + CHRF_COLUMNS, scores.counts[1].tolist(), strict=True))
    there = {column: number for column, number in empty.items() if number}
    assert there == {
        "bleu_reference_length": 2,
        "chrf_reference_ngrams_1": 2,
        "chrf_reference_ngrams_2": 1,
    }


@pytest.mark.parametrize(
    ("hypotheses", "references", "options", "message"),
    [
        (["a", "b"], ["a"], {}, "2 hypotheses but 1 references"),
        ([], [], {}, "no segments"),
        (["a", "b"], ["a", " "], {}, "reference 2 of 2 is empty"),
        (["a"], ["a"], {"bootstrap": 1}, "at least 2 resamples"),
    ],
)
def test_bad_input_is_refused(hypotheses: list[str], references: list[str], options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        score_translations(hypotheses, references, **options)
