from __future__ import annotations

import json
from pathlib import Path

import pytest

from downlaw.corpora.choices.items import ChoicesError, Item, read_items, write_items
from downlaw.corpora.errors import CorpusError

OWN = {"context": "The sky is", "choices": ["blue", "loud"], "answer": 0}

PUBLISHED = {
    "own, by number": (OWN, Item("The sky is", ("blue", "loud"), 0)),
    "own, by text": (OWN | {"answer": "loud"}, Item("The sky is", ("blue", "loud"), 1)),
    "own, by text that is a number": (
        {"context": "1 + 1 =", "choices": ["0", "2", "1"], "answer": "2"},
        Item("1 + 1 =", ("0", "2", "1"), 1),
    ),
    "LLM-foundry": (
        {
            "query": "Question: How do you boil water?\nAnswer:",
            "choices": ["In a kettle", "In a hat"],
            "gold": 0,
        },
        Item("Question: How do you boil water?\nAnswer:", ("In a kettle", "In a hat"), 0),
    ),
    "HellaSwag as published": (
        {
            "ind": 24,
            "activity_label": "Roof shingle removal",
            "ctx_a": "A man is sitting on a roof.",
            "ctx_b": "he",
            "ctx": "A man is sitting on a roof. he",
            "split": "val",
            "split_type": "indomain",
            "label": 3,
            "endings": [
                "is using wrap to wrap a pair of skis.",
                "is ripping level tiles off.",
                "is holding a rubik's cube.",
                "starts pulling up roofing on a roof.",
            ],
            "source_id": "activitynet~v_-JhWjGDPHMY",
        },
        Item(
            "A man is sitting on a roof. he",
            (
                "is using wrap to wrap a pair of skis.",
                "is ripping level tiles off.",
                "is holding a rubik's cube.",
                "starts pulling up roofing on a roof.",
            ),
            3,
        ),
    ),
    "HellaSwag with its label as a string": (
        {"ctx": "A man", "endings": ["runs.", "flies.", "sits."], "label": "2"},
        Item("A man", ("runs.", "flies.", "sits."), 2),
    ),
    "HellaSwag in two parts": (
        {"ctx_a": "A man sits.", "ctx_b": "he", "endings": ["runs.", "flies."], "label": "0"},
        Item("A man sits. he", ("runs.", "flies."), 0),
    ),
    "ARC of a hub": (
        {
            "id": "Mercury_7175875",
            "question": "An astronomer observes that a planet rotates faster. What follows?",
            "choices": {"text": ["Density falls.", "Days get shorter."], "label": ["A", "B"]},
            "answerKey": "B",
        },
        Item(
            "An astronomer observes that a planet rotates faster. What follows?",
            ("Density falls.", "Days get shorter."),
            1,
        ),
    ),
    "ARC as published": (
        {
            "id": "NYSEDREGENTS_2013_8_44",
            "question": {
                "stem": "What makes copper conduct?",
                "choices": [
                    {"text": "electrons", "label": "1"},
                    {"text": "protons", "label": "2"},
                    {"text": "its colour", "label": "3"},
                ],
            },
            "answerKey": "1",
        },
        Item("What makes copper conduct?", ("electrons", "protons", "its colour"), 0),
    ),
    "PIQA": (
        {"goal": "To open a jar,", "sol1": "turn the lid.", "sol2": "turn the jar's colour.", "label": 0},
        Item("To open a jar,", ("turn the lid.", "turn the jar's colour."), 0),
    ),
}


@pytest.fixture
def read(tmp_path: Path):
    """read(lines or bytes) -> the items of a file of them."""

    def read(content: list | bytes) -> list[Item]:
        path = tmp_path / "task.jsonl"
        if not isinstance(content, bytes):
            content = "".join(json.dumps(each) + "\n" for each in content).encode()
        path.write_bytes(content)
        return read_items(path)

    return read


# --- Forms


@pytest.mark.parametrize(("line", "item"), PUBLISHED.values(), ids=PUBLISHED)
def test_a_published_line_is_read(read, line, item):
    assert read([line, line]) == [item, item]


@pytest.mark.parametrize(("line", "item"), PUBLISHED.values(), ids=PUBLISHED)
def test_what_was_read_is_written_in_one_form(tmp_path, line, item):
    write_items(tmp_path / "items.jsonl", [item])
    assert read_items(tmp_path / "items.jsonl") == [item]
    [written] = (tmp_path / "items.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(json.loads(written)) == ["context", "choices", "answer"]


def test_text_of_any_script_is_written_as_it_is(tmp_path):
    item = Item('Größe "x"\nzwei\u2028', ("größer", "小さい"), 1)
    write_items(tmp_path / "items.jsonl", [item])
    assert read_items(tmp_path / "items.jsonl") == [item]
    assert "小さい" in (tmp_path / "items.jsonl").read_text(encoding="utf-8")


def test_marks_and_ends_of_other_systems_are_read(read):
    line = json.dumps(OWN).encode()
    assert len(read(b"\xef\xbb\xbf" + line + b"\r\n\r\n" + line + b"\r\n")) == 2
    assert len(read(line)) == 1


def test_an_interrupted_writing_leaves_the_file(tmp_path):
    path = tmp_path / "items.jsonl"
    write_items(path, [Item("a", ("b", "c"), 0)])

    def breaking():
        yield Item("a", ("x", "y"), 0)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_items(path, breaking())
    assert read_items(path) == [Item("a", ("b", "c"), 0)] and list(tmp_path.iterdir()) == [path]


# --- Refusals


def without(key: str) -> dict:
    return {name: value for name, value in OWN.items() if name != key}


def arc(**changes):
    return {
        "question": "Why?",
        "choices": {"text": ["a", "b"], "label": ["A", "B"]},
        "answerKey": "A",
    } | changes


HELLASWAG = {"ctx": "A man", "endings": ["runs.", "flies."], "label": ""}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([OWN], "a JSON list, not an object"),
        ("text", "a JSON string, not an object"),
        ({"text": "a", "label": 1}, r"the keys \(text, label\) are of no known form; needed are context, "),
        ({}, r"the keys \(none\)"),
        (without("context"), "the keys .* query, choices, gold .*sol1"),
        (without("answer"), "no answer: answer is missing or empty .*write the right choice as answer"),
        (OWN | {"answer": None}, "no answer"),
        (HELLASWAG, "no answer: label is missing or empty .*test sets"),
        (HELLASWAG | {"label": "x"}, "label is 'x', not the number of a choice"),
        ({"goal": "g", "sol1": "a", "sol2": "b", "label": -1}, "no answer: label"),
        ({"goal": "g", "sol1": "a", "sol2": "b"}, "no answer: label .*file of their own"),
        (arc(answerKey=""), "no answer: answerKey"),
        (OWN | {"answer": 2}, "answer 2 is no choice: there are 2, counted from 0"),
        (OWN | {"answer": -2}, "answer -2 is no choice"),
        (OWN | {"answer": "green"}, "answer 'green' is none of the choices"),
        (OWN | {"answer": True}, "answer is True, not the number"),
        (OWN | {"answer": 0.0}, "answer is 0.0, not the number"),
        (HELLASWAG | {"label": "2"}, "answer 2 is no choice"),
        (arc(answerKey="E"), r"answerKey 'E' is the label of 0 choices \(labels: A, B\)"),
        (arc(choices={"text": ["a", "b"], "label": ["A", "A"]}), "answerKey 'A' is the label of 2 choices"),
        (arc(choices={"text": ["a", "b"], "label": ["A"]}), "2 choices but 1 labels"),
        (arc(choices=["a", "b"]), "choices without text and label"),
        (OWN | {"choices": ["blue"]}, "one choice; give two or more"),
        (OWN | {"choices": []}, "no choice; give two or more"),
        (OWN | {"choices": "blue"}, "choices is 'blue', not a list"),
        (OWN | {"choices": ["blue", 3]}, "choices: choice 2 is 3, not a string"),
        (OWN | {"choices": ["blue", ""]}, "choice 2 is empty; write it"),
        (OWN | {"choices": [" \t", "blue"]}, "choice 1 is empty"),
        (OWN | {"choices": ["red", "dark  blue", "dark blue "]}, "choices 2 and 3 are the same"),
        (OWN | {"context": "  "}, "the context is empty; .*give it one"),
        (OWN | {"context": 3}, "context is 3, not a string"),
        (OWN | {"choices": ["blue", "a\0b"]}, "choice 2 holds a NUL character"),
        (OWN | {"context": "a\ud800"}, "the context holds half a character"),
    ],
)
def test_a_line_that_is_no_item_is_refused(read, line, message):
    good = (
        [OWN, OWN] if "context" in line or isinstance(line, str | list) else []
    )  # in a file of its own form
    with pytest.raises(ChoicesError, match=rf"task\.jsonl, line {len(good) + 1}: {message}"):
        read([*good, line])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"context": "caf\xe9"}', r"not UTF-8 \(byte 17 of the line\); convert the file"),
        (b'{"context": ', "not JSON .*one object a line"),
        (b"[", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"context": "a\0b"}', "NUL byte; save the file as text in UTF-8"),
    ],
)
def test_bytes_that_are_no_line_are_refused(read, line, message):
    good = json.dumps(OWN).encode()
    with pytest.raises(ChoicesError, match=rf"task\.jsonl, line 3: {message}"):
        read(good + b"\n\n" + line + b"\n" + good)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(read, content):
    with pytest.raises(ChoicesError, match=r"task\.jsonl, line 1: the file is empty"):
        read(content)


def test_a_file_has_one_form(read):
    piqa = PUBLISHED["PIQA"][0]
    with pytest.raises(
        ChoicesError, match="line 3: this is downlaw's form, but line 1 has PIQA's; keep one form"
    ):
        read([piqa, piqa, OWN])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"none\.jsonl: cannot be read: No such file"):
        read_items(tmp_path / "none.jsonl")
