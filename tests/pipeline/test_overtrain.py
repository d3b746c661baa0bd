"""The over-training track on a tiny grid, through the real workflow and real fairseq."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import toy_text
from conftest import BIN, Workplace, copy_of

from downlaw.lm_runs import COLUMNS
from downlaw.plan import plan
from downlaw.study import load_study
from downlaw.study.grid import cells

pytestmark = pytest.mark.pipeline

ITEMS = [
    {"context": "Babeba dodeba", "choices": ["krakre schnu", "loulai mou"], "answer": 0},
    {"context": "Babeba", "choices": ["mouloi", "dobabe", "dide"], "answer": 1},
]

GRID: dict[str, Any] = {
    "track": "lm",
    "study": "grid",
    **toy_text.study_sections("text"),
    "cleaning": {"identify_language": False},
    "tokenizer": {"vocabulary": 200},
    "overtrain": {
        "models": {
            "a": {"width": 8, "layers": 1, "heads": 2, "multipliers": {"en+de": [2, 4, 8], "fr": [2]}},
            "b": {"width": 12, "layers": 1, "heads": 2, "multipliers": {"en+de": [2, 4], "fr": [2]}},
            "c": {"width": 16, "layers": 1, "heads": 2, "multipliers": [2]},
        },
        "multipliers": [2],
        "block_pieces": 32,
        "blocks_per_update": 4,
        "warmup_updates": 4,
        "learning_rate": 0.01,
        "save_every_updates": 20,
    },
    "evaluate": {
        "sequences": 60,
        "bootstrap_samples": 100,
        "tasks": {
            "cloze": {"kind": "cloze", "text": "mono.en", "items": 60},
            "continue": {"kind": "continuation", "text": "mono.fr", "items": 60},
            "translate": {
                "kind": "translation",
                "source": "en",
                "target": "de",
                "corpus": "pairs",
                "items": 40,
            },
        },
    },
    "laws": {"fit": {"a": [2, 4, 8], "b": [2, 4]}, "bootstrap_samples": 100},
    "compute": {"threads": 1},
}


def make_grid(folder: Path, **changes: Any) -> Workplace:
    toy_text.write_corpora(folder / "text")
    return Workplace(folder, GRID).configure(**changes)


@pytest.fixture(scope="session")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The tiny grid, run to its end."""
    place = make_grid(tmp_path_factory.mktemp("grid"))
    done = place.snakemake()
    assert done.returncode == 0, done.stderr
    return place


def table(place: Workplace, name: str) -> pd.DataFrame:
    return pd.read_csv(place.folder / f"results/{name}.csv")


def test_plan_counts_the_jobs_that_snakemake_runs(tmp_path: Path):
    place = make_grid(tmp_path)
    expected = {stage.rule: stage.jobs for stage in plan(load_study(tmp_path / "study.yaml")) if stage.jobs}
    assert {rule: n for rule, n in place.planned().items() if rule != "all"} == expected


def test_every_run_is_scored_on_every_set_and_task(grid: Workplace):
    runs = table(grid, "lm_runs")
    assert list(runs.columns) == COLUMNS
    study = load_study(grid.folder / "study.yaml")
    each = list(cells(study))
    assert len(runs) == len(each) * (2 + 3 * 2)
    assert set(runs["training_set"]) == {"en+de", "fr"}
    assert (runs["status"] == "ok").all()
    losses = runs[runs["metric"] == "cross_entropy"]
    assert set(losses["evaluation"]) == {"en+de", "fr"}
    assert ((losses["low"] < losses["value"]) & (losses["value"] < losses["high"])).all()
    for cell in each:
        mine = runs[(runs["training_set"] == cell.mixture) & (runs["model"] == cell.model)]
        assert cell.tokens in set(mine["tokens"])
    own = (
        losses[losses["training_set"] == losses["evaluation"]]
        .groupby(["training_set", "model"])["value"]
        .min()
    )
    other = (
        losses[losses["training_set"] != losses["evaluation"]]
        .groupby(["training_set", "model"])["value"]
        .min()
    )
    assert (own < other).all()  # a model knows the language that it has read


def test_laws_are_fitted_to_the_cheap_runs_and_the_others_predicted(grid: Workplace):
    laws, predictions = table(grid, "laws"), table(grid, "predictions")
    fitted = laws[(laws["role"] == "law") & (laws["metric"] == "cross_entropy")]
    by_set = fitted.set_index(["training_set", "evaluation_set"])
    assert by_set.loc[("en+de", "en+de"), "n_fit"] == 5
    assert by_set.loc[("en+de", "en+de"), "n_held_out"] == 1
    assert by_set.loc[("fr", "fr"), "status"] == "underdetermined"
    held_out = predictions[
        (predictions["metric"] == "cross_entropy") & (predictions["training_set"] == "en+de")
    ]
    assert set(held_out["model"]) == {"c"}
    assert held_out["predicted"].notna().all()
    assert (held_out["times_less_compute"] > 0).all()
    assert set(table(grid, "lm_tasks")["task"]) == {"cloze", "continue", "translate"}


def test_updates_are_those_of_one_trunk_a_size(grid: Workplace):
    study = load_study(grid.folder / "study.yaml")
    assert grid.updates("overtrain") == sum(cell.trained_updates for cell in cells(study))
    costs = table(grid, "costs")
    trained = costs[costs["stage"] == "overtrain"]
    assert trained["updates"].sum() == grid.updates("overtrain")
    assert (trained["tokens"] == trained["updates"] * 128).all()


def test_figures_summary_and_status_are_made(grid: Workplace):
    report = grid.folder / "results/report"
    assert len(list((report / "figures").glob("*.png"))) >= 3
    assert "What cheap language models say" in (report / "report.html").read_text()
    assert "en+de" in (report / "summary.txt").read_text()
    states = grid.status()
    assert {run["state"] for run in states} == {"done"}
    assert len(states) == 2 * 9


def test_a_second_run_has_nothing_to_do(grid: Workplace):
    assert grid.planned() == {}


def test_growth_trains_what_is_new_and_a_diverged_size_stays_out_of_the_fit(grid: Workplace, tmp_path: Path):
    place = copy_of(grid, tmp_path / "copy")
    (place.folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    models = json.loads(json.dumps(place.study["overtrain"]["models"]))
    models["a"]["multipliers"]["en+de"] = [2, 4, 8, 12]
    models["wild"] = {"width": 20, "layers": 1, "heads": 2, "learning_rate": 1e30}
    fit = {"a": [2, 4, 8], "b": [2, 4], "wild": [2]}
    before = place.updates("overtrain/en+de/a")
    own = {"kind": "file", "path": "items.jsonl"}
    done = place.configure(overtrain__models=models, laws__fit=fit, evaluate__tasks__own=own).snakemake()
    assert done.returncode == 0, done.stderr
    study = load_study(place.folder / "study.yaml")
    (new,) = (cell for cell in cells(study) if cell.multiplier == 12)
    assert place.updates("overtrain/en+de/a") - before == new.trained_updates
    runs = table(place, "lm_runs")
    assert (runs["evaluation"] == "own").sum() == 2 * 10
    wild = runs[runs["model"] == "wild"]
    assert (wild["status"] == "diverged").all() and wild["reason"].str.contains("finite").all()
    laws = table(place, "laws")
    law = laws[
        (laws["training_set"] == "en+de") & (laws["evaluation_set"] == "en+de") & (laws["role"] == "law")
    ]
    assert law[["n_fit", "n_diverged"]].iloc[0].tolist() == [5, 1]
    assert {run["state"] for run in place.status() if run["model"] == "wild"} == {"diverged"}
    assert "wild" in (place.folder / "results/report/summary.txt").read_text()
    assert place.planned() == {}


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"overtrain__multipliers": [500]},
            "overtrain.models.c: M = 500 asks for",
        ),
        (
            {"evaluate__tasks__own": {"kind": "file", "path": "items.jsonl"}},
            "items.jsonl, line 2:",
        ),
    ],
    ids=["a distribution too small", "a task file without an answer"],
)
def test_what_cannot_be_trained_or_scored_is_refused_before_any_training(
    changes, message, grid: Workplace, tmp_path: Path
):
    place = copy_of(grid, tmp_path / "copy")
    trained = place.updates("overtrain")
    (place.folder / "results/subsets/sizes.json").unlink()
    lines = [json.dumps(ITEMS[0]), json.dumps({"context": "Babeba", "choices": ["a", "b"]})]
    (place.folder / "items.jsonl").write_text("\n".join(lines) + "\n")
    if "overtrain__multipliers" in changes:
        place.study["overtrain"]["models"]["c"].pop("multipliers")
    done = place.configure(**changes).snakemake()
    assert done.returncode != 0
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert place.updates("overtrain") == trained


def test_an_archive_of_a_grid_is_restored_with_nothing_to_do(grid: Workplace, tmp_path: Path):
    place = copy_of(grid, tmp_path / "copy")
    done = place.snakemake("archive")
    assert done.returncode == 0, done.stderr
    (archive,) = place.folder.glob("*.tar.zst")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    toy_text.write_corpora(elsewhere / "text")
    other = Workplace(elsewhere, place.study).configure()
    restored = other.run([str(BIN / "downlaw"), "restore", str(archive)])
    assert restored.returncode == 0, restored.stderr
    assert table(other, "lm_runs").equals(table(place, "lm_runs"))
    assert other.planned() == {}
