"""What the jobs of one user on one node share: a folder that nobody else can enter, and locks in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

_POLL_SECONDS = 0.2
_SAY_AFTER_SECONDS = 10.0


class NodeError(RuntimeError):
    """A folder on this node cannot be trusted, or its file system locks no files."""


def own_folder(parent: Path) -> Path:
    """`parent`/downlaw-<uid>, made with mode 0700 where it is not there.

    Raises:
        NodeError: where it is a link, or somebody else's.
        OSError: where it cannot be made.
    """
    folder = parent / f"downlaw-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
        raise NodeError(f"{folder} is not a folder of this user, and will not be used; have it removed")
    if stat.S_IMODE(facts.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


class Lock:
    """A lock file. It is let go when every process that has it open is dead, whatever killed them.

    A forked child has it open too: what its parent locked stays locked until both are gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def try_to(self, mode: int) -> bool:
        """Take the lock, or change how it is held, at once or not at all.

        Args:
            mode: fcntl.LOCK_SH or fcntl.LOCK_EX. A failed change lets go of what was held.

        Raises:
            NodeError: where the file system cannot lock.
        """
        while True:
            if self._descriptor is None:
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                self._descriptor = os.open(self.path, flags, 0o600)
            try:
                fcntl.flock(self._descriptor, mode | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError as error:
                self.close()
                raise NodeError(f"{self.path} cannot be locked ({error.strerror})") from None
            if self._is_in_place():
                return True
            self.close()  # its last user removed it between our opening and our locking

    def take(self, mode: int, say_that_it_waits: Callable[[], None]) -> None:
        """Take the lock, once nobody is in the way; says so once if that takes long."""
        begun, said = time.monotonic(), False
        while not self.try_to(mode):
            if not said and time.monotonic() - begun > _SAY_AFTER_SECONDS:
                say_that_it_waits()
                said = True
            time.sleep(_POLL_SECONDS)

    def read(self) -> str:
        """What the holder wrote; empty where there is none, or the file is gone."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def write(self, text: str) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def close(self) -> None:
        """Let go, in this process and in the children that were forked with it."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None

    def _is_in_place(self) -> bool:
        try:
            there = self.path.lstat()
        except FileNotFoundError:
            return False
        ours = os.fstat(self._descriptor)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
