"""A mixture as a view: which block of which pool comes when, read from the pools in place.

`NAME.view.json` lists the pools, and `NAME.order.npy` has the number of the pool of each block (uint8). The
blocks of a pool are taken in order: where a mixture comes to it for the n-th time, it reads its n-th block.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from downlaw.files import read_json, sha256_of_file, write_aside, write_json

MAX_POOLS = 255
_STEP = 4096


class ViewError(ValueError):
    """A view that cannot be read; the message names the file at fault, and says what to do."""


def view_files(prefix: Path) -> tuple[Path, Path]:
    """The two files of a view."""
    return prefix.with_name(f"{prefix.name}.view.json"), prefix.with_name(f"{prefix.name}.order.npy")


def copied_pool(number: int) -> str:
    """What a pool is called in a copy of a view's folder: it lies beside the view there."""
    return f"pool-{number}.bin"


def write_view(prefix: Path, pools: Sequence[tuple[Path, Mapping[str, Any]]], order: np.ndarray) -> None:
    """Write the view of pools, each given with its record, that reads them in `order`, of shape (blocks,)."""
    about, order_path = view_files(prefix)
    with write_aside(order_path) as aside, aside.open("wb") as stream:
        np.save(stream, order.astype(np.uint8, copy=False), allow_pickle=False)
    described = [
        {"path": os.path.relpath(path, prefix.parent), "blocks": record["blocks"], "sha256": record["sha256"]}
        for path, record in pools
    ]
    first = pools[0][1]
    write_json(about, {"pieces": first["pieces"], "type": first["type"], "pools": described})


def files_of_view(prefix: Path) -> dict[str, tuple[Path, str]]:
    """What has to be copied to read a view elsewhere: by its name there, each file and its sha256."""
    about, order = view_files(prefix)
    pools = read_json(about)["pools"]
    return {path.name: (path, sha256_of_file(path)) for path in (about, order)} | {
        copied_pool(number): (prefix.parent / pool["path"], pool["sha256"])
        for number, pool in enumerate(pools)
    }


class View(Sequence[np.ndarray]):
    """The blocks of a view, each of shape (pieces,): mapped into memory, and read when they are asked for.

    Pools and order are mapped files. Held is how many blocks of each pool came before every few thousand.

    Raises:
        ViewError: where a pool is missing or shorter than its record says.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        about_path, order_path = view_files(prefix)
        about = read_json(about_path)
        self.pieces: int = about["pieces"]
        self.type = np.dtype(about["type"])
        self.order = np.load(order_path, mmap_mode="r", allow_pickle=False)
        pools = about["pools"]
        self._pools = [self._open(prefix.parent, number, pool) for number, pool in enumerate(pools)]
        steps = range(0, len(self.order), _STEP)
        counts = [np.bincount(self.order[step : step + _STEP], minlength=len(pools)) for step in steps]
        self._before = np.cumsum([np.zeros(len(pools), np.int64), *counts], axis=0)

    def _open(self, folder: Path, number: int, pool: Mapping[str, Any]) -> np.ndarray:
        copy = folder / copied_pool(number)
        path = copy if copy.exists() else Path(os.path.normpath(folder / pool["path"]))
        expected = pool["blocks"] * self.pieces * self.type.itemsize
        found = path.stat().st_size if path.exists() else None
        if found != expected:
            what = "is missing" if found is None else f"holds {found:,} bytes where {expected:,} were written"
            raise ViewError(f"{path} {what}: delete it and run again to make it anew")
        if not expected:
            return np.empty((0, self.pieces), self.type)
        return np.memmap(path, self.type, "r", shape=(pool["blocks"], self.pieces))

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index):  # type: ignore[override]
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        step, number = index // _STEP, self.order[index]
        within = self._before[step, number] + np.count_nonzero(self.order[step * _STEP : index] == number)
        return self._pools[number][within]

    def runs(self) -> Iterator[np.ndarray]:
        """All blocks in order, a few thousand at a time, each of shape (blocks, pieces)."""
        for before, begin in zip(self._before, range(0, len(self), _STEP), strict=False):
            order = np.asarray(self.order[begin : begin + _STEP])
            run = np.empty((len(order), self.pieces), self.type)
            for number in np.unique(order):
                here = order == number
                run[here] = self._pools[number][before[number] : before[number] + np.count_nonzero(here)]
            yield run
