"""Run fairseq in a child process, and say how far it is.

fairseq and torch take seconds to import. A job imports them once and forks a child for each training, so that
many small runs pay for one start, and none of them inherits another's state.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import logging
import math
import multiprocessing
import os
import re
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

_DIVERGED = 76
_DISK_FULL = 77
_DISK_FULL_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.5
_GPU_NAME = re.compile(r"rank\s+0: capabilities.*name = (.+?)\s*(?:;|$)")


class EngineError(RuntimeError):
    """fairseq stopped for a reason that is not in the study."""


class DivergedError(RuntimeError):
    """A loss or gradient that is not finite: a result, not a crash. Carries the log up to there."""

    def __init__(self, reason: str, log: TrainingLog) -> None:
        super().__init__(reason)
        self.log = log


@dataclass
class TrainingLog:
    """What fairseq printed about one training.

    Losses are in nats a token; fairseq prints bits. `tokens_per_update` is that of the last updates; `epochs`
    holds, by epoch, the updates done at its end and its mean target tokens an update.
    """

    updates: int = 0
    loss: float | None = None
    tokens_per_update: float = 0.0
    epochs: dict[int, tuple[int, float]] = field(default_factory=dict)
    diverged: str = ""
    device: str = "cpu"
    lines: list[str] = field(default_factory=list)

    def read(self, line: str) -> bool:
        """Take in one line; True where it brings new figures of the last updates."""
        self.lines = [*self.lines[-39:], line]
        if found := _GPU_NAME.search(line):
            self.device = found[1].strip()
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


def read_log(path: Path) -> TrainingLog:
    """The log of a training, over all its restarts; an empty one where there is none."""
    log = TrainingLog()
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            log.read(line)
    return log


def paste_ready(arguments: Sequence[str]) -> str:
    """The command line that does the same in a shell."""
    return shlex.join(["env", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1", "fairseq-train", *map(str, arguments)])


def train(
    arguments: Sequence[str],
    log_path: Path,
    threads: int,
    on_progress: Callable[[TrainingLog], None],
    rule_log: TextIO | None = None,
) -> TrainingLog:
    """Run fairseq-train to its end in a child process.

    Args:
        log_path: grows by everything that fairseq prints; kept over restarts.
        on_progress: called whenever new figures are there.
        rule_log: gets a copy.

    Raises:
        DivergedError: on a loss or gradients that are not finite.
        EngineError: where fairseq stops for another reason, with its last words.
    """
    log = TrainingLog(epochs=read_log(log_path).epochs)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("a", encoding="utf-8") as stream:
        stream.write(f"$ {paste_ready(arguments)}\n")
    if rule_log:
        rule_log.write(f"$ {paste_ready(arguments)}\n")
    offset = log_path.stat().st_size

    def follow() -> None:
        nonlocal offset
        fresh, offset = _fresh_lines(log_path, offset)
        for line in fresh:
            if rule_log:
                rule_log.write(line + "\n")
            if log.read(line):
                on_progress(log)
        if rule_log:
            rule_log.flush()

    import_fairseq()
    code = run_forked(lambda: _fairseq_train(list(arguments)), log_path, threads, follow)
    if log.diverged or code == _DIVERGED:
        raise DivergedError(log.diverged or f"gradients are not finite after update {log.updates}", log)
    if code != 0:
        raise EngineError(_last_words(log.lines, code, log_path))
    return log


def run_forked(
    work: Callable[[], None], output: Path, threads: int, follow: Callable[[], None] = lambda: None
) -> int:
    """Run `work` in a forked child whose output is appended to `output`; its exit code.

    The child dies with this process, whatever kills it. `follow` is called twice a second and at the end.
    """
    child = multiprocessing.get_context("fork").Process(
        target=_child, args=(work, output, threads, os.getpid()), daemon=True
    )
    child.start()
    try:
        while child.exitcode is None:
            child.join(_POLL_SECONDS)
            follow()
    except BaseException:
        child.kill()
        child.join()
        raise
    follow()
    return child.exitcode


def import_fairseq() -> None:
    """Import what every child needs, once.

    The first optimizer would import `torch._dynamo`: seconds in every child, if it were not here.
    """
    logging.getLogger("fairseq.tasks.text_to_speech").setLevel(logging.ERROR)  # it asks for tensorboardX
    import fairseq.sequence_generator  # noqa: F401
    import fairseq_cli.train  # noqa: F401
    import torch._dynamo  # noqa: F401


def _child(work: Callable[[], None], output: Path, threads: int, parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    with output.open("ab", buffering=0) as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, closefd=False)
    # fairseq's checkpoints hold its own classes; only checkpoints of this pipeline are ever loaded.
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    import torch

    torch.set_num_threads(threads)
    code = 1
    try:
        work()
        code = 0
    except BaseException as error:
        code = _exit_code(error)
        with contextlib.suppress(OSError):  # the log may lie on the same full disk
            traceback.print_exc()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(code)


def _exit_code(error: BaseException | None) -> int:
    """What went wrong, wherever it stands in the chain of exceptions.

    On gradients that are not finite fairseq runs the batch again under hooks that say where, and these hooks
    fail in turn.
    """
    while error is not None:
        if isinstance(error, FloatingPointError):
            return _DIVERGED
        if isinstance(error, OSError) and error.errno in _DISK_FULL_ERRORS:
            return _DISK_FULL
        error = error.__cause__ or error.__context__
    return 1


def _fairseq_train(arguments: list[str]) -> None:
    logging.basicConfig(
        format="%(asctime)s | %(levelname)s | %(name)s | %(message)s",
        level=logging.INFO,
        force=True,
        stream=sys.stdout,
    )
    from fairseq_cli.train import cli_main

    sys.argv = ["fairseq-train", *arguments]
    cli_main()


def _fresh_lines(path: Path, offset: int) -> tuple[list[str], int]:
    with path.open("rb") as stream:
        stream.seek(offset)
        data = stream.read()
    whole = data[: data.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace").splitlines(), offset + len(whole)


def _last_words(lines: list[str], code: int, log_path: Path) -> str:
    if code == _DISK_FULL:
        return (
            f"the disk is full: a checkpoint could not be written beside {log_path}; the one before it is "
            "intact. Free some space and run again"
        )
    said = next((line for line in reversed(lines) if line.strip()), "nothing")
    how = f"was killed by signal {-code}" if code < 0 else f"stopped with code {code}"
    return f"fairseq {how}: {said.strip()} (all it said: {log_path})"


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
