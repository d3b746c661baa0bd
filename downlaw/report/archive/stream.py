"""What comes out of an archive, none of which is believed: names are checked before anything is written."""

from __future__ import annotations

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
_UNCLEAN = re.compile(r"[\x00-\x1f\x7f\\]")


def members(tar: tarfile.TarFile, refuse: Refuse) -> Iterator[Member]:
    """Every member in turn, once its name and its kind are checked.

    Raises:
        ArchiveError: for a path that is absolute or climbs out, a link or a device, a name that comes twice,
            or one that no archive of a study has.
    """
    seen: set[str] = set()
    top = None
    while member := tar.next():
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
        yield name, member


class Frame:
    """The content of one zstd frame as a stream, which must end where the file ends."""

    def __init__(self, stream: BinaryIO, refuse: Refuse) -> None:
        self._stream, self._refuse = stream, refuse
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._ready = bytearray()

    def read(self, size: int) -> bytes:
        while (
            len(self._ready) < size and not self._frame.eof and (packed := self._stream.read(_PACKED_CHUNK))
        ):
            try:
                self._ready += self._frame.decompress(packed)
            except zstandard.ZstdError as error:
                raise self._refuse(f"it is damaged, or no archive of downlaw: {error}") from None
        content = bytes(self._ready[:size])
        del self._ready[:size]
        return content

    def finish(self) -> None:
        """Read to the end, where zstd keeps a checksum of everything.

        Raises:
            ArchiveError: for a file that is cut short, or goes on behind its end.
        """
        while self.read(2**20):
            pass
        if not self._frame.eof:
            raise self._refuse("it is cut short")
        if self._frame.unused_data or self._stream.read(1):
            raise self._refuse("something was added behind its end")
