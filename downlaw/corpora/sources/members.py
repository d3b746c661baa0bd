"""What extractors read: named members of one package or of several, in memory and never unpacked to disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..errors import CorpusError

MAX_MEMBER_BYTES = 256 * 1024 * 1024


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
