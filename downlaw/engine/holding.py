"""Who trains in a folder: one process at a time, on whatever node.

A holder has the folder's `.lock` (flock) and tells in `holder.json` who it is, with a beat that counts up
while it lives. flock alone does not do: some shared file systems refuse it or keep it to one node, and it
dies with its process, when another node still has to know. Clocks are not compared: a holder on another node
is dead when its beat has stood still while somebody watched.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TextIO

from downlaw.engine.errors import EngineError
from downlaw.files import write_aside

HOLDER = "holder.json"
LOCK = ".lock"
BEAT_SECONDS = 10.0
_SILENCE = 3.5
"""Beats that a living holder cannot miss."""
_LOOK_SECONDS = 1.0
_SAY_SECONDS = 60.0
_FLOCK_REFUSED = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}

_held_here: set[str] = set()
# A fork must not happen while the beat is being written: the child would inherit a lock that nobody opens.
_writing = threading.Lock()
os.register_at_fork(
    before=_writing.acquire, after_in_parent=_writing.release, after_in_child=_writing.release
)


@dataclass(frozen=True)
class Holder:
    """Who trains, and how far it is.

    Attributes:
        processes: names the space of process numbers that `pid` is one of.
        started: when the process started, in the kernel's ticks; a number that is used again differs.
        job: the Slurm job, if there is one.
        seconds: how long it has trained.
        versions: of the software that it trains with.
        log_bytes: how long the training's log was when it began to train; None before.
    """

    host: str
    processes: str
    pid: int
    started: int
    job: str | None
    token: str
    label: str = ""
    beat: int = 0
    from_update: int = 0
    update: int = 0
    updates: int = 0
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    log_bytes: int | None = None

    def __str__(self) -> str:
        job = f", Slurm job {self.job}" if self.job else ""
        return f"process {self.pid} on {self.host}{job}"


def read_holder(folder: Path) -> Holder | None:
    """Who holds a training folder, or held it and died; None where nobody does."""
    try:
        told = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        known = {one.name for one in fields(Holder)}
        return Holder(**{name: value for name, value in told.items() if name in known})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError):  # being written, or cut short by a full disk
        return Holder("a host that is not known", "", 0, 0, None, "")


def has_died(holder: Holder) -> bool | None:
    """Whether a holder on this machine has ended; None where it is on another one."""
    if holder.processes != _process_space():
        return None
    if holder.pid == os.getpid() and holder.token not in _held_here:
        return True  # an earlier training of this very process
    return _started(holder.pid) != holder.started


class Hold:
    """A held folder. `previous` is the holder before, if it died here without a word."""

    def __init__(self, folder: Path, me: Holder, previous: Holder | None) -> None:
        self._path = folder / HOLDER
        self._me = me
        self._begun = time.monotonic()
        self._over = threading.Event()
        self.previous = previous
        self.lost = False

    def tell(self, **progress: Any) -> None:
        """Set fields of the holder; they are written with the next beat."""
        self._me = replace(self._me, **progress)

    def check(self) -> None:
        """Raises EngineError where another process took the folder, thinking that this one was dead."""
        if self.lost:
            raise EngineError(
                f"{self._path.parent} was taken over by {read_holder(self._path.parent)}, because this "
                "process was silent for too long; that one goes on from the last save"
            )

    def _beats(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            with suppress(OSError):  # a full disk is reported by the training
                self.write()

    def write(self) -> None:
        """Write the next beat, unless the folder was taken over."""
        with _writing:
            holder = read_holder(self._path.parent)
            if holder and holder.token != self._me.token:
                self.lost = True
                self._over.set()
                return
            seconds = round(time.monotonic() - self._begun, 1)
            self._me = replace(self._me, beat=self._me.beat + 1, seconds=seconds)
            _write(self._path, self._me)

    def start(self) -> None:
        threading.Thread(target=self._beats, daemon=True).start()

    def stop(self, done: bool) -> None:
        """End the beats; unless `done`, the holder's file stays as that of a training that died."""
        self._over.set()
        with _writing:
            holder = read_holder(self._path.parent)
            if done and holder and holder.token == self._me.token:
                self._path.unlink(missing_ok=True)


@contextmanager
def hold(folder: Path, label: str, say: Callable[[str], None]) -> Iterator[Hold]:
    """Hold a training folder for the block; wait for a living holder first.

    Where the block raises, the holder's file stays: how far a training was when it died.

    Raises:
        OSError: where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    me = _myself(label)
    with (folder / LOCK).open("w") as lock:
        previous = _wait_until_free(folder, lock, say)
        while not _claim(folder / HOLDER, me, previous):
            previous = _wait_until_free(folder, lock, say)
        held = Hold(folder, me, previous)
        held.start()
        _held_here.add(me.token)
        done = False
        try:
            yield held
            done = True
        finally:
            held.stop(done)
            _held_here.discard(me.token)


def _wait_until_free(folder: Path, lock: TextIO, say: Callable[[str], None]) -> Holder | None:
    """The dead holder that left its file, or None where nobody did."""
    said = -_SAY_SECONDS
    while True:
        free = _flock(lock)
        holder = read_holder(folder)
        if free and (holder is None or _is_dead(folder, holder)):
            return holder
        if time.monotonic() - said >= _SAY_SECONDS:
            said = time.monotonic()
            say(f"{folder} is being trained by {holder or 'another process'}; waiting for it to end")
        time.sleep(_LOOK_SECONDS)


def _is_dead(folder: Path, holder: Holder) -> bool:
    """Whether a holder has ended, or is silent for longer than a living one can be."""
    dead = has_died(holder)
    if dead is not None:
        return dead
    watched = time.monotonic()
    while time.monotonic() - watched < _SILENCE * BEAT_SECONDS:
        time.sleep(_LOOK_SECONDS)
        if read_holder(folder) != holder:
            return False
    return True


def _claim(path: Path, me: Holder, dead: Holder | None) -> bool:
    """Put `me` in the place of a dead holder; False where another process was faster."""
    if dead is not None:
        aside = path.with_name(f".{HOLDER}.{me.token}.part")
        try:
            os.rename(path, aside)
        except FileNotFoundError:
            return False
        taken = json.loads(text) if (text := aside.read_text(encoding="utf-8")).endswith("}\n") else {}
        if taken.get("token", dead.token) != dead.token:  # somebody claimed it in between: give it back
            with suppress(FileExistsError), path.open("x", encoding="utf-8") as stream:
                stream.write(text)
            aside.unlink()
            return False
        aside.unlink()
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(_text(me))
    except FileExistsError:
        return False
    return True


def _flock(lock: TextIO) -> bool:
    """Whether no process that this file system knows of has the lock."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _FLOCK_REFUSED
    return True


def _write(path: Path, holder: Holder) -> None:
    with write_aside(path) as aside:
        aside.write_text(_text(holder), encoding="utf-8")


def _text(holder: Holder) -> str:
    return json.dumps(asdict(holder)) + "\n"


def _myself(label: str) -> Holder:
    pid = os.getpid()
    job = os.environ.get("SLURM_JOB_ID")
    return Holder(
        socket.gethostname(), _process_space(), pid, _started(pid) or 0, job, secrets.token_hex(8), label
    )


def _process_space() -> str:
    """Differs between machines, between boots of one, and between containers on one."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {os.readlink('/proc/self/ns/pid')}"


def _started(pid: int) -> int | None:
    """When a process started, in ticks since boot; None where there is none, or a zombie."""
    try:
        state, *numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (OSError, ValueError):
        return None
    return None if state == "Z" else int(numbers[18])
