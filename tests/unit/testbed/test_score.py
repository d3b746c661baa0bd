"""What the command prints: scores, tables, records and the figure."""

from __future__ import annotations

import io
import json
import math
import os
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from downlaw.report.figures import save_figure
from downlaw.testbed import ESTIMATORS, TestbedError, draw, render, run

REAL = "DOWNLAW_GADRE2024_ARCHIVE"


@pytest.fixture(scope="module", params=sorted(ESTIMATORS))
def scores(request, noisy_archive):
    return run(noisy_archive, request.param)


def printed(scores) -> str:
    console = Console(file=io.StringIO(), width=80)
    console.print(render(scores))
    return console.file.getvalue()


def test_every_run_is_scored(scores):
    runs = scores.runs
    assert len(runs) == 105
    assert np.allclose(
        runs["loss_c4_val_predicted"] / runs["loss_c4_val"] - 1, runs["loss_c4_val_relative_error"]
    )
    assert runs["loss_c4_val_relative_error"].abs().max() < 0.02
    assert runs["error_17_relative_error"].abs().max() < 0.05
    assert runs["loss_c4_val_fitted"].sum() == 15
    assert runs["error_17_fitted"].sum() == runs["error_46_fitted"].sum() == 18


def test_targets_are_the_papers(scores):
    targets = scores.targets
    assert list(zip(targets["training_set"], targets["model"], targets["multiplier"], strict=True)) == [
        ("c4_original", "1.4B", 80),
        ("c4_original", "6.9B", 20),
        ("rpj", "1.4B", 640),
        ("rpj", "6.9B", 20),
        ("rw_original", "1.4B", 320),
        ("rw_original", "6.9B", 20),
    ]


def test_the_summary_counts_runs_that_were_not_fitted(scores):
    summary = scores.summary().set_index(["group", "metric"])
    assert summary["runs"].groupby("metric").sum().to_dict() == {
        "loss_c4_val": 90,
        "error_17": 87,
        "error_46": 87,
    }
    above = summary.loc["above the budget"]
    assert above["runs"].to_dict() == {"loss_c4_val": 24, "error_17": 21, "error_46": 21}
    targets = scores.targets
    assert summary.loc[("target", "error_17"), "mean_relative_error"] == pytest.approx(
        targets["error_17_relative_error"].abs().mean()
    )
    inside = summary.loc[("target", "loss_c4_val"), "inside"]
    if scores.estimator == "paper":
        assert summary["inside"].isna().all()
    else:
        assert inside == targets["loss_c4_val_inside"].sum()


def test_records_are_json(scores):
    records = json.loads(json.dumps(scores.as_records(), allow_nan=False))
    assert records["estimator"] == scores.estimator
    assert records["published"] is False
    assert len(records["runs"]) == 105
    first = records["runs"][0]
    assert first["loss_c4_val"] == pytest.approx(scores.runs["loss_c4_val"][0])
    assert (first["loss_c4_val_low"] is None) == (scores.estimator == "paper")
    assert (first["loss_c4_val_inside"] is None) == (scores.estimator == "paper")


def test_the_table_shows_targets_means_and_source(scores, noisy_archive):
    text = printed(scores)
    assert "…" not in text, "a cell was cut at 80 columns"
    assert f"estimator {scores.estimator}" in text
    assert "RedPajama" in text
    assert "1.4B, M=640" in text
    loss, error = (
        scores.targets[f"{metric}_relative_error"].abs().mean() for metric in ("loss_c4_val", "error_17")
    )
    mean_row = next(line for line in text.splitlines() if line.strip().startswith("mean "))
    assert f"{loss:.2%}" in mean_row
    assert f"{error:.2%}" in mean_row
    assert "not the published files" in " ".join(text.split())
    assert ("±" in text) == (scores.estimator == "downlaw")


def test_a_value_outside_its_interval_is_marked(scores):
    marks = printed(scores).split("All runs")[0].count("%!")
    inside = scores.targets[["loss_c4_val_inside", "error_17_inside"]]
    outside = (~inside.astype("boolean")).sum().sum()
    assert marks == outside
    runs = scores.runs.copy()
    runs.loc[runs["group"] == "target", "loss_c4_val_inside"] = False
    assert printed(replace(scores, runs=runs)).split("All runs")[0].count("%!") >= 6


def test_the_figure_has_a_point_a_run(scores, tmp_path):
    figure = draw(scores)
    for axes in figure.axes:
        points = np.concatenate(
            [np.asarray(each.get_offsets()) for each in axes.collections if len(each.get_offsets())]
        )
        assert len(points) >= 105
    if scores.estimator == "downlaw":
        save_figure(figure, tmp_path / "figure.png")
        assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_estimator(noisy_archive):
    with pytest.raises(TestbedError, match="no estimator is called 'best'; there are paper, downlaw"):
        run(noisy_archive, "best")


@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL} does not name a copy of the published testbed")
def test_the_published_testbed_gives_the_papers_table():
    scores = run(os.environ[REAL], "paper")
    assert scores.published
    assert len(scores.runs) == 104
    targets = scores.targets
    losses = [f"{abs(each):.2%}" for each in targets["loss_c4_val_relative_error"]]
    errors = [f"{abs(each):.2%}" for each in targets["error_17_relative_error"]]
    assert losses == ["1.50%", "4.30%", "0.71%", "0.73%", "0.01%", "1.62%"]
    assert errors == ["9.58%", "0.14%", "3.64%", "0.05%", "5.62%", "2.94%"]
    assert f"{targets['loss_c4_val_relative_error'].abs().mean():.2%}" == "1.48%"
    assert f"{targets['error_17_relative_error'].abs().mean():.2%}" == "3.66%"


@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL} does not name a copy of the published testbed")
def test_the_published_testbed_gives_the_documented_scores():
    scores = run(os.environ[REAL], "downlaw")
    losses = scores.targets["loss_c4_val_relative_error"].abs()
    errors = scores.targets["error_17_relative_error"].abs()
    assert math.isclose(losses.mean(), 0.0117, abs_tol=5e-5)
    assert math.isclose(errors.mean(), 0.0322, abs_tol=5e-5)
