"""Run fairseq in child processes, and follow how far it is.

fairseq and torch take seconds to import. A job imports them once and forks a child for each training of one
process, so that many small runs pay for one start, and none of them inherits another's state. A training of
several processes, one a GPU, is started by torchrun.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from downlaw.engine import torchrun, worker
from downlaw.engine.errors import DivergedError, EngineError, StoppedError
from downlaw.engine.log import TrainingLog, read_log

_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Processes:
    """How many processes a training has, on how many nodes, with how many CPU threads each."""

    count: int = 1
    nodes: int = 1
    threads: int = 1


def paste_ready(arguments: Sequence[str]) -> str:
    """The command line that does the same in a shell."""
    return shlex.join(["env", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1", "fairseq-train", *map(str, arguments)])


def train(
    arguments: Sequence[str],
    log_path: Path,
    processes: Processes,
    on_progress: Callable[[TrainingLog], None],
    rule_log: TextIO | None = None,
    check: Callable[[], None] = lambda: None,
) -> TrainingLog:
    """Run fairseq-train to its end in child processes.

    SIGTERM and SIGUSR1 to this process make it save at the next update and end.

    Args:
        log_path: grows by everything that fairseq prints; kept over restarts.
        on_progress: called whenever new figures are there.
        rule_log: gets a copy.
        check: called twice a second; where it raises, the training is killed.

    Raises:
        DivergedError: on a loss or gradients that are not finite.
        StoppedError: where a signal asked for it, after the last update was saved.
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
            if log.read(line):
                on_progress(log)
        if rule_log:
            with contextlib.suppress(OSError):  # a full disk ends a training where it saves, not here
                rule_log.writelines(line + "\n" for line in fresh)
                rule_log.flush()
        check()

    if processes.count == 1:
        worker.import_fairseq()
        child: Child = Forked(lambda: worker.train(list(arguments)), log_path, processes.threads)
    else:
        child = torchrun.Torchrun(arguments, log_path, processes.count, processes.nodes, processes.threads)
    with _stop_signals() as asked:

        def follow_and_ask() -> None:
            if asked:  # again and again: the first may come before anybody listens
                child.ask_to_stop()
            follow()

        code = watch(child, follow_and_ask)
    code = log.outcome or code
    if log.diverged or code == worker.DIVERGED:
        raise DivergedError(log.diverged or f"gradients are not finite after update {log.updates}", log)
    if code == worker.STOPPED:
        name = signal.Signals(asked[0]).name if asked else "a signal"
        raise StoppedError(f"stopped by {name} and saved; run again to go on from there")
    if code != 0:
        raise EngineError(_last_words(log.lines, code, log_path))
    return log


class Child(Protocol):
    """A training or a scoring in processes of its own."""

    def start(self) -> None: ...

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None while it runs."""

    def ask_to_stop(self) -> None:
        """Have a training save at its next update and end."""

    def kill(self) -> None: ...


class Forked:
    """Work in a forked child, whose output is appended to a file; it dies with this process."""

    def __init__(self, work: Callable[[], None], output: Path, threads: int) -> None:
        self._process = multiprocessing.get_context("fork").Process(
            target=_child, args=(work, output, threads, os.getpid()), daemon=True
        )

    def start(self) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        worker.hold_back_signals()
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def wait(self, seconds: float) -> int | None:
        self._process.join(seconds)
        return self._process.exitcode

    def ask_to_stop(self) -> None:
        if self._process.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGUSR1)

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def watch(child: Child, follow: Callable[[], None] = lambda: None) -> int:
    """Run a child to its end; its exit code. `follow` is called twice a second and at the end."""
    child.start()
    try:
        while (code := child.wait(_POLL_SECONDS)) is None:
            follow()
    except BaseException:
        child.kill()
        raise
    follow()
    return code


def run_forked(work: Callable[[], None], output: Path, threads: int) -> int:
    """Run `work` in a forked child whose output is appended to `output`; its exit code."""
    return watch(Forked(work, output, threads))


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Note signals that ask to stop, for the block, instead of dying of them; yields those that came."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # where Python allows no handlers
        yield came
        return
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in worker.STOP_SIGNALS}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _child(work: Callable[[], None], output: Path, threads: int, parent: int) -> None:
    worker.die_with(parent)
    with output.open("ab", buffering=0) as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, closefd=False)
    os._exit(worker.outcome(work, threads))


def _fresh_lines(path: Path, offset: int) -> tuple[list[str], int]:
    with path.open("rb") as stream:
        stream.seek(offset)
        data = stream.read()
    whole = data[: data.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace").splitlines(), offset + len(whole)


def _last_words(lines: list[str], code: int, log_path: Path) -> str:
    if code == worker.DISK_FULL:
        return (
            f"the disk is full: a checkpoint could not be written beside {log_path}; the one before it is "
            "intact. Free some space and run again"
        )
    said = next((line for line in reversed(lines) if line.strip()), "nothing")
    how = f"was killed by signal {-code}" if code < 0 else f"stopped with code {code}"
    return f"fairseq {how}: {said.strip()} (all it said: {log_path})"
