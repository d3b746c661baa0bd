"""Shuffling text larger than memory: units of ids in random order, as one stream.

Units are dealt to buckets at random, and each bucket is shuffled in memory: every order is equally likely.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .joined import in_order

BUCKET_PIECES = 1 << 24
"""Pieces that are shuffled at once, about: 64 MiB of ids."""

_UNITS = 1 << 16


class Units:
    """Units of ids, each a sentence or a document, written to a folder one after the other.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ids, self._lengths = folder / "ids.i32", folder / "lengths.i32"
        self.pieces = self.count = 0

    def add(self, ids: np.ndarray, lengths: np.ndarray) -> None:
        """Add units: their ids one after the other, shape (pieces,), and how many each has."""
        with self._ids.open("ab") as stream:
            stream.write(np.asarray(ids, np.int32).tobytes())
        with self._lengths.open("ab") as stream:
            stream.write(np.asarray(lengths, np.int32).tobytes())
        self.pieces += len(ids)
        self.count += len(lengths)

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """All ids and lengths."""
        if not self.count:
            return np.empty(0, np.int32), np.empty(0, np.int32)
        return np.fromfile(self._ids, np.int32), np.fromfile(self._lengths, np.int32)

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Ids and lengths of a run of units at a time."""
        if not self.count:
            return
        with self._ids.open("rb") as ids, self._lengths.open("rb") as counts:
            while len(lengths := np.fromfile(counts, np.int32, _UNITS)):
                yield np.fromfile(ids, np.int32, int(lengths.sum())), lengths

    def remove(self) -> None:
        self._ids.unlink(missing_ok=True)
        self._lengths.unlink(missing_ok=True)


def shuffled(
    units: Units, folder: Path, seed: int, bucket_pieces: int = BUCKET_PIECES
) -> Iterator[np.ndarray]:
    """The ids of all units in an order that `seed` decides, in arrays of about a million.

    Args:
        folder: a folder for the buckets, which are removed as they are read.
        bucket_pieces: how many pieces are held in memory, about. Units that fit into one bucket are in the
            order of `numpy.random.default_rng(seed).permutation`.
    """
    count = max(1, -(-units.pieces // bucket_pieces))
    if count == 1:
        yield from _shuffled(units, np.random.default_rng(seed))
        return
    buckets = [Units(folder / f"bucket-{index:05d}") for index in range(count)]
    dealer = np.random.default_rng([seed, count])
    for ids, lengths in units.batches():
        place = dealer.integers(count, size=len(lengths))
        of_piece = np.repeat(place, lengths)
        for index in np.unique(place):
            buckets[index].add(ids[of_piece == index], lengths[place == index])
    for index, bucket in enumerate(buckets):
        yield from _shuffled(bucket, np.random.default_rng([seed, count, index]))
        bucket.remove()


def _shuffled(units: Units, generator: np.random.Generator) -> Iterator[np.ndarray]:
    ids, lengths = units.read()
    for joined, _ in in_order(ids, lengths, generator.permutation(len(lengths))):
        yield joined


def cut(stream: Iterator[np.ndarray], pieces: int) -> Iterator[np.ndarray]:
    """A stream of ids as arrays of blocks, shape (blocks, pieces), without what does not fill a last one."""
    rest = np.empty(0, np.int32)
    for ids in stream:
        joined = np.concatenate([rest, ids])
        whole = len(joined) // pieces * pieces
        if whole:
            yield joined[:whole].reshape(-1, pieces)
        rest = joined[whole:]
