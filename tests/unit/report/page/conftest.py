from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_pages import Page, runs_table, write_results

from downlaw.report.page import write_page

Read = Callable[..., Page]


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of three mixtures; no test changes it."""
    return write_results(tmp_path_factory.mktemp("page") / "results", runs_table(["en+de", "en", "fr+ro"]))


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes the page of a results folder, without static figures, and reads it."""

    def of(folder: Path, **options) -> Page:
        written = write_page(folder, tmp_path / "out/report.html", **{"draw": False} | options)
        return Page(written.page.read_text(encoding="utf-8"))

    return of
