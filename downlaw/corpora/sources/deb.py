"""A Debian package read as an archive: never installed, run or extracted to disk.

A `.deb` is an `ar` archive of `debian-binary`, `control.tar.*` and `data.tar.*` (deb(5)), which Python reads
without dpkg, so that text fetched on a Debian machine can be read on any other.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import zstandard

from ..errors import CorpusError
from .members import MAX_MEMBER_BYTES

MAX_PACKAGE_BYTES = 1024 * 1024 * 1024
"""What all wanted members of a package may take together, unpacked."""

_MAGIC = b"!<arch>\n"
_HEADER = 60
_DAMAGED = (tarfile.TarError, lzma.LZMAError, zlib.error, zstandard.ZstdError, EOFError, ValueError, OSError)


class Deb:
    """The wanted regular files of a package, read into memory in one pass.

    Links are not followed: neither a symbolic nor a hard link is a member, wherever it points.

    Args:
        wanted: tells by its name (`usr/share/man/man1/cp.1.gz`) whether a member is kept.

    Raises:
        CorpusError: for a file that is no complete package, and for members too large to be text.
    """

    def __init__(
        self,
        path: Path,
        wanted: Callable[[str], object] = lambda name: True,
        member_limit: int = MAX_MEMBER_BYTES,
        package_limit: int = MAX_PACKAGE_BYTES,
    ) -> None:
        self.path = path
        self._files: dict[str, bytes] = {}
        try:
            with path.open("rb") as file:
                name, data = _data_part(file)
                with _unpacked(name, data) as raw, tarfile.open(fileobj=raw, mode="r|") as archive:
                    self._keep(archive, wanted, member_limit, package_limit)
        except FileNotFoundError:
            raise CorpusError(f"{path}: no such file") from None
        except CorpusError:
            raise
        except _DAMAGED as error:
            raise CorpusError(
                f"{path}: not a complete Debian package ({error}); delete it and rerun"
            ) from None

    def _keep(
        self, archive: tarfile.TarFile, wanted: Callable[[str], object], member_limit: int, package_limit: int
    ) -> None:
        left = package_limit
        for info in archive:
            name = info.name.removeprefix("./")
            if not info.isreg() or not wanted(name):
                continue
            left -= info.size
            if info.size > member_limit or left < 0:
                what = f"{name} unpacks to" if info.size > member_limit else "its text unpacks to"
                limit = member_limit if info.size > member_limit else package_limit
                raise CorpusError(f"{self.path}: {what} more than {limit >> 20} MiB, too large to be text")
            content = archive.extractfile(info)
            assert content is not None
            self._files[name] = content.read()

    def members(self) -> list[str]:
        """Names of the files, sorted."""
        return sorted(self._files)

    def read(self, member: str, limit: int = MAX_MEMBER_BYTES) -> bytes:
        """The bytes of one member."""
        if member not in self._files:
            raise CorpusError(f"{self.path}: there is no {member} in it; is this another version?")
        return self._files[member]

    def where(self, member: str) -> str:
        """How messages name a member."""
        return f"{self.path}: {member}"


def _data_part(file: IO[bytes]) -> tuple[str, io.BytesIO]:
    """Name and packed bytes of the part `data.tar.*`."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it does not begin as a .deb")
    while header := file.read(_HEADER):
        if len(header) < _HEADER or header[58:] != b"`\n":
            raise ValueError("it was cut short")
        name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
        if name.startswith("data.tar"):
            data = file.read(size)
            if len(data) < size:
                raise ValueError("it was cut short")
            return name, io.BytesIO(data)
        file.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("there is no data.tar in it")


def _unpacked(name: str, data: io.BytesIO) -> IO[bytes]:
    """A stream of the tar within a part, by the end of its name."""
    openers: dict[str, Callable[[io.BytesIO], Any]] = {
        ".tar": lambda raw: raw,
        ".gz": gzip.open,
        ".xz": lzma.open,
        ".bz2": bz2.open,
        ".zst": zstandard.ZstdDecompressor().stream_reader,
    }
    ending = Path(name).suffix
    if ending not in openers:
        raise ValueError(f"{name}: packed in a way that is not known")
    return openers[ending](data)
