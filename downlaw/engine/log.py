"""What fairseq prints about a training, read back, and what a person sees of it."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

OUTCOME = "downlaw worker ends with code "
"""What a worker says at its end: torchrun turns every code into 1."""
_GPU_NAME = re.compile(r"rank\s+0: capabilities.*name = (.+?)\s*(?:;|$)")


@dataclass
class TrainingLog:
    """What fairseq printed about one training.

    Losses are in nats a token; fairseq prints bits. `tokens_per_update` is that of the last updates; `epochs`
    holds, by epoch, the updates done at its end and its mean target tokens an update. `outcome` is
    the largest exit code that a worker of torchrun said it ended with: the others fail because of that one.
    """

    updates: int = 0
    loss: float | None = None
    tokens_per_update: float = 0.0
    epochs: dict[int, tuple[int, float]] = field(default_factory=dict)
    diverged: str = ""
    device: str = "cpu"
    outcome: int = 0
    lines: list[str] = field(default_factory=list)

    def read(self, line: str) -> bool:
        """Take in one line; True where it brings new figures of the last updates."""
        self.lines = [*self.lines[-39:], line]
        if found := _GPU_NAME.search(line):
            self.device = found[1].strip()
        if line.startswith(OUTCOME):
            self.outcome = max(self.outcome, int(line.removeprefix(OUTCOME)))
        *_, logger, said = ("", "", *line.split(" | ", 3))
        if logger not in ("train_inner", "train") or not said.startswith("{"):
            return False
        try:
            entry = json.loads(said)
        except json.JSONDecodeError:
            return False
        if logger == "train":
            updates = int(entry["train_num_updates"])
            self.epochs[int(entry["epoch"])] = (updates, float(entry["train_wpb"]))
            self._check_finite(float(entry["train_loss"]), updates)
            return False
        self.updates = int(entry["num_updates"])
        self.tokens_per_update = float(entry["wpb"])
        self.loss = float(entry["loss"]) * math.log(2)
        self._check_finite(self.loss, self.updates)
        return True

    def _check_finite(self, loss: float, updates: int) -> None:
        if not math.isfinite(loss) and not self.diverged:
            self.diverged = f"training loss is {loss} at update {updates}"

    @property
    def mean_tokens_per_update(self) -> float:
        """Target tokens an update over the whole training; 0 where no epoch has come to its end."""
        total, before = 0.0, 0
        for _, (updates, tokens) in sorted(self.epochs.items()):
            total += tokens * (updates - before)
            before = updates
        return total / before if before else 0.0


def read_log(path: Path, offset: int = 0) -> TrainingLog:
    """The log of a training, over all its restarts; an empty one where there is none.

    Args:
        offset: bytes to leave out at its beginning.
    """
    log = TrainingLog()
    if path.exists():
        for line in path.read_bytes()[offset:].decode("utf-8", "replace").splitlines():
            log.read(line)
    return log


_RECENT_SECONDS = 120.0
_PROGRESS = re.compile(r"^([0-9-]{10} [0-9:]{8},\d{3}) \| \w+ \| train_inner \| (\{.*\})$", re.MULTILINE)


def recent_speed(text: str) -> tuple[float, float] | None:
    """Updates a second and target tokens an update over the last two minutes that the end of a log tells of.

    None where it tells of none. Times are those of the log alone: no clock is compared with another.

    Args:
        text: the end of the log of one start of fairseq; lines that are cut are passed over.
    """
    figures: list[tuple[datetime, int, float]] = []
    for said, entry in reversed(_PROGRESS.findall(text)):
        try:
            told = json.loads(entry)
            figure = (
                datetime.strptime(said, "%Y-%m-%d %H:%M:%S,%f"),
                int(told["num_updates"]),
                float(told["wpb"]),
            )
            if not figures:
                speed_said = float(told["ups"])
        except (ValueError, KeyError):
            continue
        if figures and (figures[0][0] - figure[0]).total_seconds() > _RECENT_SECONDS:
            break
        figures.append(figure)
    if not figures:
        return None
    seconds = (figures[0][0] - figures[-1][0]).total_seconds()
    updates = figures[0][1] - figures[-1][1]
    speed = updates / seconds if seconds > 0 and updates > 0 else speed_said
    tokens = sum(tokens for _, _, tokens in figures) / len(figures)
    return (speed, tokens) if speed > 0 and math.isfinite(speed) else None


@dataclass
class ProgressPrinter:
    """Prints one line every few seconds: how far a training is, tokens/s, and the time left.

    Speed is measured from the first figures on, so that start-up does not count.
    """

    label: str
    last_update: int
    tokens_per_update: float | None = None
    every_seconds: float = 10.0
    write: Callable[[str], Any] = lambda line: print(line, file=sys.stderr, flush=True)
    first: tuple[float, int] | None = None
    printed: float = 0.0

    def __call__(self, log: TrainingLog) -> None:
        now = time.monotonic()
        if self.first is None:
            self.first, self.printed = (now, log.updates), now
        begun, first_update = self.first
        done = log.updates - first_update
        if now - self.printed < self.every_seconds or done <= 0:
            return
        self.printed = now
        per_second = done / (now - begun)
        tokens = self.tokens_per_update or log.tokens_per_update
        left = (self.last_update - log.updates) / per_second
        self.write(
            f"{self.label}: update {log.updates:,}/{self.last_update:,} "
            f"({100 * log.updates / self.last_update:.0f}%), {per_second * tokens:,.0f} tokens/s, "
            f"{int(left) // 60}:{int(left) % 60:02d} left, loss {log.loss:.3f} nats"
        )
