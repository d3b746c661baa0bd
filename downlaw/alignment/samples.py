"""Bounded, seeded samples of a mixture and of a task, laid out alike: windows of pieces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from downlaw.corpora.tokenizer import EOS
from downlaw.engine.mmap import read_dataset

WINDOW = 32
"""Pieces of a window, or those of a block where that is shorter."""

SIDES = ("source", "target")


def read_segments(folder: Path, split: str, side: str, limit: int | None = None) -> list[np.ndarray]:
    """Segments of one side of a prepared task without their end mark, `limit` pieces or a few more if there
    are so many.

    Raises:
        ValueError: for test text, which is not for measuring.
    """
    if split == "test":
        raise ValueError("test text is not for measuring how close a mixture is")
    items = read_dataset(folder / f"{split}.{side}", limit)  # an item is a piece at least
    if limit is not None:
        enough = sum(total < limit for total in accumulate(len(item) - 1 for item in items)) + 1
        items = items[:enough]
    return [item[:-1] if len(item) and item[-1] == EOS else item for item in items]


def spread(there: int, wanted: int, generator: np.random.Generator) -> np.ndarray:
    """Which of `there` things to take: one at random of each of `wanted` equal stretches, or all. Rising.

    Every n-th would not do: the components of a mixture take turns, perhaps every n-th block.
    """
    if wanted >= there:
        return np.arange(there)
    ends = np.arange(wanted + 1) * there // wanted
    return ends[:-1] + (generator.random(wanted) * np.diff(ends)).astype(np.int64)


def sample_blocks(blocks: Sequence[np.ndarray], pieces: int, generator: np.random.Generator) -> np.ndarray:
    """Whole blocks of about `pieces` pieces in all, spread over a mixture, shape (blocks, pieces a block)."""
    if not len(blocks):
        return np.empty((0, 1), dtype=np.int64)
    chosen = spread(len(blocks), max(1, pieces // len(blocks[0])), generator)
    return np.stack([np.asarray(blocks[index]) for index in chosen]).astype(np.int64)


def sample_windows(
    blocks: Sequence[np.ndarray], count: int, length: int, generator: np.random.Generator
) -> np.ndarray:
    """One window of `length` pieces from each of `count` blocks, or from all, in the order of the mixture;
    shape (windows, length)."""
    chosen = spread(len(blocks), count, generator)
    starts = generator.integers(0, [len(blocks[index]) - length + 1 for index in chosen])
    windows = [blocks[index][start : start + length] for index, start in zip(chosen, starts, strict=True)]
    return np.array(windows, dtype=np.int64).reshape(len(chosen), length)


def task_windows(folder: Path, side: str, count: int, length: int, seed: int) -> np.ndarray:
    """At most `count` windows of one side of a task, of validation text and then of as many training pairs
    as it takes: shuffled, joined and cut as a mixture is. Shape (windows, length)."""
    segments = read_segments(folder, "valid", side)
    missing = count * length - sum(map(len, segments))
    if missing > 0:
        segments += read_segments(folder, "train", side, missing + length)
    order = np.random.default_rng(seed).permutation(len(segments))
    stream = np.concatenate([segments[index] for index in order])
    whole = min(count, len(stream) // length)
    return stream[: whole * length].reshape(whole, length).astype(np.int64)
