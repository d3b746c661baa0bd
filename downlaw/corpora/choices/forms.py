"""The forms in which multiple-choice items are published, told apart by the keys of a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from reprlib import repr as short
from typing import Any, NamedTuple

from .item import ChoicesError, Item

Record = Mapping[str, Any]


class Form(NamedTuple):
    """A layout of a line.

    name: whose it is. keys: those of a line, for messages. answer: the key of the right choice. fits:
    whether a line has the other keys. item: makes the item.
    """

    name: str
    keys: str
    answer: str
    fits: Callable[[Record], bool]
    item: Callable[[Record], Item]


def item_of(record: Record) -> tuple[Item, str]:
    """The item of a line, and the name of the line's form.

    Raises:
        ChoicesError: for keys of no form, a missing answer, and what `Item` refuses.
    """
    fitting = [form for form in FORMS if form.fits(record)]
    if not fitting:
        there = ", ".join(map(str, record)) or "none"
        needed = "; or ".join(f"{form.keys} ({form.name})" for form in FORMS)
        raise ChoicesError(f"the keys ({there}) are of no known form; needed are {needed}")
    form = next((form for form in fitting if form.answer in record), fitting[0])
    if record.get(form.answer) in (None, "", -1, "-1"):
        raise ChoicesError(
            f"no answer: {form.answer} is missing or empty (published test sets have none, and some keep "
            f"them in a file of their own); write the right choice as {form.answer}"
        )
    return form.item(record), form.name


def _text(record: Record, key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise ChoicesError(f"{key} is {short(value)}, not a string; write its text")
    return value


def _texts(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ChoicesError(f"{key} is {short(value)}, not a list of strings; write one string a choice")
    for number, text in enumerate(value, 1):
        if not isinstance(text, str):
            raise ChoicesError(f"{key}: choice {number} is {short(text)}, not a string; write its text")
    return tuple(value)


def _index(record: Record, key: str) -> int:
    """The answer as a number, which HellaSwag writes as a string."""
    value = record[key]
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 9:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ChoicesError(f"{key} is {short(value)}, not the number of a choice; count the choices from 0")
    return value


def _own(record: Record) -> Item:
    choices, answer = _texts(record["choices"], "choices"), record["answer"]
    if isinstance(answer, str):
        same = [index for index, choice in enumerate(choices) if choice.strip() == answer.strip()]
        if not same:
            raise ChoicesError(f"answer {answer!r} is none of the choices; write its text as there")
        answer = same[0]
    else:
        answer = _index(record, "answer")
    return Item(_text(record, "context"), choices, answer)


def _foundry(record: Record) -> Item:
    return Item(_text(record, "query"), _texts(record["choices"], "choices"), _index(record, "gold"))


def _hellaswag(record: Record) -> Item:
    if "ctx" in record:
        context = _text(record, "ctx")
    else:
        context = f"{_text(record, 'ctx_a')} {_text(record, 'ctx_b')}"
    return Item(context, _texts(record["endings"], "endings"), _index(record, "label"))


def _is_arc(record: Record) -> bool:
    question = record.get("question")
    options = question if isinstance(question, dict) else record
    return "question" in record and "choices" in options


def _arc(record: Record) -> Item:
    question = record["question"]
    if isinstance(question, dict):
        context, options = _text(question, "stem"), question["choices"]
    else:
        context, options = _text(record, "question"), record["choices"]
    if isinstance(options, list) and all(isinstance(each, dict) for each in options):
        options = {key: [each.get(key) for each in options] for key in ("text", "label")}
    if not isinstance(options, dict) or not {"text", "label"} <= options.keys():
        raise ChoicesError("choices without text and label each; write both")
    texts = _texts(options["text"], "choices.text")
    labels = [label.strip() for label in _texts(options["label"], "choices.label")]
    if len(labels) != len(texts):
        raise ChoicesError(f"{len(texts)} choices but {len(labels)} labels; give each its own")
    answer = str(record["answerKey"]).strip()
    if labels.count(answer) != 1:
        raise ChoicesError(
            f"answerKey {answer!r} is the label of {labels.count(answer)} choices (labels: "
            f"{', '.join(labels)}); write that of the right one"
        )
    return Item(context, texts, labels.index(answer))


def _piqa(record: Record) -> Item:
    choices = (_text(record, "sol1"), _text(record, "sol2"))
    return Item(_text(record, "goal"), choices, _index(record, "label"))


def _has(*keys: str) -> Callable[[Record], bool]:
    return lambda record: all(key in record for key in keys)


FORMS = (
    Form("downlaw", "context, choices, answer", "answer", _has("context", "choices"), _own),
    Form("LLM-foundry", "query, choices, gold", "gold", _has("query", "choices"), _foundry),
    Form(
        "HellaSwag",
        "ctx (or ctx_a and ctx_b), endings, label",
        "label",
        lambda record: "endings" in record and ("ctx" in record or {"ctx_a", "ctx_b"} <= record.keys()),
        _hellaswag,
    ),
    Form("ARC", "question, choices, answerKey", "answerKey", _is_arc, _arc),
    Form("PIQA", "goal, sol1, sol2, label", "label", _has("goal", "sol1", "sol2"), _piqa),
)
