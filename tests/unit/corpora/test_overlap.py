from __future__ import annotations

import random

import pytest

from downlaw.corpora.ngrams import fingerprints
from downlaw.corpora.overlap import Decontamination
from downlaw.corpora.overlap import test_set as make_set
from downlaw.corpora.segments import Row

LONG = "one two three four five six seven eight nine ten"


def decontaminate(pools, languages, tests, left=()):
    """The rows of `train` and `valid` that stay, and the report of the pass over them."""
    pass_over = Decontamination(languages, tests, list(pools), left)
    kept = {}
    for part, rows in pools.items():
        goes = pass_over.scan(part, [row.texts for row in rows])
        kept[part] = [row for row, gone in zip(rows, goes.tolist(), strict=True) if not gone]
    return kept, pass_over.report()


def rows(*texts: str) -> list[Row]:
    return [Row("d", (text,)) for text in texts]


def run(train: list[Row], test: list[str], valid: list[Row] = (), languages=("en",)):
    kept, report = decontaminate(
        {"train": train, "valid": list(valid)}, languages, {"en": [make_set("ui/de-en", test)]}
    )
    return [row.texts[0] for row in kept["train"]], [row.texts[0] for row in kept["valid"]], report


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
    grams = {gram for text in kept for gram in fingerprints(text, 8)}
    assert not grams & {gram for text in texts[1900:] for gram in fingerprints(text, 8)}
    assert record["test_segments_seen_after"] == 0


def test_a_pass_in_batches_finds_what_one_over_all_rows_finds():
    generator = random.Random(2)
    texts = [" ".join(generator.choices("abcd", k=generator.randint(1, 14))) for _ in range(900)]
    tests = {"en": [make_set("a", texts[:60]), make_set("b", texts[60:80])]}
    pools = {"train": rows(*texts[80:700]), "valid": rows(*texts[700:])}
    kept, report = decontaminate(pools, ("en",), tests)
    streamed = Decontamination(("en",), tests)
    stays = {part: [] for part in pools}
    for part, here in pools.items():
        for start in range(0, len(here), 7):
            batch = here[start : start + 7]
            goes = streamed.scan(part, [row.texts for row in batch])
            stays[part] += [row for row, gone in zip(batch, goes, strict=True) if not gone]
    assert stays == kept
    assert streamed.report() == report
    assert 0 < len(kept["train"]) < 620


def test_overlap_that_is_left_is_counted_and_stays_in_training_alone():
    pools = {"train": rows(LONG, "other text"), "valid": rows("save the file", "more text")}
    tests = {"en": [make_set("ui/de-en", [LONG, "save the file"])]}
    kept, [record] = decontaminate(pools, ("en",), tests, left=["train"])
    assert kept == {"train": pools["train"], "valid": rows("more text")}
    assert (record["train_removed"], record["train_left"], record["valid_removed"]) == (0, 1, 1)
    assert "valid_left" not in record
    assert (record["test_segments_seen"], record["test_segments_seen_after"]) == (2, 1)


def test_a_row_that_goes_for_one_side_takes_the_overlap_of_the_other_with_it():
    tests = {
        "en": [make_set("t", ["save the file"])],
        "de": [make_set("t", ["sichern", "Datei sichern jetzt"])],
    }
    pools = {"train": [Row("d", ("Save the file", "Datei sichern jetzt"))], "valid": []}
    kept, report = decontaminate(pools, ("en", "de"), tests)
    assert kept["train"] == []
    assert [record["test_segments_seen"] for record in report] == [1, 1]
    assert [record["test_segments_seen_after"] for record in report] == [0, 0]


def test_an_empty_test_set_is_never_seen():
    kept, [record] = decontaminate({"train": rows("x y"), "valid": []}, ("en",), {"en": [make_set("t", [])]})
    assert kept["train"] == rows("x y")
    assert (record["test_segments"], record["test_segments_seen"]) == (0, 0)
