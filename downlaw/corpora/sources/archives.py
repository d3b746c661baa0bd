"""Members of zip and tar archives, copied one by one to places of our choice."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..errors import CorpusError

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


@contextmanager
def readable(where: str) -> Iterator[None]:
    """Turn what damaged archives and compressed files raise into a CorpusError that starts with `where`."""
    try:
        yield
    except _BROKEN as error:
        raise CorpusError(f"{where}: damaged ({error}); run again to download it anew") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise CorpusError(f"{where}: damaged ({error}); run again to download it anew") from None


def is_archive(path: Path) -> bool:
    """Whether a file is a zip, or a tar, compressed or not."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def members(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    """(name, stream) of every regular file in an archive, in its order; links and devices are passed over."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    with archive.open(info) as stream:
                        yield info.filename, stream  # type: ignore[misc]
    else:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and (stream := archive.extractfile(member)):
                    with stream:
                        yield member.name, stream  # type: ignore[misc]


def copy_members(path: Path, place: Callable[[str], Path | None], where: str) -> list[str]:
    """Copy the members for which `place` gives a path; returns their names.

    Raises:
        CorpusError: starting with `where`, for a damaged archive.
    """
    copied = []
    with readable(where):
        for name, stream in members(path):
            if target := place(name):
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(stream, file, 1 << 20)
                copied.append(name)
    return copied


def within(folder: Path, name: str, where: str) -> Path:
    """Where a member goes below `folder`.

    Raises:
        CorpusError: for a name that leads out of it.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise CorpusError(f"{where}: refused: its member {name!r} would be written outside its folder")
    return folder.joinpath(*path.parts)
