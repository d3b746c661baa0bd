"""Distractors: which other answers an item is given, so that an answer alone says nothing of being right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..split import normalised
from .item import ChoicesError, Item

LEAST_ITEMS = 20
"""With fewer, the 95% interval of an error is wider than 0.4."""

_GROUP = 4
"""A group has this many times the answers of an item: few are alike in length, many are different wrongs."""

_LENGTH_RATIO = 1.25
"""The longest answer of a group over its shortest, in characters."""


class Place(NamedTuple):
    """Where an answer is right: what stands before it and, with no space between, after it; `unit` is what
    has one item at most."""

    context: str
    after: str
    unit: int


class Answer(NamedTuple):
    """A text that is right in some places and can stand wrongly in those of the others of its `kind`."""

    text: str
    places: Sequence[Place]
    kind: Hashable = None


def _groups(
    answers: Sequence[Answer], choices: int, generator: np.random.Generator
) -> Iterator[list[Answer]]:
    """Answers of one kind and similar length; those that are too few for an item are left out."""
    kinds: dict[Hashable, list[Answer]] = {}
    for index in generator.permutation(len(answers)):
        kinds.setdefault(answers[index].kind, []).append(answers[index])
    for members in kinds.values():
        group: list[Answer] = []
        for answer in sorted(members, key=lambda each: len(each.text)):
            too_long = group and len(answer.text) > _LENGTH_RATIO * len(group[0].text)
            if too_long or len(group) == _GROUP * choices:
                yield group
                group = []
            group.append(answer)
        yield group


def draw(
    answers: Sequence[Answer],
    *,
    choices: int,
    items: int,
    seed: int,
    fits: Callable[[Place, Answer, Answer], bool] = lambda place, right, other: True,
) -> list[Item]:
    """At most `items` items of `choices` choices each; fewer items are the first of more.

    In a group of similar answers each is right in equally many places and the wrong ones are drawn at random
    from the others: whoever sees only the choices, whatever of them, is right by chance. Of each unit of text
    one item is made.

    Args:
        fits: whether the third argument may stand as a wrong answer where the second is right.
    """
    generator = np.random.default_rng(seed)
    candidates: list[tuple[Place, Answer, list[Answer]]] = []
    for group in _groups(answers, choices, generator):
        if len(group) < choices:
            continue
        each = min(len(answer.places) for answer in group)
        for answer in group:
            chosen = generator.choice(len(answer.places), size=each, replace=False)
            candidates += [(answer.places[index], answer, group) for index in chosen]
    made: list[Item] = []
    used: set[int] = set()
    for index in generator.permutation(len(candidates)):
        place, right, group = candidates[index]
        order = [group[other] for other in generator.permutation(len(group))]
        position = int(generator.integers(choices))
        if len(made) == items:
            break
        others = [other for other in order if other is not right and fits(place, right, other)][: choices - 1]
        if place.unit in used or len(others) < choices - 1:
            continue
        used.add(place.unit)
        texts = [*others[:position], right, *others[position:]]
        made.append(Item(place.context, tuple(each.text + place.after for each in texts), position))
    return made


def unambiguous(pairs: Sequence[tuple[str, str]]) -> list[Answer]:
    """The pairs (context, its answer) as answers; without those whose wording, of either, is there twice.

    Two contexts of one wording have two right answers each; an answer of two contexts is right for both.
    """
    wordings = [(normalised(context), normalised(answer)) for context, answer in pairs]
    contexts = Counter(context for context, _ in wordings)
    answers = Counter(answer for _, answer in wordings)
    return [
        Answer(answer, [Place(context, "", index)])
        for index, ((context, answer), (said, answered)) in enumerate(zip(pairs, wordings, strict=True))
        if said and answered and contexts[said] == answers[answered] == 1
    ]


def require(items: list[Item], key: str, what: str) -> list[Item]:
    """`items`, where there are enough of them.

    Raises:
        ChoicesError: with the config `key`, and `what` an item is made of.
    """
    if len(items) < LEAST_ITEMS:
        raise ChoicesError(
            f"{key}: only {len(items)} items can be made, at least {LEAST_ITEMS} are needed; an item needs "
            f"{what}: give the corpus more text, hold out more of it (split.test), or ask for fewer choices"
        )
    return items
