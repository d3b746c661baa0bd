from __future__ import annotations

import numpy as np
import pytest

from downlaw.choices import write_choices
from downlaw.corpora.choices.builtin import cloze
from downlaw.corpora.choices.encode import encode
from downlaw.corpora.choices.items import ChoicesError, Item, read_items
from downlaw.corpora.segments import Row
from downlaw.corpora.tokenizer import Tokenizer
from downlaw.engine.mmap import read_dataset
from downlaw.files import read_json, sha256_of_file
from downlaw.subsets import read_text

KEY = "evaluate.tasks.toy"


@pytest.fixture(scope="module")
def tokenizer(toy) -> Tokenizer:
    return Tokenizer(toy.model)


@pytest.fixture(scope="module")
def items(toy) -> list[Item]:
    rows = [Row("d", (text,)) for text in read_text(toy.text["mono", "en"], "en")]
    three = [
        Item(item.context, item.choices[:3], item.answer)
        for item in cloze(rows, seed=1, key=KEY)
        if item.answer < 3
    ]
    return [*cloze(rows, seed=2, key=KEY, items=20), *three[:20]]


def pieces(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode([text])[0])


def test_the_folder_holds_the_items_in_order(tokenizer, items, tmp_path):
    manifest = write_choices(items, tokenizer, tmp_path / "task", 128, KEY)
    folder = tmp_path / "task"
    assert read_items(folder / "items.jsonl") == items
    contexts, choices = read_dataset(folder / "context"), read_dataset(folder / "choice")
    assert tokenizer.decode([ids.tolist() for ids in contexts]) == [item.context for item in items]
    texts = [choice for item in items for choice in item.choices]
    assert tokenizer.decode([ids.tolist() for ids in choices]) == texts
    assert manifest == read_json(folder / "manifest.json")
    assert manifest["choices"] == [4] * 20 + [3] * 20 and manifest["items"] == 40
    assert manifest["answers"] == [item.answer for item in items]
    assert manifest["chance_error"] == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert manifest["truncated_contexts"] == manifest["encoded_alike"] == 0
    assert (manifest["longest"], manifest["vocabulary"]) == (128, tokenizer.vocabulary)
    files = sorted(path.name for path in folder.iterdir())
    assert files == sorted([*manifest["sha256"], "manifest.json"]) and len(files) == 6
    for name, sha256 in manifest["sha256"].items():
        assert sha256_of_file(folder / name) == sha256


def test_the_same_items_give_the_same_bytes(tokenizer, items, tmp_path):
    assert write_choices(items, tokenizer, tmp_path / "a", 64, KEY) == write_choices(
        items, tokenizer, tmp_path / "b", 64, KEY
    )


def test_context_and_choice_join_as_if_a_space_stood_between(tokenizer, items):
    encoded = encode(items, tokenizer, 128, KEY)
    joined = np.concatenate([encoded.contexts[0], encoded.choices[0]])
    assert tokenizer.decode([joined.tolist()]) == [f"{items[0].context} {items[0].choices[0]}"]


def test_a_long_context_keeps_its_end(tokenizer, items):
    long = [Item(f"{item.context} " * 30, item.choices, item.answer) for item in items]
    whole = encode(long, tokenizer, 10_000, KEY)
    cut = encode([*long, items[0]], tokenizer, 64, KEY)
    assert cut.truncated == len(long)
    start = 0
    for item, context, full in zip(long, cut.contexts, whole.contexts, strict=False):
        longest = max(map(len, cut.choices[start : start + len(item.choices)]))
        assert 1 + len(context) + longest == 64
        assert np.array_equal(context, full[-len(context) :])
        start += len(item.choices)


def test_a_choice_fits_with_a_start_mark_and_one_piece_of_context(tokenizer):
    long = "bababa dedede bibibi bobobo"
    count = pieces(tokenizer, long)
    item = Item("bubu bebe dudu", ("bababa", long), 0)
    encoded = encode([item], tokenizer, count + 2, KEY)
    assert len(encoded.contexts[0]) == 1 and encoded.truncated == 1
    named = rf"^{KEY}: item 2 \('bubu bebe dudu'\): choice 2 has {count} pieces; "
    room = rf"at most {count - 1} fit into the model's window of {count + 1} \(1 of 2 items "
    remedy = rf"raise overtrain\.block_pieces to {count + 2}"
    with pytest.raises(ChoicesError, match=f"{named}.*{room}.*{remedy}"):
        encode([Item("bubu", ("ba", "be"), 0), item], tokenizer, count + 1, KEY)


def test_nothing_is_written_where_an_item_does_not_fit(tokenizer, items, tmp_path):
    with pytest.raises(ChoicesError, match="pieces"):
        write_choices(items, tokenizer, tmp_path / "task", 4, KEY)
    assert not (tmp_path / "task").exists()


@pytest.mark.parametrize(
    ("item", "what"),
    [(Item("\u200b", ("ba", "be"), 0), "the context"), (Item("ba", ("be", "\u200b"), 0), "choice 2")],
)
def test_a_text_without_pieces_is_refused(tokenizer, item, what):
    with pytest.raises(ChoicesError, match=rf"^{KEY}: item 1 .*: {what} has no pieces"):
        encode([item], tokenizer, 64, KEY)


def test_no_items_are_refused(tokenizer):
    with pytest.raises(ChoicesError, match=f"^{KEY}: no items"):
        encode([], tokenizer, 64, KEY)


def test_right_choices_that_no_model_can_tell_from_a_wrong_one_are_counted(tokenizer):
    same = ("日本", "東京", "ba")  # unknown characters, both
    encoded = encode([Item("ba", same, 0), Item("ba", same, 2)], tokenizer, 64, KEY)
    assert encoded.alike == 1
