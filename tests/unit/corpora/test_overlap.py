from __future__ import annotations

import random

import pytest

from downlaw.corpora.overlap import decontaminate, fingerprints
from downlaw.corpora.overlap import test_set as make_set
from downlaw.corpora.segments import Row

LONG = "one two three four five six seven eight nine ten"


def rows(*texts: str) -> list[Row]:
    return [Row("d", (text,)) for text in texts]


def run(train: list[Row], test: list[str], valid: list[Row] = (), languages=("en",)):
    kept, report = decontaminate(
        {"train": train, "valid": list(valid)}, languages, {"en": [make_set("ui/de-en", test)]}
    )
    return [row.texts[0] for row in kept["train"]], [row.texts[0] for row in kept["valid"]], report


def test_fingerprints():
    assert list(fingerprints(LONG)) == [
        "one two three four five six seven eight",
        "two three four five six seven eight nine",
        "three four five six seven eight nine ten",
    ]
    assert list(fingerprints("Only, three WORDS!")) == ["only three words"]
    assert list(fingerprints("a b c d e f g h")) == ["a b c d e f g h"]


@pytest.mark.parametrize(
    ("text", "goes"),
    [
        (LONG, True),
        ("zero, Two three four FIVE six seven eight; nine!", True),
        ("two three four five six seven eight and nine", False),
        ("Save the file", True),
        ("save the FILE.", True),
        ("save the file now", False),
        ("please save the file in the new folder now", False),
    ],
)
def test_what_counts_as_overlap(text, goes):
    train, _, [record] = run(rows(text, "something else"), [LONG, "Save the file!"])
    assert train == (["something else"] if goes else [text, "something else"])
    assert record["train_removed"] == record["test_segments_seen"] == int(goes)
    assert record["test_segments_seen_after"] == 0


def test_report_counts_test_segments_and_rows():
    train = rows(LONG, LONG + " eleven", "save the file", "other text")
    kept, valid, [record] = run(train, [LONG, "Save the file", "Never seen"], valid=rows("save the file"))
    assert kept == ["other text"] and valid == []
    assert record == {
        "test_set": "ui/de-en",
        "language": "en",
        "test_segments": 3,
        "short_test_segments": 2,
        "test_segments_seen": 2,
        "train_removed": 3,
        "valid_removed": 1,
        "test_segments_seen_after": 0,
    }


def test_sides_are_compared_with_their_own_language():
    pair = [
        Row("d", ("Save the file", "Datei sichern jetzt")),
        Row("d", ("Other text here", "Save the file")),
    ]
    kept, _, report = run(pair, ["save the file"], languages=("en", "de"))
    assert kept == ["Other text here"]
    assert [record["language"] for record in report] == ["en"]


def test_each_test_set_has_its_own_record():
    tests = {"en": [make_set("a/de-en", ["save the file"]), make_set("b/en-fr", ["close the file", "x y z"])]}
    kept, report = decontaminate({"train": rows("close the file"), "valid": []}, ("en",), tests)
    assert kept["train"] == []
    assert [(r["test_set"], r["test_segments_seen"], r["train_removed"]) for r in report] == [
        ("a/de-en", 0, 0),
        ("b/en-fr", 1, 1),
    ]


def test_text_of_other_languages_has_nothing_to_report():
    kept, report = decontaminate({"train": rows("x"), "valid": []}, ("fr",), {"en": [make_set("t", ["x"])]})
    assert report == [] and kept["train"] == rows("x")


def test_nothing_is_left_of_random_text():
    generator = random.Random(1)
    texts = [" ".join(generator.choices("abc", k=generator.randint(1, 14))) for _ in range(2000)]
    kept, _, [record] = run(rows(*texts[:1900]), texts[1900:])
    assert 0 < record["train_removed"] == 1900 - len(kept)
    grams = {gram for text in kept for gram in fingerprints(text)}
    assert not grams & {gram for text in texts[1900:] for gram in fingerprints(text)}
    assert record["test_segments_seen_after"] == 0
