"""Signatures of many texts in files, read as one table, and the clusters that form among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from downlaw.files import read_json, write_aside, write_json
from downlaw.study.text import NearDuplicates as Config

from ..errors import CorpusError
from .signatures import ALGORITHM

CHUNK = 1 << 15
"""Signatures that are read at once: 16 MiB of the default length."""

SIGNATURES, RECORD = "signatures.u32", "signatures.json"


def record(config: Config) -> dict[str, object]:
    """What signatures must have in common to be compared."""
    return {
        "algorithm": ALGORITHM,
        "permutations": config.permutations,
        "shingle_words": config.shingle_words,
    }


def save(folder: Path, chunks: Iterator[np.ndarray], config: Config) -> int:
    """Write signatures for `load`; the record comes last, so that a folder with one is whole."""
    (folder / RECORD).unlink(missing_ok=True)
    count = 0
    with write_aside(folder / SIGNATURES) as aside, aside.open("wb") as stream:
        for chunk in chunks:
            stream.write(np.ascontiguousarray(chunk, np.uint32).tobytes())
            count += len(chunk)
    write_json(folder / RECORD, record(config) | {"texts": count})
    return count


def load(folder: Path, config: Config) -> np.ndarray:
    """The signatures that `save` wrote, memory-mapped; uint32 of shape (n, permutations).

    Raises:
        CorpusError: where they are missing, cut short, or made with other settings.
    """
    try:
        found = read_json(folder / RECORD)
    except FileNotFoundError:
        raise CorpusError(f"{folder}: no signatures here: make the earlier corpus first") from None
    for key, value in record(config).items():
        if found[key] != value:
            raise CorpusError(
                f"{folder / RECORD}: signatures were made with {key} {found[key]}, not {value}: "
                "delete the folder and run again"
            )
    return mapped(folder / SIGNATURES, found["texts"], config.permutations)


def mapped(path: Path, texts: int, permutations: int) -> np.ndarray:
    """A file of signatures, memory-mapped.

    Raises:
        CorpusError: for a file that does not hold as many.
    """
    expected = texts * permutations * 4
    if not path.is_file() or path.stat().st_size != expected:
        raise CorpusError(
            f"{path}: not the {texts:,} signatures it should hold: delete its folder and run again"
        )
    if not texts:
        return np.empty((0, permutations), np.uint32)
    return np.memmap(path, np.uint32, "r", shape=(texts, permutations))


class Table:
    """Several files of signatures as one, row by row."""

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])
        self.rows = int(self._ends[-1]) if len(parts) else 0

    def chunks(self) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, signatures) of at most `CHUNK` rows each, in order."""
        for part, end in zip(self._parts, self._ends, strict=True):
            begin = int(end) - len(part)
            for start in range(0, len(part), CHUNK):
                yield begin + start, np.asarray(part[start : start + CHUNK])

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The signatures of these rows; shape (len(rows), permutations)."""
        owner = np.searchsorted(self._ends, rows, side="right")
        result = np.empty((len(rows), self._parts[0].shape[1]), np.uint32)
        for index in np.unique(owner):
            here = owner == index
            part = self._parts[index]
            result[here] = part[rows[here] - (int(self._ends[index]) - len(part))]
        return result


class Clusters:
    """Union-find over rows, in a file; the root of a cluster is its first row."""

    def __init__(self, path: Path, rows: int) -> None:
        self._parent = np.memmap(path, np.uint32, "w+", shape=(max(rows, 1),))
        for start in range(0, rows, CHUNK):
            stop = min(start + CHUNK, rows)
            self._parent[start:stop] = np.arange(start, stop, dtype=np.uint32)

    def roots(self, rows: np.ndarray) -> np.ndarray:
        """The root of the cluster of each row."""
        found = self._parent[rows]
        while True:
            above = self._parent[found]
            if np.array_equal(above, found):
                self._parent[rows] = found
                return found
            found = above

    def join(self, rows: np.ndarray, others: np.ndarray) -> None:
        """Make one cluster of those of `rows[i]` and `others[i]`, for each i."""
        while len(rows):
            rows, others = self.roots(rows), self.roots(others)
            differ = rows != others
            rows, others = rows[differ], others[differ]
            np.minimum.at(self._parent, np.maximum(rows, others), np.minimum(rows, others))
