"""Multiple-choice items as the ids that a language model reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..tokenizer import Tokenizer
from .item import ChoicesError, Item

_WORDS_SHOWN = 8


@dataclass(frozen=True)
class EncodedItems:
    """Ids without `<s>` and `</s>`.

    contexts: one array an item. choices: all of the first item, then all of the second, and so on. counts:
    choices of each item. truncated: contexts that lost their beginning. alike: items whose right choice has
    the same ids as a wrong one, which no model can tell apart.
    """

    contexts: list[np.ndarray]
    choices: list[np.ndarray]
    counts: list[int]
    truncated: int
    alike: int


def fits(item: Item, tokenizer: Tokenizer, longest: int) -> bool:
    """Whether every choice of an item leaves room for a start mark and a piece of context."""
    return max(map(len, tokenizer.encode(list(item.choices)))) <= _room(longest)


def _room(longest: int) -> int:
    return longest - 2


def encode(items: Sequence[Item], tokenizer: Tokenizer, longest: int, key: str) -> EncodedItems:
    """Encode items so that a start mark, the context and any of its choices fit into `longest` pieces.

    Context and choice are encoded apart: a piece that begins a word begins the choice, as after a space. A
    context too long loses its beginning, the same for all choices of the item.

    Args:
        key: the config key of the task, for messages.

    Raises:
        ChoicesError: naming `key` and the item, counted from 1, for a text without pieces, and for a choice
            that leaves no room for one piece of context.
    """
    if not items:
        raise ChoicesError(f"{key}: no items; give it some or take the task out")
    contexts = tokenizer.encode([item.context for item in items])
    choices = tokenizer.encode([choice for item in items for choice in item.choices])
    counts = [len(item.choices) for item in items]
    of_item = _by_item(choices, counts)
    _refuse_empty(items, contexts, of_item, key)
    _refuse_long(items, of_item, longest, key)
    rooms = [longest - 1 - max(map(len, each)) for each in of_item]
    return EncodedItems(
        contexts=[ids[-room:] for ids, room in zip(contexts, rooms, strict=True)],
        choices=choices,
        counts=counts,
        truncated=sum(len(ids) > room for ids, room in zip(contexts, rooms, strict=True)),
        alike=sum(
            sum(np.array_equal(ids, each[item.answer]) for ids in each) > 1
            for item, each in zip(items, of_item, strict=True)
        ),
    )


def _by_item(choices: Sequence[np.ndarray], counts: Sequence[int]) -> list[list[np.ndarray]]:
    rest: Iterator[np.ndarray] = iter(choices)
    return [[next(rest) for _ in range(count)] for count in counts]


def _named(items: Sequence[Item], index: int) -> str:
    words = items[index].context.split()
    shown = " ".join(words[:_WORDS_SHOWN]) + (" ..." if len(words) > _WORDS_SHOWN else "")
    return f"item {index + 1} ({shown!r})"


def _refuse_empty(
    items: Sequence[Item], contexts: Sequence[np.ndarray], of_item: Sequence[list[np.ndarray]], key: str
) -> None:
    for index, (context, choices) in enumerate(zip(contexts, of_item, strict=True)):
        empty = next((number for number, ids in enumerate(choices, 1) if not len(ids)), None)
        if not len(context) or empty:
            what = f"choice {empty}" if len(context) else "the context"
            raise ChoicesError(
                f"{key}: {_named(items, index)}: {what} has no pieces: the tokenizer takes all its "
                "characters for blanks; write it anew or take the item out"
            )


def _refuse_long(items: Sequence[Item], of_item: Sequence[list[np.ndarray]], longest: int, key: str) -> None:
    room = _room(longest)
    longest_choices = [max(map(len, choices)) for choices in of_item]
    too_long = [index for index, pieces in enumerate(longest_choices) if pieces > room]
    if too_long:
        index = too_long[0]
        number = [len(ids) for ids in of_item[index]].index(longest_choices[index]) + 1
        raise ChoicesError(
            f"{key}: {_named(items, index)}: choice {number} has {longest_choices[index]:,} pieces; with a "
            f"start mark and a piece of context, at most {room:,} fit into the model's window of "
            f"{longest:,} ({len(too_long):,} of {len(items):,} items have such a choice); shorten or remove "
            f"it, or raise overtrain.block_pieces to {max(longest_choices) + 2:,}"
        )
