from __future__ import annotations

import pytest

from downlaw.metrics import Translations, count_segments, scores_row, text_metrics

SOURCE, REFERENCE = "Open the file in a new window", "Die Datei in einem neuen Fenster öffnen"


def shares(hypothesis: str, reference: str = REFERENCE, source: str = SOURCE, target: str = "de") -> set[str]:
    """The faults of one hypothesis."""
    translations = Translations([source], [hypothesis], [reference], "en", target, ("en", "de", "fr", "ro"))
    row = scores_row(count_segments(text_metrics(["degenerate"]), translations), bootstrap=2)
    return {
        name.removesuffix("_output") for name, share in row.items() if share == 1 and name.endswith("output")
    }


@pytest.mark.parametrize(
    ("hypothesis", "faults"),
    [
        (REFERENCE, set()),
        ("Datei öffnen", set()),
        ("", {"empty"}),
        ("  ... ", {"empty"}),
        (SOURCE, {"copied", "wrong_language"}),
        ("open THE file, in a new window!", {"copied", "wrong_language"}),
        ("Ouvrir le fichier dans une nouvelle fenêtre", {"wrong_language"}),
        ("Deschide fișierul într-o fereastră nouă", {"wrong_language"}),
        ("Ouvrir", set()),
        ("Die Datei die die die die Datei", {"looping"}),
        ("in einem neuen in einem neuen in einem neuen in einem neuen Fenster", {"looping"}),
        ("Fensterrrrrrrrrrrrrrr öffnen", {"looping"}),
        ("Die Datei, die die Daten enthält", set()),
    ],
)  # fmt: skip
def test_faults_are_told_apart(hypothesis: str, faults: set[str]):
    assert shares(hypothesis) == faults


@pytest.mark.parametrize(
    ("source", "reference"),
    [
        ("Weblate", "Weblate"),
        ("!!!", "!!!"),
        ("no no no no no", "no no no no no"),
        ("La police est introuvable dans le dossier", "La police est introuvable dans le dossier"),
    ],
    ids=["a name", "punctuation", "a repetition", "a quotation"],
)
def test_what_the_reference_does_itself_is_no_fault(source: str, reference: str):
    assert shares(reference, reference, source) == set()


def test_a_language_that_the_identifier_does_not_know_is_never_wrong():
    assert shares(SOURCE, REFERENCE, "Etwas anderes", target="zz") == set()


def test_shares_are_means_over_segments():
    translations = Translations([SOURCE] * 4, [REFERENCE, "", "", REFERENCE], [REFERENCE] * 4, "en", "de")
    row = scores_row(count_segments(text_metrics(["degenerate"]), translations), bootstrap=200)
    assert row["empty_output"] == 0.5 and row["empty_output_low"] < 0.5 < row["empty_output_high"]
