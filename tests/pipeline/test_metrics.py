"""Re-evaluation: another choice of metrics scores kept hypotheses, and trains and decodes nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from conftest import Workplace, copy_of

pytestmark = pytest.mark.pipeline


def times(place: Workplace, pattern: str) -> dict[Path, int]:
    evaluated = place.folder / "results/evaluate"
    return {path.relative_to(evaluated): path.stat().st_mtime_ns for path in evaluated.rglob(pattern)}


def test_another_choice_of_metrics_counts_only_what_is_new(small: Workplace, tmp_path: Path):
    place = copy_of(small, tmp_path / "copy")
    trained = place.updates("pretrain"), place.updates("finetune")
    decoded, counted = times(place, "hypotheses.json"), times(place, "*.npy")
    before = pd.read_csv(place.folder / "results/runs.csv")
    place.configure(evaluate__metrics=["bleu", "ter"], evaluate__bleu_tokenize="intl")
    planned = place.planned()
    assert {"pretrain", "finetune"}.isdisjoint(planned) and planned["evaluate"] == 5
    done = place.snakemake("results/runs.csv")
    assert done.returncode == 0, done.stderr
    after = pd.read_csv(place.folder / "results/runs.csv")
    assert after["chrf"].isna().all() and after["ter"].equals(before["ter"])
    assert after["signature"].str.contains("tok:intl").all()
    assert (place.updates("pretrain"), place.updates("finetune")) == trained
    assert times(place, "hypotheses.json") == decoded
    now = times(place, "*.npy")
    assert {path: now[path] for path in counted} == counted
    assert {path.name.split("-")[0] for path in now.keys() - counted.keys()} == {"bleu"}


def test_translation_choice_is_added_without_training_or_decoding_anew(small: Workplace, tmp_path: Path):
    place = copy_of(small, tmp_path / "copy")
    trained, decoded = place.updates("finetune"), times(place, "hypotheses.json")
    done = place.configure(evaluate__translation_choices=4).snakemake()
    assert done.returncode == 0, done.stderr
    assert place.updates("finetune") == trained
    assert times(place, "hypotheses.json") == decoded
    runs = pd.read_csv(place.folder / "results/runs.csv")
    assert runs["translation_choice_error"].between(0, 1).all()
    laws = pd.read_csv(place.folder / "results/choice_laws.csv")
    assert laws["scope"].tolist() == ["mixture", "mixture", "all"]
    assert (place.folder / "results/report/choice_figures/en-de_200_choice.png").stat().st_size > 1000
    assert place.planned() == {}
