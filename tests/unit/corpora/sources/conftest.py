"""A hub with a dataset of web pages, for the tests of this folder."""

from __future__ import annotations

import pytest
import text_hub
import toy_web

from downlaw.corpora.sources import download, records


@pytest.fixture
def web(monkeypatch):
    with text_hub.serve() as server:
        toy_web.fill(server)
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        monkeypatch.setattr(download, "PATIENCE", (0, 0))
        monkeypatch.setattr(records, "FRAME_ROWS", 30)
        yield server
