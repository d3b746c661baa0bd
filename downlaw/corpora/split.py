"""Held-out documents: whole ones, from every source."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256

from downlaw.study.text import Split

from .clean import masked
from .segments import SPLITS, Segment, Source

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


class Assignment:
    """The split of every document of a part: by sizes, or by a hash of its name where its source has many.

    Args:
        sources: each source by number, with the sizes of its documents where these decide.
        by_name: the numbers of the sources whose documents go by their names.
    """

    def __init__(self, sources: Mapping[int, Source], by_name: Collection[int], split: Split, seed: int):
        sized = [source for number, source in sources.items() if number not in by_name]
        self._named = assign_all(sized, split, seed)
        self._fixed = {number: source.split for number, source in sources.items() if number in by_name}
        self._split, self._seed = split, seed

    def of(self, source: int, document: str) -> int:
        """The number in `SPLITS` of a document's split."""
        if source not in self._fixed:
            return SPLITS.index(self._named[document])
        if self._fixed[source] != "auto":
            return SPLITS.index(self._fixed[source])
        place = int.from_bytes(_order(document, self._seed)[:8], "big") / 2**64
        if place < self._split.test:
            return SPLITS.index("test")
        return SPLITS.index("valid" if place < self._split.test + self._split.valid else "train")

    def place(self, source: int, segment: Segment) -> tuple[int, str]:
        """The split of a segment, training if one of its documents trains, then valid; and that document."""
        if len(segment.documents) == 1:
            return self.of(source, segment.documents[0]), segment.documents[0]
        return min(((self.of(source, each), each) for each in segment.documents), key=lambda found: found[0])
