"""A child process that scores text with models: how it is run, what it says, what it refuses and keeps."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from downlaw.engine import gpus, launch
from downlaw.engine.errors import EngineError
from downlaw.files import write_aside

if TYPE_CHECKING:  # torch is the child's business: it takes seconds to import
    from torch import Tensor

BATCH_TOKENS = {"cpu": 4096, "cuda": 16384}
"""Pieces of a batch, padding included, by device."""

Say = Callable[[str], None]


class InputError(EngineError):
    """Text that a model cannot read; names the file and the segment."""


def in_child(work: Callable[[Say], None], log: Path, threads: int, cuda: bool) -> None:
    """Run `work` in a child process that holds a GPU where it is to use one.

    Args:
        work: gets a function that says one line to the person and to `log`.
        log: grows by all that the child prints.

    Raises:
        EngineError: where the child dies, with its last words.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with gpus.held("cuda" if cuda else "cpu"), os.fdopen(os.dup(2), "w") as terminal:

        def say(line: str) -> None:
            print(line, flush=True)
            with contextlib.suppress(OSError):  # a terminal that was closed ends no job
                print(line, file=terminal, flush=True)

        code = launch.run_forked(lambda: work(say), log, threads)
    if code != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = lines[-1] if lines else "nothing said"
        raise EngineError(f"scoring stopped with code {code}: {said} ({log})")


class Progress:
    """Says every few seconds how far a scoring is: pieces, pieces a second, and the time left."""

    def __init__(self, label: str, pieces: int, say: Say, every_seconds: float = 10.0) -> None:
        self.label, self.pieces, self.say, self.every_seconds = label, pieces, say, every_seconds
        self.done = 0
        self.begun = self.said = time.monotonic()

    def __call__(self, pieces: int) -> None:
        """`pieces` more are scored."""
        self.done += pieces
        now = time.monotonic()
        if now - self.said < self.every_seconds:
            return
        self.said = now
        per_second = self.done / (now - self.begun)
        left = int((self.pieces - self.done) / per_second)
        self.say(
            f"{self.label}: {self.done:,}/{self.pieces:,} pieces ({100 * self.done / self.pieces:.0f}%), "
            f"{per_second:,.0f} pieces/s, {left // 60}:{left % 60:02d} left"
        )


def score_in_batches(
    lengths: Sequence[int],
    score: Callable[[list[int]], Tensor],
    tokens: int,
    progress: Callable[[int], None] = lambda pieces: None,
) -> list[Any]:
    """What `score` gives to each index of a batch, as `tolist` has it, in the order of `lengths`.

    Args:
        lengths: in pieces; what is alike in length is scored together.
        tokens: most pieces of a batch, padding included.
        progress: told how many pieces a batch had, padding left out.
    """
    import torch

    from downlaw.engine.decoding import batches

    found: list[Any] = [None] * len(lengths)
    with torch.inference_mode():
        for batch in batches(lengths, tokens, len(lengths)):
            for index, value in zip(batch, score(batch).tolist(), strict=True):
                found[index] = value
            progress(sum(lengths[index] for index in batch))
    return found


def refuse_foreign_ids(
    prefix: Path, items: Sequence[np.ndarray], vocabulary: int, may_be_empty: bool = False
) -> None:
    """Refuse a dataset with other ids than 0 to `vocabulary` - 1, or with an empty segment.

    Raises:
        InputError: names the file and the segment, counted from 1.
    """
    for number, ids in enumerate(items, start=1):
        if (not may_be_empty) if len(ids) == 0 else ids.max() >= vocabulary:
            raise InputError(
                f"{prefix}.bin: segment {number} is empty or of another vocabulary than the model's "
                f"{vocabulary:,} pieces"
            )


def write_rows(path: Path, rows: Iterable[Any]) -> None:
    """One JSON value a line, whole or not at all."""
    with write_aside(path) as aside:
        aside.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
