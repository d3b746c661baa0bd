"""Which cleaned segments stay, in which split: no string twice, none in training that is held out.

Everything that grows with the text lies on disk: a few bytes a segment, and its hashes, grouped part by part.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from downlaw.study.text import NearDuplicates as NearDuplicatesConfig

from .cleaned import Batch, Cleaned
from .near_duplicates import NearDuplicates, Signatures
from .partitions import Partitions
from .segments import SPLITS, Row
from .split import Assignment

KEPT, DUPLICATE, NEAR_DUPLICATE, SEEN_ELSEWHERE = range(4)
REASONS = {
    DUPLICATE: "duplicate",
    NEAR_DUPLICATE: "near_duplicate",
    SEEN_ELSEWHERE: "held_out_seen_elsewhere",
}
"""What a segment is dropped for, as the manifest names it."""

_SPLIT_BITS = np.uint64(60)
"""Orders sort by split first: its number stands above that of the segment."""

_STEP = 1 << 20
_VALID, _TEST = SPLITS.index("valid"), SPLITS.index("test")

T = TypeVar("T")


def _numbers(orders: np.ndarray) -> np.ndarray:
    """The segments that orders are of."""
    return orders & ((np.uint64(1) << _SPLIT_BITS) - np.uint64(1))


class Division:
    """The fate of every segment of a part.

    What is nearly the same as another text goes first, where the study says so: a pair, or a document of one
    language. Of segments that are the same in lower case with numbers masked one stays, in training before
    valid before test. Then a valid segment goes whose wording, on either side, is in training, and a test
    segment whose wording is in training or valid.

    Args:
        shards: the part's cleaned text; sources are read in the order of their numbers.
        folder: an empty folder for what is worked with.
        near: the section `cleaning.near_duplicates`; None: only exact repeats go.
        earlier: folders with the signatures of corpora whose text stays: what is nearly the same goes.
    """

    def __init__(
        self,
        shards: Sequence[Cleaned],
        assignment: Assignment,
        folder: Path,
        near: NearDuplicatesConfig | None = None,
        earlier: Sequence[Path] = (),
    ):
        self._shards, self._assignment, self._folder = shards, assignment, folder
        self.segments = sum(source["cleaned"] for shard in shards for source in shard.sources)
        shape = (max(self.segments, 1),)
        self.splits = np.memmap(folder / "splits.u8", np.uint8, "w+", shape=shape)
        self.fates = np.memmap(folder / "fates.u8", np.uint8, "w+", shape=shape)
        self._near: NearDuplicates | None = None
        if near:
            self._drop_near_duplicates(near, earlier)
        self._drop_duplicates()
        self._drop_seen(range(len(SPLITS)), before=_VALID)
        self._drop_seen((_VALID, _TEST), before=_TEST)

    def _batches(self) -> Iterator[tuple[int, slice, Batch]]:
        begin = 0
        for source, batch in self._merged([shard.batches() for shard in self._shards]):
            yield source["number"], slice(begin, begin + len(batch.segments)), batch
            begin += len(batch.segments)

    @staticmethod
    def _merged(shards: list[Iterator[tuple[dict[str, Any], T]]]) -> Iterator[tuple[dict[str, Any], T]]:
        """The batches of all shards in the order of their sources."""
        return heapq.merge(*shards, key=lambda each: each[0]["number"])

    def _orders(self, where: slice) -> np.ndarray:
        numbers = np.arange(where.start, where.stop, dtype=np.uint64)
        return self.splits[where].astype(np.uint64) << _SPLIT_BITS | numbers

    def _drop_duplicates(self) -> None:
        strings = Partitions(self._folder / "strings", self.segments)
        for source, where, batch in self._batches():
            self.splits[where] = [self._assignment.place(source, each)[0] for each in batch.segments]
            counts = self.fates[where] == KEPT
            strings.add(batch.string[counts], self._orders(where)[counts])
        for orders, first in strings.groups():
            self.fates[_numbers(orders[first != np.arange(len(first))])] = DUPLICATE

    def _drop_near_duplicates(self, config: NearDuplicatesConfig, earlier: Sequence[Path]) -> None:
        self._near = NearDuplicates(self._folder / "near", config)
        for folder in earlier:
            self._near.add_earlier(folder)
        units = np.memmap(self._folder / "units.u32", np.uint32, "w+", shape=self.fates.shape)
        signatures = Signatures(config)
        count = 0
        for where, texts, splits, own in self._units():
            units[where] = own + count
            self._near.add(splits, signatures.of(texts))
            count += len(texts)
        self._stays = ~self._near.find()
        for begin in range(0, self.segments, _STEP):
            where = slice(begin, min(begin + _STEP, self.segments))
            self.fates[where][~self._stays[units[where]]] = NEAR_DUPLICATE

    def _units(self) -> Iterator[tuple[slice, list[str], np.ndarray, np.ndarray]]:
        """What is compared as a whole, a batch at a time: the segments, the texts and splits of their units,
        and the number of the unit of each segment. A document cut by the end of a batch is two units."""
        documents = len(self._shards[0].languages) == 1
        for source, where, batch in self._batches():
            texts: list[str] = []
            splits: list[int] = []
            own = np.empty(len(batch.segments), np.uint32)
            last = None
            for number, segment in enumerate(batch.segments):
                split, document = self._assignment.place(source, segment)
                if documents and document == last:
                    texts[-1] += "\n" + segment.texts[0]
                else:
                    texts.append("\n".join(segment.texts))
                    splits.append(split)
                own[number], last = len(texts) - 1, document
            yield where, texts, np.array(splits, np.uint8), own

    def save_signatures(self, folder: Path) -> None:
        """Write what later corpora are compared with, where near-duplicates go."""
        if self._near:
            self._near.save(folder, self._stays)

    def _drop_seen(self, splits: Sequence[int], before: int) -> None:
        """Drop the segments of `splits` from number `before` on with a wording that an earlier one has."""
        seen = np.memmap(self._folder / f"seen-{before}.u8", np.uint8, "w+", shape=self.fates.shape)
        for side in range(len(self._shards[0].languages)):
            wordings = Partitions(self._folder / f"wordings-{before}-{side}", self.segments)
            begin = 0
            for _, hashes in self._merged([shard.hashes(side) for shard in self._shards]):
                where = slice(begin, begin + len(hashes))
                counts = (self.fates[where] == KEPT) & np.isin(self.splits[where], splits)
                wordings.add(hashes[counts], self._orders(where)[counts])
                begin = where.stop
            for orders, first in wordings.groups():
                split = orders >> _SPLIT_BITS
                seen[_numbers(orders[(split >= before) & (split[first] < before)])] = 1
        self.fates[seen != 0] = SEEN_ELSEWHERE

    def dropped(self) -> dict[str, int]:
        """How many segments went, by reason."""
        counts = np.bincount(self.fates[: self.segments], minlength=len(REASONS) + 1)
        counted = {name: int(counts[reason]) for reason, name in REASONS.items()}
        return counted if self._near else {k: v for k, v in counted.items() if k != REASONS[NEAR_DUPLICATE]}

    def rows(
        self, dropped: Callable[[str, tuple[str, ...]], object] = lambda reason, texts: None
    ) -> Iterator[tuple[int, int, Row]]:
        """The number of the source, the split, and the row of each segment that stays, in order.

        Args:
            dropped: is shown the others, with the reason.
        """
        for source, where, batch in self._batches():
            for segment, fate in zip(batch.segments, self.fates[where].tolist(), strict=True):
                if fate == KEPT:
                    split, document = self._assignment.place(source, segment)
                    yield source, split, Row(document, segment.texts)
                else:
                    dropped(REASONS[fate], segment.texts)
