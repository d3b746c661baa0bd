"""Keys grouped on disk: equal keys of a corpus larger than memory are brought together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

PARTITION_ROWS = 1 << 21
"""Keys that are sorted at once, about: 32 MiB, and as much again for their order."""

_RECORD = np.dtype([("key", np.uint64), ("order", np.uint64)])


def first_of_run(keys: np.ndarray) -> np.ndarray:
    """For each of sorted keys the position of the first that is equal; both of shape (n,)."""
    begins = np.ones(len(keys), bool)
    begins[1:] = keys[1:] != keys[:-1]
    return np.maximum.accumulate(np.where(begins, np.arange(len(keys)), 0))


class Partitions:
    """(key, order) records in files of a folder, divided by key so that each file fits into memory.

    Args:
        folder: an empty folder for the files.
        rows: about how many records will come.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.count = max(1, -(-rows // PARTITION_ROWS))

    def _file(self, index: int) -> Path:
        return self.folder / f"{index:05d}.records"

    def add(self, keys: np.ndarray, orders: np.ndarray) -> None:
        """Add records: both arrays of shape (n,), uint64."""
        records = np.empty(len(keys), _RECORD)
        records["key"], records["order"] = keys, orders
        place = keys % np.uint64(self.count)
        for index in np.unique(place):
            with self._file(int(index)).open("ab") as stream:
                stream.write(records[place == index].tobytes())

    def groups(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each partition: the orders, sorted by key and then order, and the position in them of the first
        record of the same key; each of shape (n,). Files are removed as they are read."""
        for index in range(self.count):
            path = self._file(index)
            if not path.exists():
                continue
            records = np.fromfile(path, _RECORD)
            path.unlink()
            sorted_by_key = np.lexsort((records["order"], records["key"]))
            keys, orders = records["key"][sorted_by_key], records["order"][sorted_by_key]
            yield orders, first_of_run(keys)
