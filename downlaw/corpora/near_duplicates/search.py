"""The texts that are nearly the same as an earlier one, found on disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from downlaw.study.text import NearDuplicates as Config

from ..partitions import Partitions, first_of_run
from .signatures import are_short, bands, hashes
from .table import CHUNK, SIGNATURES, Clusters, Table, load, mapped, save

EARLIER = 255
"""The rank of text that is never dropped: that of an earlier corpus."""

COMPARED = 64
"""With how many others a text is compared, at most, among those that agree with it in one band."""


class NearDuplicates:
    """The near-duplicates among the texts of a part, in memory that their number does not change.

    Signatures are added in the order of the text, each with a rank (its split: 0 train, 1 valid, 2 test).
    Texts whose signatures agree in a band are compared by the share of their whole signatures that agrees,
    which estimates their Jaccard similarity; those at the threshold form clusters, in which the first by rank
    and then by order stays. On disk are the signatures (4 bytes x permutations a text), 15 bytes a text
    beside them, and while one of the bands is searched 16 bytes a text.

    Args:
        folder: an empty folder for the files; `close` removes it.
        config: the section `cleaning.near_duplicates` of the study.
    """

    def __init__(self, folder: Path, config: Config) -> None:
        self._folder = folder
        self._config = config
        self._earlier: list[np.ndarray] = []
        self.texts = 0
        self.short = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._signatures = (folder / SIGNATURES).open("wb")
        self._ranks = (folder / "ranks.u8").open("wb")

    def add(self, ranks: np.ndarray, signatures: np.ndarray) -> None:
        """The next texts: ranks, uint8 of shape (n,), and signatures, uint32 of shape (n, permutations)."""
        if signatures.shape != (len(ranks), self._config.permutations):
            raise ValueError(f"signatures of shape {signatures.shape} for {len(ranks)} ranks")
        self._signatures.write(np.ascontiguousarray(signatures, np.uint32).tobytes())
        self._ranks.write(np.ascontiguousarray(ranks, np.uint8).tobytes())
        self.texts += len(ranks)
        self.short += int(are_short(signatures).sum())

    def add_earlier(self, folder: Path) -> None:
        """The signatures that `save` left in a folder for an earlier corpus: text like it goes.

        Raises:
            CorpusError: where they are missing, damaged, or made with other settings.
        """
        self._earlier.append(load(folder, self._config))

    def _own(self) -> tuple[np.ndarray, np.ndarray]:
        self._signatures.flush()
        self._ranks.flush()
        signatures = mapped(self._folder / SIGNATURES, self.texts, self._config.permutations)
        ranks = np.memmap(self._folder / "ranks.u8", np.uint8, "r") if self.texts else np.empty(0, np.uint8)
        return signatures, ranks

    def find(self) -> np.ndarray:
        """Which of the texts added are near-duplicates of one that stays; bool of shape (texts,), on disk."""
        signatures, ranks = self._own()
        table = Table([*self._earlier, signatures])
        if table.rows >= 1 << 32:
            raise ValueError(f"{table.rows:,} texts: at most {1 << 32:,} can be compared")
        clusters = Clusters(self._folder / "parents.u32", table.rows)
        leaders = self._join_equal(table, clusters)
        count, rows = bands(self._config)
        for band in range(count):
            self._join_similar(table, clusters, leaders, band * rows, rows)
        return self._dropped(clusters, ranks, table.rows - self.texts)

    def _partitions(self, table: Table, among: np.ndarray | None, first: int, rows: int) -> Partitions:
        """Hashes of `rows` columns from `first` on, of the texts with a signature that are `among` these."""
        folder = self._folder / "hashes"
        shutil.rmtree(folder, ignore_errors=True)
        partitions = Partitions(folder, table.rows)
        for start, chunk in table.chunks():
            taken = ~are_short(chunk)
            if among is not None:
                taken &= among[start : start + len(chunk)]
            where = np.flatnonzero(taken)
            partitions.add(hashes(chunk[where], first, rows), (where + start).astype(np.uint64))
        return partitions

    def _join_equal(self, table: Table, clusters: Clusters) -> np.ndarray:
        """Join texts with the same signature; only the first of them need be compared with others.

        Returns:
            which texts are the first; bool of shape (table.rows,), on disk.
        """
        leaders = np.memmap(self._folder / "leaders.u8", np.bool_, "w+", shape=(max(table.rows, 1),))
        for start in range(0, table.rows, CHUNK):
            leaders[start : start + CHUNK] = True
        for texts, first in self._partitions(table, None, 0, self._config.permutations).groups():
            for heads, others in _agreeing(table, texts, first, 1.0):
                clusters.join(heads, others)
                leaders[others] = False
        return leaders

    def _join_similar(
        self, table: Table, clusters: Clusters, leaders: np.ndarray, first: int, rows: int
    ) -> None:
        for texts, firsts in self._partitions(table, leaders, first, rows).groups():
            for heads, others in _agreeing(table, texts, firsts, self._config.threshold):
                clusters.join(heads, others)

    def _dropped(self, clusters: Clusters, ranks: np.ndarray, earlier: int) -> np.ndarray:
        best = np.memmap(self._folder / "best.u64", np.uint64, "w+", shape=(max(earlier + self.texts, 1),))
        for start in range(0, len(best), CHUNK):
            best[start : start + CHUNK] = np.iinfo(np.uint64).max
        for start in range(0, earlier, CHUNK):
            numbers = np.arange(start, min(start + CHUNK, earlier))
            best[clusters.roots(numbers)] = 0
        for numbers, keys in self._keys(ranks, earlier):
            np.minimum.at(best, clusters.roots(numbers), keys)
        dropped = np.memmap(self._folder / "dropped.u8", np.bool_, "w+", shape=(max(self.texts, 1),))
        for numbers, keys in self._keys(ranks, earlier):
            dropped[numbers - earlier] = best[clusters.roots(numbers)] < keys
        return dropped[: self.texts]

    def _keys(self, ranks: np.ndarray, earlier: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows of the texts, and what they are ordered by in a cluster: rank, then order."""
        for start in range(0, self.texts, CHUNK):
            rank = np.asarray(ranks[start : start + CHUNK]).astype(np.uint64)
            numbers = np.arange(start, start + len(rank)) + earlier
            keys = (rank + np.uint64(1)) << np.uint64(32) | numbers.astype(np.uint64)
            yield numbers, np.where(rank == EARLIER, np.uint64(0), keys)

    def save(self, folder: Path, stays: np.ndarray | None = None) -> int:
        """Write the signatures of the texts that stay (bool of shape (texts,); None: all) for later corpora.

        Returns:
            how many were written: texts that are too short have none.
        """
        signatures, _ = self._own()

        def chunks() -> Iterator[np.ndarray]:
            for start in range(0, self.texts, CHUNK):
                part = np.asarray(signatures[start : start + CHUNK])
                keep = ~are_short(part)
                if stays is not None:
                    keep &= np.asarray(stays[start : start + CHUNK])
                yield part[keep]

        return save(folder, chunks(), self._config)

    def close(self) -> None:
        """Remove everything but what `save` wrote elsewhere."""
        self._signatures.close()
        self._ranks.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _agreeing(
    table: Table, texts: np.ndarray, first: np.ndarray, threshold: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of texts of one group whose signatures agree at `threshold`.

    The first of a group is compared with all others; what is unlike it forms a group again, up to `COMPARED`
    times.

    Args:
        texts: rows of the table, group by group; uint64 of shape (n,).
        first: the position in `texts` of the first of the group of each.
    """
    texts = texts.astype(np.int64)
    for _ in range(COMPARED):
        others = np.flatnonzero(first != np.arange(len(first)))
        if not len(others):
            return
        unlike = []
        for start in range(0, len(others), CHUNK):
            some = others[start : start + CHUNK]
            rows, heads = texts[some], texts[first[some]]
            agrees = (table.take(rows) == table.take(heads)).mean(axis=1) >= threshold - 1e-9
            if agrees.any():
                yield heads[agrees], rows[agrees]
            unlike.append(some[~agrees])
        left = np.concatenate(unlike)
        texts, first = texts[left], first_of_run(first[left])
