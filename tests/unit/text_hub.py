"""A server on this machine that speaks what we use of a hub of datasets, and of servers of plain files.

It can cut connections, refuse, and stand still.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from local_server import serving

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PAGE = 2
"""Entries of a tree that one answer lists."""


@dataclass
class Hub:
    """Files by path: `owner/name/path` are a dataset's at COMMIT, and any is at `/plain/path` too.

    cuts: by path, after how many bytes of each coming answer the connection is cut. statuses: by path, the
    statuses of the coming answers. stalls: by path, after how many bytes an answer stands still. asked: path
    and Range of every answer with a file. tokens: the Authorization of every request. redirect_to: the server
    that has the files of datasets.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    endpoint: str = ""
    cuts: dict[str, list[int]] = field(default_factory=dict)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    stalls: dict[str, int] = field(default_factory=dict)
    without_ranges: bool = False
    redirect_to: str = ""
    wrong_hash: set[str] = field(default_factory=set)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    stalled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def plain(self, path: str) -> str:
        return f"{self.endpoint}/plain/{path}"

    def entry(self, dataset: str, path: str) -> dict[str, Any]:
        content = self.files[f"{dataset}/{path}"]
        oid = "0" * 64 if path in self.wrong_hash else hashlib.sha256(content).hexdigest()
        lfs = {"oid": oid, "size": len(content), "pointerSize": 134}
        return {"type": "file", "path": path, "size": len(content), "oid": "0" * 40, "lfs": lfs}

    def tree(self, dataset: str, folder: str, recursive: bool) -> list[dict[str, Any]] | None:
        begin = f"{dataset}/{folder}/" if folder else f"{dataset}/"
        below = [name[len(dataset) + 1 :] for name in self.files if name.startswith(begin)]
        entries, folders = [], set()
        for path in sorted(below):
            inner = path[len(folder) + 1 :] if folder else path
            if recursive or "/" not in inner:
                entries.append(self.entry(dataset, path))
            else:
                folders.add(path[: len(path) - len(inner)] + inner.partition("/")[0])
        entries += [{"type": "directory", "path": path, "oid": "0" * 40} for path in sorted(folders)]
        return entries if below else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def answer(self, status: int, content: bytes = b"{}", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def json(self, value: Any, **headers: str) -> None:
        self.answer(200, json.dumps(value).encode(), Content_Type="application/json", **headers)

    def known(self, dataset: str, commit: str) -> bool:
        if not any(name.startswith(f"{dataset}/") for name in self.hub.files):
            self.answer(401, X_Error_Code="RepoNotFound")
        elif commit != COMMIT:
            self.answer(404, X_Error_Code="RevisionNotFound")
        else:
            return True
        return False

    def do_GET(self) -> None:
        hub, address = self.hub, urlsplit(self.path)
        path = unquote(address.path)
        hub.tokens.add(self.headers.get("Authorization"))
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/(tree|revision)/([^/]+)/?(.*)", path):
            dataset, what, commit, folder = found.groups()
            if statuses := hub.statuses.get(f"api/{dataset}"):
                return self.answer(statuses.pop(0))
            if not self.known(dataset, commit):
                return None
            if what == "revision":
                return self.json({"id": dataset, "sha": commit, "siblings": []})
            asked = parse_qs(address.query)
            entries = hub.tree(dataset, folder, asked.get("recursive", ["False"])[0].lower() == "true")
            if entries is None:
                return self.answer(404, X_Error_Code="EntryNotFound")
            start = int(asked.get("cursor", ["0"])[0])
            more = {}
            if start + PAGE < len(entries):
                query = f"recursive={asked.get('recursive', ['False'])[0]}&cursor={start + PAGE}"
                more = {"Link": f'<{hub.endpoint}{address.path}?{query}>; rel="next"'}
            return self.json(entries[start : start + PAGE], **more)
        if found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            dataset, commit, name = found.groups()
            if not self.known(dataset, commit):
                return None
            if hub.redirect_to:
                return self.answer(302, Location=f"{hub.redirect_to}/plain/{dataset}/{name}?signature=s3cr3t")
            return self.file(f"{dataset}/{name}")
        if path.startswith("/plain/"):
            return self.file(path.removeprefix("/plain/"))
        return self.answer(404)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        found = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/paths-info/([^/]+)", unquote(self.path))
        if found and self.known(*found.groups()):
            dataset = found[1]
            names = [path for path in body["paths"] if f"{dataset}/{path}" in self.hub.files]
            self.json([self.hub.entry(dataset, path) for path in names])

    def file(self, name: str) -> None:
        hub, asked = self.hub, self.headers.get("Range")
        hub.asked.append((name, asked))
        if statuses := hub.statuses.get(name):
            return self.answer(statuses.pop(0))
        if name not in hub.files:
            return self.answer(404, X_Error_Code="EntryNotFound")
        content = hub.files[name]
        headers = {"ETag": f'"{hashlib.md5(content).hexdigest()}"'}
        status, first, last = 200, 0, len(content)
        if asked and not hub.without_ranges:
            begin, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = int(begin), min(int(end) + 1 if end else len(content), len(content))
            if first >= len(content):
                return self.answer(416, Content_Range=f"bytes */{len(content)}")
            status = 206
            headers["Content_Range"] = f"bytes {first}-{last - 1}/{len(content)}"
        body = content[first:last]
        cuts = hub.cuts.get(name)
        if cuts and cuts[0] < len(body):
            headers["Content_Length"] = str(len(body))
            body = body[: cuts.pop(0)]
            self.close_connection = True
        elif name in hub.stalls and first + len(body) > hub.stalls[name]:
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body[: max(0, hub.stalls[name] - first)])
            self.wfile.flush()
            hub.stalled.set()
            hub.ended.wait(60)
            self.close_connection = True
            return None
        return self.answer(status, body, **headers)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serve() -> Iterator[Hub]:
    """The hub, until the end of the block."""
    hub = Hub()
    with serving(type("Handler", (_Handler,), {"hub": hub})) as hub.endpoint:
        try:
            yield hub
        finally:
            hub.ended.set()


def tarred(members: dict[str, str], link: str | None = None) -> bytes:
    """A `.tar.gz` of texts, and of a link out of it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
        if link:
            outside = tarfile.TarInfo(link)
            outside.type, outside.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(outside)
    return buffer.getvalue()
