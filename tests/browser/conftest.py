"""A Chromium for all tests of a session, and pages of studies that nobody ran."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, start, why_not
from made_lm_runs import lm_table, noisy, resamples_of
from made_pages import multiplied, runs_table, write_results

from downlaw.laws import fit_lm_runs
from downlaw.report.page import write_page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if reason := why_not():
        pytest.skip(reason)
    with start() as started:
        yield started


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = runs_table(["en+de", "en", "<b>fr</b>", "日本語"])
    return write_results(tmp_path_factory.mktemp("study") / "results", runs)


@pytest.fixture(scope="session")
def pages(study: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of a study of mixtures, of an over-training study, and of 200 curves."""
    folder = tmp_path_factory.mktemp("pages")
    grid, runs = folder / "grid", noisy(lm_table(), 0.002)
    grid.mkdir()
    found = fit_lm_runs(runs, resamples=resamples_of(runs, 0.002), samples=40)
    runs.to_csv(grid / "lm_runs.csv", index=False)
    for name in ("laws", "predictions"):
        getattr(found, name).to_csv(grid / f"{name}.csv", index=False)
    found.lines.to_csv(grid / "law_lines.csv", index=False)
    found.tasks.to_csv(grid / "lm_tasks.csv", index=False)
    many = multiplied(study, folder / "many", tasks=5, copies=20)
    return {
        "mixtures": write_page(study, folder / "mixtures.html").page,
        "grid": write_page(grid, folder / "grid.html").page,
        "many": write_page(many, folder / "many.html", draw=False).page,
    }
