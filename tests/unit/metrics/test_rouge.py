from __future__ import annotations

import pytest
from rouge_score.rouge_scorer import RougeScorer

from downlaw.metrics import Translations, count_segments, scores_row, text_metrics
from downlaw.metrics.rouge import Rouge1, RougeL, Words


def scored(hypotheses: list[str], references: list[str]) -> dict[str, float]:
    translations = Translations(references, hypotheses, references, "en", "de")
    return scores_row(count_segments(text_metrics(["rouge"]), translations), bootstrap=2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Größe der Datei: 3,5 MB", ["größe", "der", "datei", "3", "5", "mb"]),
        ("Fişierul n-a fost găsit!", ["fişierul", "n", "a", "fost", "găsit"]),
        ("Gro\u0308ße", ["größe"]),
        ("फ़ाइल खोलें", ["फ़ाइल", "खोलें"]),
        ("файл не найден", ["файл", "не", "найден"]),
        ("", []),
    ],
    ids=["German", "Romanian", "decomposed", "Hindi", "Russian", "nothing"],
)
def test_letters_of_every_alphabet_stay_in_their_words(text: str, words: list[str]):
    assert Words().tokenize(text) == [word for word in (Words().tokenize(w)[0] for w in words)]
    assert len(Words().tokenize(text)) == len(words)


def test_its_own_tokenizer_would_have_dropped_them():
    theirs = RougeScorer(["rouge1"]).score("größe", "grüße")["rouge1"].fmeasure
    assert theirs > 0.5  # both are "gr" and "e" to it
    assert scored(["grüße"], ["größe"])["rouge_1"] == 0


def test_scores_by_hand():
    """4 of 5 words, 2 of 4 pairs, and 3 words in order."""
    found = scored(["the file the system opened"], ["the system opened a file"])
    assert found["rouge_1"] == pytest.approx(100 * 4 / 5)
    assert found["rouge_2"] == pytest.approx(100 * 2 / 4)
    assert found["rouge_l"] == pytest.approx(100 * 3 / 5)


def test_the_score_of_a_test_set_is_the_mean_over_segments():
    assert scored(["a b", "x y"], ["a b", "c d"])["rouge_l"] == pytest.approx(50)


def test_an_empty_hypothesis_scores_0():
    assert scored([""], ["a b"])["rouge_1"] == 0


def test_the_signature_names_library_and_tokenizer():
    assert "rouge-score-0.1.2" in RougeL().signature and "tok:unicode-words" in RougeL().signature
    assert RougeL().signature != Rouge1().signature
