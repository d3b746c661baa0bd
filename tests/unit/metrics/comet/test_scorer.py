from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_comet import sentences

from downlaw.metrics.base import Translations
from downlaw.metrics.comet import CometError, LocalModel, Scoring
from downlaw.metrics.comet.scorer import Scorer, batches

Published = Callable[[list[dict[str, str]]], list[float]]

ODD = {
    "nothing": "",
    "controls": "a\x00b\x07c\x1b\tthe\u2028file\u200b",
    "script": "файл 文件 ไฟล์",
    "long": "file " * 10_000,
}


def translations(sources: list[str], hypotheses: list[str], references: list[str]) -> Translations:
    return Translations(sources, hypotheses, references, "en", "de")


def some(count: int = 30, seed: int = 5) -> Translations:
    return translations(*(sentences(count, seed=seed + side) for side in range(3)))


def samples_of(text: Translations) -> list[dict[str, str]]:
    triples = zip(text.sources, text.hypotheses, text.references, strict=True)
    return [{"src": source, "mt": hypothesis, "ref": reference} for source, hypothesis, reference in triples]


def test_scores_are_those_of_comet_itself(local: LocalModel, published: Published):
    text = some()
    scores, cut = Scorer(Scoring(local)).score(text)
    assert scores == pytest.approx(published(samples_of(text)), abs=1e-6)
    assert scores.std() > 1e-3
    assert cut == 0


def test_odd_text_is_scored_as_comet_does_and_what_is_cut_is_counted(local: LocalModel, published: Published):
    hypotheses = list(ODD.values())
    plain = sentences(len(hypotheses))
    text = translations(plain, hypotheses, plain)
    scores, cut = Scorer(Scoring(local)).score(text)
    assert scores == pytest.approx(published(samples_of(text)), abs=1e-6)
    assert cut == 1
    assert Scorer(Scoring(local)).score(translations(hypotheses[1:], plain[1:], plain[1:]))[1] == 1


def test_scoring_again_gives_the_same_bits_whatever_was_scored_before(local: LocalModel):
    scorer, text = Scorer(Scoring(local)), some()
    first, _ = scorer.score(text)
    scorer.score(translations(text.sources, sentences(30, seed=99), text.references))
    assert (scorer.score(text)[0] == first).all()
    assert (Scorer(Scoring(local)).score(text)[0] == first).all()


def test_the_order_of_segments_changes_no_bit(local: LocalModel):
    text = some()
    order = random.Random(1).sample(range(30), 30)
    moved = translations(
        *([side[n] for n in order] for side in (text.sources, text.hypotheses, text.references))
    )
    first, _ = Scorer(Scoring(local)).score(text)
    assert (Scorer(Scoring(local)).score(moved)[0] == first[order]).all()


@pytest.mark.parametrize("tokens", [1, 60, 100_000])
def test_the_size_of_batches_hardly_moves_scores(local: LocalModel, tokens: int):
    text = some()
    scores, _ = Scorer(Scoring(local, batch_tokens=tokens)).score(text)
    assert scores == pytest.approx(Scorer(Scoring(local)).score(text)[0], abs=1e-6)


def test_a_bf16_encoder_scores_almost_the_same(local: LocalModel):
    text = some()
    scores, _ = Scorer(Scoring(local, precision="bf16")).score(text)
    exact, _ = Scorer(Scoring(local)).score(text)
    assert 0 < np.abs(scores - exact).max() < 0.02


def test_a_job_of_several_tasks_scores(local: LocalModel, monkeypatch: pytest.MonkeyPatch):
    for name, value in {"SLURM_NTASKS": "2", "SLURM_JOB_ID": "7", "SLURM_PROCID": "0"}.items():
        monkeypatch.setenv(name, value)
    assert len(Scorer(Scoring(local)).score(some())[0]) == 30


def test_a_gpu_that_is_not_there_is_refused(local: LocalModel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(CometError, match=r"compute\.device: cuda, but torch sees no GPU here"):
        Scorer(Scoring(local, device="cuda"))


def test_scores_that_are_no_numbers_are_refused(local: LocalModel):
    scorer = Scorer(Scoring(local))
    scorer.model.estimator.ff[0].bias.data[0] = float("nan")
    with pytest.raises(CometError, match=r"no finite score for segment 1: 30 of 30 segments"):
        scorer.score(some())


def test_a_gpu_without_the_memory_is_told_to_encode_less(local: LocalModel, monkeypatch: pytest.MonkeyPatch):
    import torch

    def exhausted(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    scorer = Scorer(Scoring(local, batch_tokens=777))
    monkeypatch.setattr(scorer.model, "get_sentence_embedding", exhausted)
    with pytest.raises(CometError, match=r"batch_tokens: 777 pieces at once do not fit .* set fewer"):
        scorer.score(some())


def test_progress_says_the_rate_and_the_time_left(local: LocalModel, monkeypatch: pytest.MonkeyPatch):
    clock = iter(range(0, 100_000, 20))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    said: list[str] = []
    text = some()
    scorer = Scorer(Scoring(local, batch_tokens=60), [text], said.append)
    scorer.score(text)
    scorer.finish()
    assert said[0] == "loading tiny.ckpt"
    assert any("texts encoded" in line and "s left" in line for line in said)
    assert said[-1].startswith("30 segments scored in ")
    assert scorer._done == scorer._ahead


def test_batches_hold_no_more_than_they_should():
    lengths = [1, 2, 2, 3, 5, 8, 40]
    found = list(batches(lengths, 10))
    assert found == [(0, 3), (3, 5), (5, 6), (6, 7)]
    assert [n for begin, end in found for n in range(begin, end)] == list(range(7))
    assert list(batches([], 10)) == []


def test_a_segment_scores_alone(local: LocalModel, published: Published):
    text = translations(["the file"], ["die Datei"], ["eine Datei"])
    assert Scorer(Scoring(local)).score(text)[0] == pytest.approx(published(samples_of(text)), abs=1e-6)


def test_the_model_can_be_moved(own: Path, local: LocalModel):
    moved = replace(local, checkpoint=own / "model/checkpoints/model.ckpt", encoder=own / "encoder")
    text = some()
    assert (Scorer(Scoring(moved)).score(text)[0] == Scorer(Scoring(local)).score(text)[0]).all()
