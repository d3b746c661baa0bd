from __future__ import annotations

from pathlib import Path

import pytest
from made_lm_runs import diverged, lm_table, noisy, resamples_of

from downlaw.laws import fit_lm_runs


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lm") / "results"
    folder.mkdir()
    runs = noisy(lm_table(), 0.002)
    found = fit_lm_runs(runs, resamples=resamples_of(runs, 0.002), samples=40)
    runs.to_csv(folder / "lm_runs.csv", index=False)
    for name, table in (("laws", found.laws), ("predictions", found.predictions)):
        table.to_csv(folder / f"{name}.csv", index=False)
    found.lines.to_csv(folder / "law_lines.csv", index=False)
    found.tasks.to_csv(folder / "lm_tasks.csv", index=False)
    return folder


def test_the_answer_is_the_dearest_run_that_was_predicted(grid: Path, read):
    page = read(grid, draw=True)
    assert "xl at M = 20 was predicted: loss" in page.text and "from 12x less compute" in page.text
    assert page.tags.count("figure") == 5 and all(len(alt) > 60 for alt in page.alts)
    assert len(page.ids) == len(set(page.ids))


def test_static_figures_are_those_of_the_report(grid: Path, read, tmp_path: Path):
    page = read(grid, draw=True)
    images = [link for link in page.links if link.endswith(".png")]
    assert len(images) == 5 and "report_figures/loss_news_web.png" in images


def test_runs_alone_and_runs_that_diverged(tmp_path: Path, read):
    folder = tmp_path / "results"
    folder.mkdir()
    lm_table(more=[diverged("xl", 320)]).to_csv(folder / "lm_runs.csv", index=False)
    text = read(folder, draw=True).text
    assert (
        "Not yet decidable: laws.csv and predictions.csv are lacking" in text and "1 did not finish" in text
    )
    assert "xl at M = 320, seed 1, diverged" in text
