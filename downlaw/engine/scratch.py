"""Read a training's data from a disk of the node: copied once for all jobs there, and verified.

Only what is read changes place. A training is told where its data lies in the results, so that neither
records nor checkpoints name a folder of a node.
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import functools
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from downlaw.console import say
from downlaw.engine.node import Lock, NodeError, own_folder
from downlaw.engine.view import files_of_view, view_files
from downlaw.files import digest, read_json, sha256_of_file

COPIES = "DOWNLAW_COPIES"
"""The environment variable that tells the processes of a training which folder to read instead of another."""

_TOO_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_brought = ExitStack()
atexit.register(_brought.close)


class ScratchError(RuntimeError):
    """`compute.scratch` names no folder that can be used, or data is not what its manifest says."""


class _UnfitError(Exception):
    """Why data is better read where it is."""


@contextmanager
def on_scratch(folder: Path, scratch: str | None) -> Iterator[Path]:
    """A copy of a data folder on the node for the block, or the folder itself.

    All jobs of a user on a node share one copy. It is removed when the last of them leaves; what a killed job
    left is used or removed by the next one.

    Args:
        folder: a mixture or a finetuning subset, with the sha256 of its data in manifest.json.
        scratch: `compute.scratch`; environment variables are expanded. None: no copy.

    Yields:
        the folder to read: `folder` too where scratch is too small or cannot lock, which is said.

    Raises:
        ScratchError: where the key does not name a folder that can be written to, or a file of `folder` is
            not what its manifest says.
    """
    if scratch is None:
        yield folder
        return
    place = _place(scratch)
    with ExitStack() as stack:
        try:
            copy = stack.enter_context(_shared_copy(folder, place))
        except (_UnfitError, NodeError) as reason:
            say(f"compute.scratch: {reason}; {folder} is read where it is")
            copy = folder
        yield copy


@functools.cache
def read_from_scratch(folder: Path, scratch: str | None) -> None:
    """Have the trainings that this process starts read a data folder from scratch, until the process ends."""
    copy = _brought.enter_context(on_scratch(folder, scratch))
    if copy != folder:
        os.environ[COPIES] = json.dumps({**_copies(), str(folder): str(copy)})


def read_copies() -> None:
    """In a process of fairseq: read datasets from their copies."""
    copies = {folder: copy for folder, copy in _copies().items() if os.path.isdir(copy)}
    if not copies:
        return
    from fairseq.data import data_utils

    as_usual = data_utils.load_indexed_dataset

    @functools.wraps(as_usual)
    def load_indexed_dataset(path: str, *arguments, **options):
        folder, name = os.path.split(path)
        return as_usual(os.path.join(copies.get(folder, folder), name), *arguments, **options)

    data_utils.load_indexed_dataset = load_indexed_dataset


def _copies() -> dict[str, str]:
    return json.loads(os.environ.get(COPIES, "{}"))


def _place(scratch: str) -> Path:
    """This user's folder on the scratch of this node."""
    path = os.path.expanduser(os.path.expandvars(scratch))
    on = f"on {socket.gethostname()}"
    if unset := re.search(r"\$\{?\w+\}?", path):
        raise ScratchError(
            f"compute.scratch: {unset[0]} is not set {on}; name a variable that is, or a folder"
        )
    if not os.path.isabs(path):
        raise ScratchError(f'compute.scratch: {scratch} is "{path}" {on}; it must be a path from the root')
    if not os.path.isdir(path):
        raise ScratchError(f"compute.scratch: {path} is not a folder {on}; make it, or leave the key out")
    try:
        place = own_folder(Path(path))
        if os.access(place, os.W_OK):
            return place
        problem = "it is read-only"
    except (OSError, NodeError) as error:
        problem = str(error)
    raise ScratchError(f"compute.scratch: {path} cannot be written to {on} ({problem})")


@contextmanager
def _shared_copy(folder: Path, place: Path) -> Iterator[Path]:
    expected = _expected(folder)
    name = digest(expected)
    copy, lock = place / name, Lock(place / f"{name}.lock")

    def waiting() -> None:
        say(f"waiting for another job to copy {folder} to {copy}")

    try:
        made = False
        while True:
            lock.take(fcntl.LOCK_SH, waiting)
            if copy.exists() and (made or _is_whole(copy, expected)):
                break
            if not copy.exists():
                lock.take(fcntl.LOCK_EX, waiting)
            elif not lock.try_to(fcntl.LOCK_EX):
                raise _UnfitError(f"{copy} is damaged, and other jobs read it")
            if not copy.exists() or not _is_whole(copy, expected):  # another job may have made it just now
                _remove_unused(place)
                _discard(copy)
                _make(folder, copy)
            made = True
        yield copy
    finally:
        _leave(copy, lock)


def _leave(copy: Path, lock: Lock) -> None:
    """Remove a copy that nobody uses any more, and its lock file."""
    if lock.try_to(fcntl.LOCK_EX):
        _discard(copy)
        lock.path.unlink(missing_ok=True)
    lock.close()


def _remove_unused(place: Path) -> None:
    """Remove what jobs left that were killed."""
    for path in place.glob("*.lock"):
        other = Lock(path)
        if other.try_to(fcntl.LOCK_EX):
            _leave(path.with_suffix(""), other)
        other.close()


def _discard(copy: Path) -> None:
    """Remove a copy and its beginnings; under its name there is never a part of it."""
    beginnings = copy.with_name(f"{copy.name}.part")
    shutil.rmtree(beginnings, ignore_errors=True)
    if copy.exists():
        os.rename(copy, beginnings)
        shutil.rmtree(beginnings, ignore_errors=True)


def _expected(folder: Path) -> dict[str, str]:
    """The sha256 of each file that a training reads: the manifest's word for data."""
    return {name: sha256 for name, (_, sha256) in _files(folder).items()}


def _files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Each file that a training reads and its sha256, by its name in a copy."""
    others = [folder / "manifest.json", *folder.glob("dict*.txt")]
    files = {path.name: (path, sha256_of_file(path)) for path in sorted(others)}
    if view_files(folder / "train")[0].exists():
        return files | files_of_view(folder / "train")
    listed = read_json(folder / "manifest.json")["sha256"]
    return files | {name: (folder / name, sha256) for name, sha256 in listed.items()}


def _is_whole(copy: Path, expected: Mapping[str, str]) -> bool:
    try:
        return all(sha256_of_file(copy / name) == sha256 for name, sha256 in expected.items())
    except OSError:
        return False


def _make(folder: Path, copy: Path) -> None:
    files = _files(folder)
    needed = sum(path.stat().st_size for path, _ in files.values())
    free = shutil.disk_usage(copy.parent).free
    if needed > free:
        raise _UnfitError(
            f"{copy.parent} has {free / 1e9:,.1f} GB free, the data takes {needed / 1e9:,.1f} GB"
        )
    aside = copy.with_name(f"{copy.name}.part")
    try:
        aside.mkdir()
        for name, (path, sha256) in files.items():
            shutil.copyfile(path, aside / name)
            if sha256_of_file(aside / name) == sha256:
                continue
            if sha256_of_file(path) == sha256:
                raise _UnfitError(f"{aside.parent} gives back other bytes than were written to it")
            made = path if path.parent != folder else folder
            raise ScratchError(
                f"{path} is not what its manifest says (its sha256 differs); delete {made} and run again to "
                "make it anew"
            )
        os.rename(aside, copy)
    except OSError as error:
        reason = "it is full" if error.errno in _TOO_FULL else str(error)
        raise _UnfitError(f"the data was not copied to {aside.parent}: {reason}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
