"""The COMET that a study trains for itself: its own column, made once, the same each time."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from conftest import Workplace, copy_of

from downlaw.files import read_json
from downlaw.plan import plan
from downlaw.study import load_study

pytestmark = pytest.mark.pipeline

TINY = {
    **{"variant": "tiny", "rows": 64, "min_references": 20, "epochs": 1},
    **{"vocabulary": 120, "layers": 1, "width": 16, "heads": 2},
}
FOLDER = Path("results/evaluate/comet_local")
TARGETS = ("results/runs.csv", "results/resamples.parquet")


@pytest.fixture(scope="module")
def scored(small: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    place = copy_of(small, tmp_path_factory.mktemp("comet-local") / "copy")
    trained = place.updates("finetune")
    done = place.configure(evaluate__comet_local=TINY).snakemake(*TARGETS)
    assert done.returncode == 0, done.stderr
    assert place.updates("finetune") == trained
    return place


def test_every_selected_run_has_a_score_under_its_own_name_and_comet_stays_empty(scored: Workplace):
    runs = pd.read_csv(scored.folder / "results/runs.csv")
    model = read_json(scored.folder / FOLDER / "figures.json")["description"]
    assert model.startswith("comet-local-tiny@") and model.endswith("|comet:2.2.7|dtype:fp32|device:cpu")
    assert (runs["comet_local_model"] == model).all()
    assert (runs["comet_local_low"] <= runs["comet_local"]).all()
    assert (runs["comet_local"] <= runs["comet_local_high"]).all()
    assert runs["comet"].isna().all() and runs["comet_model"].isna().all()


def test_its_noise_is_resampled_with_that_of_the_other_metrics(scored: Workplace):
    resamples = pd.read_parquet(scored.folder / "results/resamples.parquet")
    counts = resamples["metric"].value_counts()
    assert counts["comet_local"] == counts["bleu"] == 5 * 100


def test_its_card_has_the_figures_of_this_very_model(scored: Workplace):
    figures = read_json(scored.folder / FOLDER / "figures.json")
    card = (scored.folder / FOLDER / "README.md").read_text()
    assert figures["description"] in card
    assert f"| comet-local | {figures['spearman']['comet_local']:.3f} |" in card
    assert "What it is not good for" in card


def test_made_anew_it_gives_the_same_weights_and_scores_and_decodes_nothing(
    scored: Workplace, tmp_path: Path
):
    place = copy_of(scored, tmp_path / "copy")
    table = place.folder / "results/evaluate/comet_local.parquet"
    before, manifest = pd.read_parquet(table), read_json(place.folder / FOLDER / "model/manifest.json")
    decoded = {path: path.stat().st_mtime_ns for path in place.folder.rglob("hypotheses.json")}
    kept = list(place.folder.rglob("comet_local-*.json"))
    assert len(kept) == 5
    for path in kept:
        path.unlink()
    done = place.snakemake(str(table.relative_to(place.folder)), "--forcerun", "comet_local_encoder")
    assert done.returncode == 0, done.stderr
    assert "comet_local: 0 of 5 runs are scored already" in done.stderr
    assert read_json(place.folder / FOLDER / "model/manifest.json") == manifest
    pd.testing.assert_frame_equal(pd.read_parquet(table), before)
    assert {path: path.stat().st_mtime_ns for path in place.folder.rglob("hypotheses.json")} == decoded


def test_the_plan_counts_its_jobs(scored: Workplace, tmp_path: Path):
    place = copy_of(scored, tmp_path / "copy").configure(evaluate__comet_local={**TINY, "vocabulary": 110})
    planned = place.planned()
    counted = {stage.rule: stage.jobs for stage in plan(load_study(place.folder / "study.yaml"))}
    for rule in ("comet_local_encoder", "comet_local_model", "comet_local"):
        assert planned[rule] == counted[rule] == 1
