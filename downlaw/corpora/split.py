"""Held-out documents: whole ones, from every source, with no string that also stands in training."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from downlaw.study.text import Split

from .clean import masked
from .segments import SPLITS, Row, Segment, Source

_WORDS = re.compile(r"[^\W_]+")


def normalised(text: str) -> str:
    """What counts as the same wording: lower-case words with each number replaced, punctuation left out."""
    return " ".join(_WORDS.findall(masked(text)))


def _order(document: str, seed: int) -> bytes:
    return sha256(f"{seed}\t{document}".encode()).digest()


def assign(sizes: Mapping[str, int], split: Split, seed: int) -> dict[str, str]:
    """The split of each document of one source, by its size.

    Documents are taken in an order that only `seed` and their names decide. Each goes to test while it fits
    into test's share of the total size, else to valid while it fits there, else to training; so a document
    larger than a share is not held out, and the shares are met from below. Where a few documents are most
    of the text, neither takes more than a third of the documents (or its share of them, if that is more).
    The largest document always trains. A source of three documents or more is in every split: its smallest
    ones stand in where none fitted; one of fewer documents is all training.
    """
    assigned = dict.fromkeys(sizes, "train")
    if len(sizes) < 3:
        return assigned
    total = sum(sizes.values())
    shares = {"test": split.test, "valid": split.valid}
    size_left = {part: share * total for part, share in shares.items()}
    places = {
        part: min(max(len(sizes) // 3, int(share * len(sizes))), len(sizes) - 2)
        for part, share in shares.items()
    }
    order = sorted(sizes, key=lambda name: _order(name, seed))
    order.remove(max(order, key=sizes.__getitem__))
    for document in order:
        for part in shares:
            if places[part] and sizes[document] <= size_left[part]:
                assigned[document] = part
                size_left[part] -= sizes[document]
                places[part] -= 1
                break
    for part in shares:
        if part not in assigned.values():
            spare = [name for name in order if assigned[name] == "train"]
            assigned[min(spare, key=sizes.__getitem__)] = part
    return assigned


def assign_all(sources: Iterable[Source], split: Split, seed: int) -> dict[str, str]:
    """The split of each document of all sources; those with a split of their own keep it."""
    assigned: dict[str, str] = {}
    for source in sources:
        if source.split == "auto":
            assigned.update(assign(source.sizes, split, seed))
        else:
            assigned.update(dict.fromkeys(source.sizes, source.split))
    return assigned


def divide(
    segments: Iterable[Segment], assigned: Mapping[str, str]
) -> tuple[dict[str, list[Row]], dict[str, int]]:
    """Rows of each split, and how many were dropped: `duplicate`, then `held_out_seen_elsewhere`.

    A segment that stands in several documents counts for training if one of them does, else for valid.
    Of segments that are the same in lower case with numbers masked one stays, in training before valid
    before test. Then a valid row goes whose wording, in either language, is in training, and a test row
    whose wording is in training or valid.
    """
    pools: dict[str, list[Row]] = {part: [] for part in SPLITS}
    for segment in segments:
        parts = [assigned[document] for document in segment.documents]
        part = min(parts, key=SPLITS.index)
        pools[part].append(Row(segment.documents[parts.index(part)], segment.texts))
    dropped = {"duplicate": 0, "held_out_seen_elsewhere": 0}
    known: set[tuple[str, ...]] = set()
    wordings: set[tuple[int, str]] = set()
    for part in SPLITS:
        unique: list[Row] = []
        for row in pools[part]:
            key = tuple(masked(text) for text in row.texts)
            if key in known:
                dropped["duplicate"] += 1
            else:
                known.add(key)
                unique.append(row)
        own = [[(side, normalised(text)) for side, text in enumerate(row.texts)] for row in unique]
        if part != "train":
            stays = [not any(wording in wordings for wording in sides) for sides in own]
            dropped["held_out_seen_elsewhere"] += stays.count(False)
            unique = [row for row, stay in zip(unique, stays, strict=True) if stay]
            own = [sides for sides, stay in zip(own, stays, strict=True) if stay]
        wordings.update(wording for sides in own for wording in sides)
        pools[part] = unique
    return pools, dropped
