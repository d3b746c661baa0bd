"""What comes out of an archive, none of which is believed: names are checked before anything is written."""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

import zstandard

from .contents import CRATE, belongs
from .errors import ArchiveError

Refuse = Callable[[str], ArchiveError]
"""Makes an error of what is wrong."""

Member = tuple[str, tarfile.TarInfo]
"""A member, and its name below the archive's one folder."""

_PACKED_CHUNK = 2**12
"""Small, since 3 bytes of zstd can stand for 128 KiB."""
_LONGEST_HEADER = 2**20
"""tarfile reads a header into memory, whatever size it says it has."""
_SKIPPABLE = 0x184D2A50.to_bytes(4, "little")
_UNCLEAN = re.compile(r"[\x00-\x1f\x7f\\]")


def members(tar: tarfile.TarFile, frame: Frame, refuse: Refuse) -> Iterator[Member]:
    """Every member in turn, once its name and its kind are checked.

    Raises:
        ArchiveError: for a path that is absolute or climbs out, a link or a device, a name that comes twice,
            or one that no archive of a study has.
    """
    seen: set[str] = set()
    top = None
    while True:
        frame.allow(_LONGEST_HEADER)
        if not (member := tar.next()):
            return
        tar.members.clear()  # it would keep them all
        parts = member.name.split("/")
        shown = repr(member.name)
        if member.name.startswith("/"):
            raise refuse(f"the member {shown} is an absolute path")
        if {"", ".", ".."} & set(parts) or _UNCLEAN.search(member.name):
            raise refuse(f"the member {shown} points outside the archive, or is no clean path")
        if member.type != tarfile.REGTYPE or member.sparse:
            raise refuse(f"the member {shown} is a link, a device or no plain file")
        if member.name in seen:
            raise refuse(f"it holds {shown} twice")
        seen.add(member.name)
        top = top or parts[0]
        name = "/".join(parts[1:])
        if parts[0] != top or not (belongs(name) or name.startswith("archive/") or name == CRATE):
            raise refuse(f"the member {shown} does not belong into the archive of a study")
        frame.allow(_LONGEST_HEADER + member.size)
        yield name, member


class Frame:
    """The content of one zstd frame as a stream, which must end where the file ends."""

    def __init__(self, stream: BinaryIO, refuse: Refuse) -> None:
        self._stream, self._refuse = stream, refuse
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = bytearray()
        self._allowed = _LONGEST_HEADER
        self._sha256 = hashlib.sha256()

    def allow(self, size: int) -> None:
        """How much may be read until this is called again."""
        self._allowed = size

    def read(self, size: int) -> bytes:
        while (
            len(self._ready) < size and not self._frame.eof and (packed := self._stream.read(_PACKED_CHUNK))
        ):
            try:
                self._ready += self._frame.decompress(packed)
            except zstandard.ZstdError as error:
                raise self._refuse(f"it is damaged, or no archive of downlaw: {error}") from None
            self._sha256.update(packed[: len(packed) - len(self._frame.unused_data)])
        content = bytes(self._ready[:size])
        del self._ready[:size]
        self._allowed -= len(content)
        if self._allowed < 0:
            raise self._refuse("it is damaged: something in it is longer than it can be")
        return content

    def finish(self) -> None:
        """Read to the end, and compare the hash that is there with all that came before.

        Raises:
            ArchiveError: for a file that is cut short, was changed anywhere, or goes on behind its end.
        """
        self.allow(_LONGEST_HEADER)
        while self.read(2**16):
            pass
        expected = seal(self._sha256.digest())
        found = self._frame.unused_data + self._stream.read(len(expected) + 1)
        if not self._frame.eof or len(found) < len(expected):
            raise self._refuse("it is cut short")
        if len(found) > len(expected):
            raise self._refuse("something was added behind its end")
        if found != expected:
            raise self._refuse("it is damaged: its SHA-256 is not the one at its end")


def seal(sha256: bytes) -> bytes:
    """What ends an archive: the hash of all before, as a frame that zstd skips."""
    return _SKIPPABLE + len(sha256).to_bytes(4, "little") + sha256
