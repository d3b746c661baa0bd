"""A small server on this machine that speaks what we use of the hub's protocol, and can be told to refuse."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local_server import serving


@dataclass
class Hub:
    """Models by name and commit, each a folder.

    refusals: status and the hub's error code, by the part of a path that is refused. asked: files sent.
    """

    models: dict[tuple[str, str], Path]
    endpoint: str = ""
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def find(self, path: str) -> Path | None:
        """The file of `/name/resolve/commit/file`."""
        for (name, commit), folder in self.models.items():
            begin = f"/{name}/resolve/{commit}/"
            if path.startswith(begin) and (folder / path[len(begin) :]).is_file():
                return folder / path[len(begin) :]
        return None

    def about(self, path: str) -> dict[str, Any] | None:
        """The answer to `/api/models/name/revision/commit`."""
        for (name, commit), folder in self.models.items():
            if path == f"/api/models/{name}/revision/{commit}":
                files = sorted(file for file in folder.rglob("*") if file.is_file())
                return {
                    "id": name,
                    "sha": commit,
                    "siblings": [
                        {"rfilename": str(file.relative_to(folder)), "size": file.stat().st_size}
                        for file in files
                    ],
                }
        return None


@contextmanager
def serve(models: dict[tuple[str, str], Path]) -> Iterator[Hub]:
    """The hub, until the end of the block."""
    hub = Hub(models)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int, content: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            for part, (status, code) in hub.refusals.items():
                if part in path:
                    return self.answer(status, b"{}", X_Error_Code=code, X_Error_Message="refused")
            about, file = hub.about(path), hub.find(path)
            if about:
                return self.answer(200, json.dumps(about).encode(), Content_Type="application/json")
            if file:
                if self.command == "GET":
                    hub.asked.append(path.rpartition("/resolve/")[2].partition("/")[2])
                content = file.read_bytes()
                commit = path.rpartition("/resolve/")[2].partition("/")[0]
                tag = hashlib.sha256(content).hexdigest()
                return self.answer(200, content, X_Repo_Commit=commit, ETag=f'"{tag}"')
            known = any(f"/{name}/" in f"{path}/" for name, _ in hub.models)
            code = "RevisionNotFound" if known else "RepoNotFound"
            return self.answer(404 if known else 401, b"{}", X_Error_Code=code)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler) as hub.endpoint:
        yield hub
