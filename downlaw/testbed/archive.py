"""The files of a public testbed: fetched by commit, or read from a local copy, always in memory.

GitHub makes archives of a commit anew and does not promise the same bytes for ever. So it is the members that
are verified: a hash over the path and the content of each one that is read.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO

from downlaw.files import write_aside

from .errors import TestbedError

COMMIT = "a003c4913793ac2ae7ef87b28ecb562955d026d5"
URL = f"https://codeload.github.com/mlfoundations/scaling/tar.gz/{COMMIT}"
MEMBERS_SHA256 = "e920ded82015714b4f26ba2d45e97389e9c59dd4bd26d1d8c60b884c0b087db2"
"""members_sha256 of the 208 files of runs at that commit."""

MAX_ARCHIVE_BYTES = 256 * 2**20
MAX_MEMBER_BYTES = 2**20
MAX_MEMBERS = 2000
TIMEOUT_SECONDS = 60

DATA = "exp_data"
FOLDERS = ("models", "evals")

Opener = Callable[[str], IO[bytes]]


@dataclass(frozen=True)
class Archive:
    """members: content by path, `models/NAME.json` and `evals/NAME.json`, in the order of their paths.
    source: where it was read, for people. published: whether the members are those of the published
    commit."""

    members: dict[str, bytes]
    source: str
    published: bool


def open_archive(archive: Path | str | None = None, opener: Opener | None = None) -> Archive:
    """The testbed from a local copy, a .tar.gz or a folder, or fetched from GitHub where none is given.

    A fetched archive is kept in the user's cache folder (see cache_folder) and read there the next time.

    Args:
        opener: opens a URL as a binary stream; urllib.request.urlopen by default.

    Raises:
        TestbedError: where there is no such file, it cannot be fetched, is damaged, holds odd paths or
            links, or a fetched one is not the published testbed.
    """
    if archive is not None:
        members = read_members(Path(archive))
        return Archive(members, str(archive), members_sha256(members) == MEMBERS_SHA256)
    path = cache_folder() / f"gadre2024-{COMMIT}.tar.gz"
    if not path.exists():
        _fetch(path, opener or _urlopen)
    members = read_members(path)
    if members_sha256(members) != MEMBERS_SHA256:
        raise TestbedError(f"{path} is not the testbed of {URL}; remove it, and it is fetched again")
    return Archive(members, URL, True)


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/downlaw, or ~/.cache/downlaw."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "downlaw"


def members_sha256(members: dict[str, bytes]) -> str:
    """One hash over all members: of lines `SHA-256 of the content, two spaces, path`, sorted by path."""
    lines = (f"{hashlib.sha256(members[path]).hexdigest()}  {path}\n" for path in sorted(members))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_members(path: Path) -> dict[str, bytes]:
    """The runs' files of a .tar.gz or a folder, by path below `exp_data`. Nothing is written anywhere.

    Raises TestbedError for what open_archive lists.
    """
    if path.is_dir():
        found = dict(sorted(_of_folder(path)))
    elif path.exists():
        try:
            with tarfile.open(path, "r:*") as archive:
                found = dict(sorted(_of_tar(path, archive)))
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise TestbedError(f"{path} cannot be read as a tar archive: {error}") from None
    else:
        raise TestbedError(f"{path}: there is no such file or folder")
    for folder in FOLDERS:
        if not any(name.startswith(f"{folder}/") for name in found):
            raise TestbedError(f"{path} holds no {DATA}/{folder}/*.json; is it the testbed?")
    return found


def _of_tar(path: Path, archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    seen = set()
    for member in archive:
        parts = member.name.split("/")
        if member.name.startswith("/") or ".." in parts or "\\" in member.name:
            raise TestbedError(f"{path}: {member.name!r} points outside the archive; it is not read")
        name = _below_data(parts)
        if name is None or member.isdir():
            continue
        if not member.isfile():
            raise TestbedError(f"{path}: {member.name} is a link or no plain file; it is not read")
        if name in seen:
            raise TestbedError(f"{path} holds {member.name} twice")
        seen.add(name)
        _check_size(f"{path}: {member.name}", member.size, len(seen))
        yield name, archive.extractfile(member).read()


def _of_folder(path: Path) -> Iterator[tuple[str, bytes]]:
    roots = [root for root in (path, *sorted(path.iterdir())) if (root / DATA).is_dir()]
    if len(roots) != 1:
        raise TestbedError(f"{path} holds {len(roots)} folders {DATA}, not one; is it the testbed?")
    number = 0
    for folder in FOLDERS:
        for file in sorted((roots[0] / DATA / folder).glob("*.json")):
            if file.is_symlink() or not file.is_file():
                raise TestbedError(f"{file} is a link or no plain file; it is not read")
            number += 1
            _check_size(str(file), file.stat().st_size, number)
            yield f"{folder}/{file.name}", file.read_bytes()


def _below_data(parts: list[str]) -> str | None:
    """`models/NAME.json` for the parts of TOP/exp_data/models/NAME.json, None for any other path."""
    match parts:
        case [_, data, folder, name] if data == DATA and folder in FOLDERS and name.endswith(".json"):
            return f"{folder}/{name}"
    return None


def _check_size(what: str, size: int, number: int) -> None:
    if size > MAX_MEMBER_BYTES:
        raise TestbedError(f"{what} has {size:,} bytes, more than a run's file can have")
    if number > MAX_MEMBERS:
        raise TestbedError(f"{what}: more than {MAX_MEMBERS:,} files of runs")


def _urlopen(url: str) -> IO[bytes]:
    return urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS)


def _fetch(path: Path, opener: Opener) -> None:
    """Download to a file beside `path` and rename it once its members are verified."""
    with write_aside(path) as aside:
        try:
            with opener(URL) as stream, open(aside, "wb") as file:
                size = 0
                while block := stream.read(2**16):
                    size += len(block)
                    if size > MAX_ARCHIVE_BYTES:
                        raise TestbedError(f"{URL} is larger than {MAX_ARCHIVE_BYTES:,} bytes; stopped")
                    file.write(block)
        except (OSError, HTTPException) as error:
            raise TestbedError(
                f"{URL} cannot be fetched ({error}); fetch it elsewhere and give it with --archive"
            ) from None
        found = members_sha256(read_members(aside))
        if found != MEMBERS_SHA256:
            raise TestbedError(
                f"what {URL} gave has files of runs with the hash {found}, not {MEMBERS_SHA256}; not kept"
            )
