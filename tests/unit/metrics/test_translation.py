from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest
from sacrebleu.metrics import BLEU

from downlaw.metrics import TranslationScores, score_translations

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
    assert (bleu["confidence_mean"], bleu["confidence_var"]) == pytest.approx(
        (scores.bleu_mean, scores.bleu_half_width), abs=2e-3
    )


def test_resamples_are_those_of_sacrebleu(scores: TranslationScores, monkeypatch: pytest.MonkeyPatch):
    hypotheses, references = segments()
    monkeypatch.setenv("SACREBLEU_SEED", "77")
    theirs = BLEU().corpus_score(hypotheses, [references], n_bootstrap=200)
    ours = score_translations(hypotheses, references, bootstrap=200, seed=77)
    assert ours.bleu_mean == pytest.approx(theirs._mean)
    assert ours.bleu_half_width == pytest.approx(theirs._ci)


def test_the_interval_holds_the_score_and_the_signature_says_how_it_was_made(scores: TranslationScores):
    assert scores.bleu_low < scores.bleu < scores.bleu_high
    assert "|bs:1000|seed:12345|" in scores.bleu_signature
    assert scores.signature == f"BLEU|{scores.bleu_signature} chrF2|{scores.chrf_signature}"
    assert scores.segments == 120
    assert 0 < scores.brevity_penalty < 1


def test_the_same_seed_gives_the_same_interval_and_another_seed_another(scores: TranslationScores):
    assert score_translations(*segments()) == scores
    other = score_translations(*segments(), seed=1)
    assert other.bleu == scores.bleu
    assert (other.bleu_low, other.bleu_high) != (scores.bleu_low, scores.bleu_high)


def test_more_segments_narrow_the_interval():
    few, many = (score_translations(*segments(count), bootstrap=200) for count in (40, 400))
    assert many.bleu_high - many.bleu_low < few.bleu_high - few.bleu_low


def test_perfect_translations_score_100():
    references = segments()[1]
    scores = score_translations(references, references, bootstrap=20)
    assert scores.bleu == pytest.approx(100) and scores.chrf == pytest.approx(100)
    assert scores.bleu_low == pytest.approx(100)


def test_empty_hypotheses_are_scored_not_refused():
    references = segments()[1]
    scores = score_translations([""] * len(references), references, bootstrap=20)
    assert (scores.bleu, scores.chrf, scores.bleu_low, scores.bleu_high) == (0, 0, 0, 0)


def test_the_row_has_the_columns_of_a_table_of_runs(scores: TranslationScores):
    row = scores.as_row()
    assert list(row) == [
        *("bleu", "bleu_low", "bleu_high", "brevity_penalty"),
        *("precision_1", "precision_2", "precision_3", "precision_4"),
        *("chrf", "test_segments", "signature"),
    ]
    product = math.exp(sum(math.log(row[f"precision_{order}"]) for order in range(1, 5)) / 4)
    assert row["bleu"] == pytest.approx(row["brevity_penalty"] * product)


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
