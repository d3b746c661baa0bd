"""Scores of language models as rows, by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from lm_toy import configured

from downlaw import lm_runs
from downlaw.engine import lm_scoring
from downlaw.engine.lm_scoring import Likelihoods, Scored
from downlaw.files import write_json
from downlaw.lm_runs import COLUMNS, evaluate_cell, lm_runs_table, resample_lm_runs
from downlaw.study import load_study

RECORD = {
    "mixture": "fr", "model": "small", "seed": 1, "multiplier_asked": 2.0, "tokens_asked": 4960,
    "tokens": 4928, "params": 2480, "params_without_embedding": 880, "epochs": 0.5, "flops": 1.0,
    "flops_exact": 2.0, "trained_flops": 1.5, "status": "ok", "reason": "", "training_loss": 3.0,
    "identity": "abc", "device": "cpu", "checkpoint": "nowhere/model.pt", "sha256": "0",
}  # fmt: skip

SEQUENCES = Likelihoods(np.array([32.0, 48.0, 40.0]), np.array([16, 16, 16]))
# Two items of two choices: by the mean a piece the first is right, the second wrong; by the sum both wrong.
CHOICES = Likelihoods(np.array([4.0, 3.0, 5.0, 1.0]), np.array([4, 1, 2, 2]))


@pytest.fixture
def folders(tmp_path):
    for name, manifest in {
        "fr": {"sha256": {"bin": "1"}},
        "task": {"sha256": {"bin": "2"}, "choices": [2, 2], "answers": [0, 0], "chance_error": 0.5},
    }.items():
        write_json(tmp_path / name / "manifest.json", manifest)
    return {"fr": tmp_path / "fr"}, {"task": tmp_path / "task"}


@pytest.fixture
def scored(monkeypatch):
    """Stands in for the models: `scored(Scored)` is what they give."""

    def give(result: Scored) -> None:
        monkeypatch.setattr(lm_scoring, "score_models", lambda *_: [result])
        monkeypatch.setattr(lm_runs.checkpoints, "verify", lambda *_: None)

    return give


def study(**changes):
    return load_study(configured(**changes))


def test_losses_and_errors_by_hand(folders, scored, tmp_path):
    scored(Scored({"fr": SEQUENCES}, {"task": CHOICES}))
    rows, statistics = evaluate_cell(study(), RECORD, *folders, tmp_path / "kept")
    found = {(row["evaluation"], row["metric"]): row for row in rows}
    loss = found["fr", "cross_entropy"]
    assert loss["value"] == pytest.approx(120 / 48)
    assert loss["low"] < loss["value"] < loss["high"]
    assert (loss["items"], loss["kind"], loss["chance"]) == (3, "set", None)
    assert found["task", "error"]["value"] == 0.5
    assert found["task", "error_raw"]["value"] == 1.0
    assert {found["task", metric]["chance"] for metric in ("error", "error_raw")} == {0.5}
    assert {row["multiplier"] for row in rows} == {4928 / 2480}
    assert {(row["loss_fit"], row["error_fit"]) for row in rows} == {(False, False)}
    table = lm_runs_table(rows)
    assert list(table.columns) == COLUMNS
    assert len(statistics) == 3 + 2 + 2


def test_fitted_runs_are_marked(folders, scored, tmp_path):
    scored(Scored({"fr": SEQUENCES}, {}))
    laws = {"fit": {"small": [1]}, "fit_error": {"small": [2]}}
    rows, _ = evaluate_cell(study(laws=laws), RECORD, folders[0], {}, tmp_path)
    assert [(row["loss_fit"], row["error_fit"]) for row in rows] == [(False, True)]


def test_a_run_that_diverged_is_one_row_without_scores(folders, tmp_path):
    record = {**RECORD, "status": "diverged", "reason": "training loss is nan at update 3"}
    rows, statistics = evaluate_cell(study(), record, *folders, tmp_path)
    assert [(row["status"], row["value"], row["metric"]) for row in rows] == [("diverged", None, None)]
    assert rows[0]["reason"] == "training loss is nan at update 3"
    assert statistics.empty
    assert lm_runs_table(rows)["value"].isna().all()


def test_a_loss_that_is_not_finite_is_a_divergence(folders, scored, tmp_path):
    broken = Likelihoods(np.array([32.0, math.nan, 40.0]), np.array([16, 16, 16]))
    scored(Scored({"fr": broken}, {"task": CHOICES}))
    rows, statistics = evaluate_cell(study(), RECORD, *folders, tmp_path)
    assert [(row["status"], row["reason"]) for row in rows] == [("diverged", "loss on fr is not finite")]
    assert statistics.empty


def test_all_runs_are_scored_on_the_same_draws(folders, scored, tmp_path):
    scored(Scored({"fr": SEQUENCES}, {}))
    _, one = evaluate_cell(study(), RECORD, folders[0], {}, tmp_path)
    other = one.assign(seed=2, value=one["value"] * 2)
    drawn = resample_lm_runs([one, other], samples=50)
    values = drawn.pivot(index="resample", columns="seed", values="value")
    assert len(values) == 50 and values[1].std() > 0
    assert np.allclose(values[2], 2 * values[1])
    assert list(drawn.columns) == [*lm_runs.RUN, "evaluation", "metric", "resample", "value"]
    assert resample_lm_runs([pd.DataFrame(columns=one.columns)], 50).empty
