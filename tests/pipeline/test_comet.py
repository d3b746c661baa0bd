"""COMET in the workflow: models are looked for before anything is trained, and each run is scored once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny_comet
import tiny_hub
import yaml
from conftest import SMALL, Workplace, copy_of, make_workplace

from downlaw.files import read_json

pytestmark = pytest.mark.pipeline

MODEL, ENCODER = "a" * 40, "b" * 40
HUB_MODEL = {
    **{"model": "made/tiny-comet", "revision": MODEL},
    **{"encoder": "made/tiny-xlmr", "encoder_revision": ENCODER},
}
ROWS, SEGMENTS = "results/evaluate/comet.json", "results/evaluate/comet.parquet"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model and its encoder."""
    folder = tmp_path_factory.mktemp("comet")
    tiny_comet.make_encoder(folder / "encoder")
    tiny_comet.make_checkpoint(folder / "model", folder / "encoder")
    hparams = yaml.safe_load((folder / "model/hparams.yaml").read_text())
    (folder / "model/hparams.yaml").write_text(yaml.safe_dump({**hparams, "pretrained_model": "tiny-xlmr"}))
    return folder


@pytest.fixture
def hub(model: Path) -> Iterator[tiny_hub.Hub]:
    folders = {("made/tiny-comet", MODEL): model / "model", ("made/tiny-xlmr", ENCODER): model / "encoder"}
    with tiny_hub.serve(folders) as served:
        yield served


def run(place: Workplace, *targets: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The workflow with a cache of models of its own."""
    own = {"HF_HOME": str(place.folder / "hf"), "HF_ENDPOINT": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        place.command(*targets),
        cwd=place.folder,
        env=place.environment | own | environment,
        text=True,
        capture_output=True,
        check=False,
    )


def own_model(model: Path) -> dict[str, Any]:
    return {"model": str(model / "model/checkpoints/model.ckpt"), "encoder": str(model / "encoder")}


def test_a_model_that_is_not_there_stops_the_study_before_its_first_job(tmp_path: Path):
    place = make_workplace(tmp_path, **SMALL, evaluate__comet=HUB_MODEL)
    done = run(place, ROWS)
    assert done.returncode == 1
    assert (
        "the study cannot run:\nevaluate.comet.encoder: made/tiny-xlmr at bbbbbbbbbbbb is not in"
        in done.stderr
    )
    assert "with the same HF_HOME and --configfile, run: snakemake --cores 1 prefetch" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists() or not list((tmp_path / "results").rglob("*.*"))
    assert run(place, ROWS, "--dry-run").returncode == 0


def test_what_needs_no_comet_runs_without_the_model(tmp_path: Path):
    place = make_workplace(tmp_path, **SMALL, evaluate__comet=HUB_MODEL)
    target = "results/corpora/mono/en/train.parquet"
    done = run(place, target)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / target).exists()


def test_a_model_is_fetched_once_and_then_scores_without_the_hub(
    small: Workplace, tmp_path: Path, hub: tiny_hub.Hub
):
    place = copy_of(small, tmp_path / "copy").configure(evaluate__comet=HUB_MODEL)
    done = run(place, "prefetch", HF_ENDPOINT=hub.endpoint)
    assert done.returncode == 0, done.stderr
    assert "made/tiny-comet and its encoder made/tiny-xlmr are complete on this machine" in done.stderr
    hub.refusals["/"] = (503, "")
    done = run(place, ROWS)
    assert done.returncode == 0, done.stderr
    rows = read_json(place.folder / ROWS)
    assert len(rows) == 5
    assert {row["comet_model"] for row in rows} == {
        f"made/tiny-comet@{MODEL[:12]}|comet:2.2.7|dtype:fp32|device:cpu"
    }
    assert all(row["comet_low"] <= row["comet"] <= row["comet_high"] for row in rows)
    segments = pd.read_parquet(place.folder / SEGMENTS)
    assert len(segments) == 5 * 40
    assert "segments scored in" in done.stderr


def test_a_hub_that_does_not_answer_is_said_without_a_traceback(tmp_path: Path):
    place = make_workplace(tmp_path, **SMALL, evaluate__comet=HUB_MODEL)
    done = run(place, "prefetch")
    assert done.returncode != 0
    assert (
        "prefetch: evaluate.comet.model: made/tiny-comet: http://127.0.0.1:9 cannot be reached" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_a_study_without_comet_has_nothing_to_fetch(tmp_path: Path):
    done = run(make_workplace(tmp_path, **SMALL), "prefetch")
    assert done.returncode == 0, done.stderr
    assert "there is nothing to fetch" in done.stderr


def test_a_study_that_grows_scores_only_what_is_new_and_decodes_nothing_again(
    small: Workplace, tmp_path: Path, model: Path
):
    place = copy_of(small, tmp_path / "copy").configure(
        evaluate__comet=own_model(model), pretrain__tokens=[1000]
    )
    decoded = {path: path.stat().st_mtime_ns for path in place.folder.rglob("hypotheses.json")}
    assert run(place, ROWS).returncode == 0
    before = read_json(place.folder / ROWS)
    kept = {path: path.stat().st_mtime_ns for path in place.folder.rglob("comet-*.json")}
    assert len(kept) == 3
    (place.folder / ROWS).unlink()
    done = run(place, ROWS)
    assert done.returncode == 0, done.stderr
    assert "comet: 3 of 3 runs are scored already" in done.stderr
    assert "loading" not in done.stderr
    assert read_json(place.folder / ROWS) == before
    done = run(place.configure(pretrain__tokens=[1000, 2000]), ROWS)
    assert done.returncode == 0, done.stderr
    assert "comet: 3 of 5 runs are scored already" in done.stderr
    after = read_json(place.folder / ROWS)
    assert len(after) == 5
    assert all(row in after for row in before)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert {path: path.stat().st_mtime_ns for path in place.folder.rglob("hypotheses.json")} == decoded


def test_another_class_of_model_stops_the_study_before_its_first_job(tmp_path: Path, model: Path):
    comet = own_model(model)
    folder = tmp_path / "other"
    (folder / "checkpoints").mkdir(parents=True)
    os.link(comet["model"], folder / "checkpoints/model.ckpt")
    (folder / "hparams.yaml").write_text("class_identifier: referenceless_regression_metric\n")
    comet["model"] = str(folder / "checkpoints/model.ckpt")
    done = run(make_workplace(tmp_path / "place", **SMALL, evaluate__comet=comet), ROWS)
    assert done.returncode == 1
    assert "is a referenceless_regression_metric, which judges without a reference" in done.stderr


def test_a_hub_model_without_a_commit_is_refused_with_the_study(tmp_path: Path):
    comet = {"model": "Unbabel/wmt22-comet-da", "encoder": "xlm-roberta-large"}
    done = run(make_workplace(tmp_path, **SMALL, evaluate__comet=comet), ROWS)
    assert done.returncode == 1
    assert "evaluate.comet: revision: Unbabel/wmt22-comet-da is a model of the hub" in done.stderr
