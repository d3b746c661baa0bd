from __future__ import annotations

import lm_toy
import numpy as np
import pytest

from downlaw.plan import made_up, measure, other_work
from downlaw.plan.throughput import throughput_of
from downlaw.study import load_study
from downlaw.study.compute import Compute


@pytest.fixture
def quick(monkeypatch):
    """Numbers that mean little, soon."""
    monkeypatch.setattr(measure, "LEAST_SECONDS", -1e9)
    monkeypatch.setattr(measure, "SECONDS", 1e-9)
    monkeypatch.setattr(other_work, "TEXTS", 300)
    monkeypatch.setattr(measure, "DECODED", 5)


def usable(found: dict[str, float]) -> None:
    assert all(np.isfinite(value) and value >= 0 for value in found.values()), found
    throughput_of({key: value for key, value in found.items() if not key.endswith("_updates")}, "measured")


def test_a_toy_model_is_trained_and_translates(toy_study, tmp_path, quick):
    found = measure.translation(toy_study(), tmp_path)
    usable(found)
    assert {"pretraining_flops_per_second", "finetuning_flops_per_second"} <= set(found)
    assert (found["pretraining_updates"], found["training_memory_mb"] > 100) == (4, True)


def test_two_sizes_of_language_models_are_trained(tmp_path, quick):
    study = load_study(lm_toy.configured())
    names = list(study.overtrain.models)
    usable(measure.language_models(study, tmp_path, [names[0], names[-1]]))


def test_text_is_cleaned_and_tokenized(toy_study, tmp_path, quick):
    found = other_work.text(toy_study(), tmp_path)
    usable(found)
    assert set(found) == {"cleaned_texts_per_second", "tokenized_pieces_per_second"}


def test_the_piece_of_work_takes_some_time():
    assert other_work.unit() > 0


def test_seconds_of_an_update_and_beside_them(tmp_path, monkeypatch):
    """Of a training that takes 3 s and 0.5 s an update."""
    monkeypatch.setattr(measure, "_trained", lambda arguments, updates, folder, compute: 3 + 0.5 * updates)
    found = measure.train(lambda updates, folder: [], 1e10, tmp_path, Compute())
    assert found["update_seconds"] == pytest.approx(0.5)
    assert found["training_seconds"] == pytest.approx(3)


def test_fast_updates_are_made_until_they_take_long_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "_trained", lambda arguments, updates, folder, compute: 3 + 0.01 * updates)
    found = measure.train(lambda updates, folder: [], 1e3, tmp_path, Compute())
    assert found["updates"] * 0.01 >= measure.LEAST_SECONDS
    assert found["update_seconds"] == pytest.approx(0.01)


def test_made_up_sentences_are_many_and_differ():
    lines = made_up.sentences(1000, np.random.default_rng(1))
    assert len(lines) == len(set(lines)) == 1000
    assert all(4 <= len(line.split()) < 17 for line in lines)
