"""Bytes over HTTP that go on where the connection broke, with errors that say what to do."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import requests

from downlaw.files import read_json, write_json

from ..errors import CorpusError

PATIENCE = (1, 2, 5, 15, 30, 60)
"""Seconds before each further try; any byte that comes makes all of them available again."""

TIMEOUT = (20, 60)
"""Seconds to connect, and between two packets."""

_CHUNK = 1 << 18


class Unreachable(Exception):
    """A server that did not give what it has, for now: the message says how."""


def refusal(status: int, key: str, what: str) -> CorpusError | None:
    """The error of a status that no further try changes."""
    if status in (401, 403):
        return CorpusError(f"{key}: {what}: permission denied ({status}): a token may be needed")
    if status in (404, 410, 451):
        return CorpusError(f"{key}: {what}: there is no such file on the server ({status})")
    if 400 <= status < 500 and status not in (408, 425, 429):
        return CorpusError(f"{key}: {what}: the server refuses it ({status})")
    return None


def given_up(key: str, what: str, why: object) -> CorpusError:
    """The error after the last try."""
    return CorpusError(f"{key}: {what}: {why} (is there a network?); running again goes on from here")


def stream(
    url: str,
    key: str,
    what: str,
    start: int = 0,
    tag: str | None = None,
    headers: Mapping[str, str] | None = None,
    session: requests.Session | None = None,
    seen: dict[str, str] | None = None,
    can_change: bool = True,
) -> Iterator[bytes]:
    """The bytes of a URL from `start` on, as the server keeps them; a broken connection is taken up again.

    Args:
        key: the config key, and `what` the file, for messages: an address may carry a signature.
        tag: the entity tag that the file had when its first bytes came; another one is refused.
        seen: is told the entity tag under `tag`.
        can_change: whether the address can come to mean another file; if not, tags are not compared, as the
            mirrors of a hub may give each their own.

    Raises:
        CorpusError: where the server refuses, cannot be reached after `PATIENCE`, or the file changed.
    """
    session = session or requests.Session()
    position, tries = start, 0
    while True:
        before = position
        try:
            with session.get(
                url,
                headers={**(headers or {}), "Accept-Encoding": "identity", "Range": f"bytes={position}-"},
                stream=True,
                timeout=TIMEOUT,
            ) as response:
                if response.status_code == 416 and position and _total(response) == position:
                    return
                if error := refusal(response.status_code, key, what):
                    raise error
                if response.status_code not in (200, 206):
                    raise Unreachable(f"the server answers {response.status_code}")
                if can_change:
                    tag = _same_tag(tag, response.headers.get("ETag"), key, what)
                if seen is not None and tag:
                    seen["tag"] = tag
                skip = position if response.status_code == 200 else 0
                total = _total(response)
                while chunk := response.raw.read1(_CHUNK, decode_content=False):
                    if skip >= len(chunk):
                        skip -= len(chunk)
                        continue
                    chunk, skip = chunk[skip:], 0
                    position += len(chunk)
                    yield chunk
                if total is not None and position < total:
                    raise Unreachable("the connection ended early")
                return
        except (requests.RequestException, OSError, Unreachable) as error:
            problem = (
                error if isinstance(error, Unreachable) else f"cannot be reached ({type(error).__name__})"
            )
        except Exception as error:  # urllib3 raises its own below requests
            if not type(error).__module__.startswith("urllib3"):
                raise
            problem = f"the connection broke ({type(error).__name__})"
        tries = 0 if position > before else tries
        if tries == len(PATIENCE):
            raise given_up(key, what, f"{_host(url)}: {problem}")
        time.sleep(PATIENCE[tries])
        tries += 1


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the server"


def _same_tag(before: str | None, now: str | None, key: str, what: str) -> str | None:
    if before and now and before != now:
        raise CorpusError(f"{key}: {what}: the file on the server changed while it was fetched; run again")
    return now or before


def _total(response: requests.Response) -> int | None:
    """How long the whole file is."""
    if response.status_code in (206, 416):
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        total = response.headers.get("Content-Length", "")
    return int(total) if total.isdigit() else None


def download(url: str, path: Path, key: str, what: str) -> str:
    """Download a file to `path`, going on with what an earlier call left there; returns its SHA-256.

    A file that was complete is not downloaded again.

    Raises:
        CorpusError: as `stream`; what has come stays, unless the file changed on the server.
    """
    note = path.with_name(f"{path.name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    known = read_json(note) if note.exists() and path.exists() else {}
    if known.get("url") != url:
        known = {}
    hasher = hashlib.sha256()
    with path.open("r+b" if known else "w+b") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
        start = file.tell()
        if not known.get("whole"):
            seen = {"tag": known["tag"]} if known.get("tag") else {}
            try:
                for chunk in stream(url, key, what, start, seen.get("tag"), seen=seen):
                    if {"url": url, **seen} != known:
                        known = {"url": url, **seen}
                        write_json(note, known)
                    file.write(chunk)
                    hasher.update(chunk)
            except CorpusError as error:
                if "changed" in str(error):
                    note.unlink(missing_ok=True)
                raise
            file.flush()
            os.fsync(file.fileno())
            write_json(note, {"url": url, "whole": True})
    return hasher.hexdigest()


def check_hashes(found: list[str], pinned: list[str] | None, key: str, what: str) -> str | None:
    """Compare what was downloaded with its pin; returns a warning where there is none.

    Raises:
        CorpusError: naming both hashes.
    """
    if pinned is None:
        shown = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
        return f"{key}: {what} is not pinned; to pin what was just fetched, add sha256: {shown}"
    if len(pinned) != len(found):
        raise CorpusError(
            f"{key}.sha256: {what} is {len(found)} files, the study file has {len(pinned)} hashes"
        )
    for one, other in zip(found, pinned, strict=True):
        if one != other:
            raise CorpusError(
                f"{key}.sha256: {what} has hash {one}, the study file says {other}; the file on the server "
                "changed or is damaged; correct the hash if you trust it"
            )
    return None
