"""What is scored and translated for several models, kept in files, and refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from downlaw.engine import scoring, transformer
from downlaw.engine.distractors import TooFewError, distractors
from downlaw.engine.launch import EngineError
from downlaw.engine.mmap import read_dataset, write_dataset
from downlaw.study.training import Evaluate

BEAM = Evaluate(beam=3)


@pytest.fixture(scope="module")
def models(trained) -> list[Path]:
    return [Path(trained[name]["checkpoint"]) for name in ("finetuned", "baseline")]


def request(model: Path, text: Path, folder: Path, translate: bool = True) -> scoring.Request:
    """To score and translate the validation text in `text`."""
    hypotheses = folder / "hypotheses.json" if translate else None
    return scoring.Request(
        model, text / "valid.source", text / "valid.target", folder / "scores.jsonl", hypotheses
    )


def write_text(folder: Path, sources: list, targets: list, dtype=np.uint16) -> Path:
    for side, items in (("source", sources), ("target", targets)):
        write_dataset(folder / f"valid.{side}", [np.array(item) for item in items], np.dtype(dtype))
    return folder


def test_one_child_serves_all_models_each_with_its_own_results(models, toy, tmp_path, children):
    requests = [request(model, toy.prepared, tmp_path / str(i)) for i, model in enumerate(models)]
    together = scoring.score_models(requests, BEAM, 1)
    assert children == [0]
    alone = [
        scoring.score_models([request(model, toy.prepared, tmp_path / f"alone{i}")], BEAM, 1)[0]
        for i, model in enumerate(models)
    ]
    assert together == alone
    assert together[0].scores != together[1].scores
    targets = read_dataset(toy.prepared / "valid.target")
    for one in together:
        assert [score.tokens for score in one.scores] == list(map(len, targets))
        assert len(one.hypotheses) == len(targets)


def test_what_stands_in_files_is_read_and_the_rest_made(models, toy, tmp_path, children):
    requests = [request(model, toy.prepared, tmp_path / str(i)) for i, model in enumerate(models)]
    for number in range(2):
        (tmp_path / str(number)).mkdir()
    requests[0].scores.write_text("[1.5, 2]\n[0.25, 1]\n")
    requests[0].hypotheses.write_text("[[5], [6, 7]]")
    requests[1].scores.write_text("[NaN, 3]\n")
    kept, partly = scoring.score_models(requests, BEAM, 1)
    assert kept.scores == [scoring.SegmentScore(1.5, 2), scoring.SegmentScore(0.25, 1)]
    assert kept.hypotheses == [[5], [6, 7]]
    assert np.isnan(partly.scores[0].negative_log_likelihood)
    assert len(partly.hypotheses) == 20
    written = requests[1].hypotheses.stat().st_mtime_ns
    scoring.score_models(requests, BEAM, 1)
    assert children == [0]
    assert requests[1].hypotheses.stat().st_mtime_ns == written
    assert json.loads(requests[1].hypotheses.read_text()) == partly.hypotheses


def test_references_can_be_scored_alone(models, toy, tmp_path):
    (scored,) = scoring.score_models([request(models[0], toy.prepared, tmp_path, False)], BEAM, 1)
    assert scored.hypotheses is None
    assert {path.name for path in tmp_path.iterdir()} == {"scores.jsonl", "scoring.log"}


def choosing(model: Path, text: Path, folder: Path) -> scoring.Request:
    return replace(request(model, text, folder, False), choices=folder / "choices.jsonl")


def test_wrong_targets_are_scored_beside_what_was_there(models, toy, tmp_path, children):
    before = scoring.score_models([request(models[0], toy.prepared, tmp_path)], BEAM, 1)[0]
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json*")}
    asked = choosing(models[0], toy.prepared, tmp_path)
    settings = Evaluate(beam=3, translation_choices=4)
    (found,) = scoring.score_models([asked], settings, 1)
    assert children == [0, 0]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert (before.choices, found.scores) == (None, before.scores)
    sources, targets = (read_dataset(toy.prepared / f"valid.{side}") for side in ("source", "target"))
    model = transformer.load(models[0])
    wrong = distractors(targets, 3)
    for source, scores, indices in zip(sources, found.choices, wrong, strict=True):
        for score, index in zip(scores, indices, strict=True):
            with torch.inference_mode():
                alone = model.negative_log_likelihoods(model.encode([source]), [targets[index]]).item()
            assert score.negative_log_likelihood == pytest.approx(alone, rel=1e-5)
            assert score.tokens == len(targets[index])
    assert scoring.score_models([asked], settings, 1) == [found]
    assert children == [0, 0]


def test_too_few_targets_to_choose_among_are_refused_before_any_model_is_read(models, tmp_path, children):
    text = write_text(tmp_path / "text", [[9, 2]] * 4, [[9, 2], [9, 2], [8, 2], [7, 2]])
    asked = choosing(models[0], text, tmp_path)
    with pytest.raises(TooFewError, match="3 different targets in the test set, translation_choices needs 4"):
        scoring.score_models([asked], Evaluate(translation_choices=4), 1)
    assert children == []
    (found,) = scoring.score_models([asked], Evaluate(translation_choices=3), 1)
    assert [len(scores) for scores in found.choices] == [2] * 4


def test_nothing_to_do_starts_no_child(children):
    assert scoring.score_models([], BEAM, 1) == []
    assert children == []


def test_a_model_that_cannot_be_read_is_an_error_that_keeps_what_was_made_before(models, toy, tmp_path):
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"PK nothing")
    requests = [request(models[0], toy.prepared, tmp_path / "good"), request(broken, toy.prepared, tmp_path)]
    pattern = r"^scoring stopped with code 1: .*broken\.pt cannot be read as a model: .* \(.*scoring\.log\)$"
    with pytest.raises(EngineError, match=pattern):
        scoring.score_models(requests, BEAM, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"broken.pt", "good"}
    assert {path.name for path in (tmp_path / "good").iterdir()} == {
        "scores.jsonl",
        "hypotheses.json",
        "scoring.log",
    }


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_line_that_is_too_long_for_the_model_is_named_before_anything_is_made(models, toy, tmp_path, side):
    ordinary, long = [[9, 2], [9, 2]], [[9, 2], [*[9] * 9_999, 2]]
    texts = (long, ordinary) if side == "source" else (ordinary, long)
    text = write_text(tmp_path / "text", *texts)
    pattern = (
        rf"valid\.{side}\.bin: segment 2 has 10,000 pieces with its end mark, the model takes 512; leave"
    )
    with pytest.raises(EngineError, match=pattern):
        scoring.score_models([request(models[0], text, tmp_path / "out")], BEAM, 1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scoring.log"]


@pytest.mark.parametrize("item", [[], [200, 2]])
def test_text_of_another_vocabulary_or_without_any_piece_is_refused(models, tmp_path, item):
    text = write_text(tmp_path / "text", [[9, 2], item], [[9, 2], [9, 2]])
    with pytest.raises(
        EngineError, match=r"segment 2 is empty or of another vocabulary than the model's 200"
    ):
        scoring.score_models([request(models[0], text, tmp_path / "out")], BEAM, 1)


def test_every_source_gets_an_answer_however_short_or_long(models, toy, tmp_path):
    """Only an end mark, one piece, and as long as the model reads: in that order and around the others."""
    others = [item.tolist() for item in read_dataset(toy.prepared / "valid.source")[:3]]
    longest = [*np.random.default_rng(0).integers(4, 199, size=511).tolist(), 2]
    sources = [longest, [2], others[0], [9, 2], *others[1:]]
    targets = [[5, 2], longest, [2], *others]
    text = write_text(tmp_path / "text", sources, targets)
    settings = Evaluate(beam=2, max_length_ratio=0.05)
    (scored,) = scoring.score_models([request(models[0], text, tmp_path)], settings, 1)
    assert len(scored.hypotheses) == len(sources)
    assert all(scored.hypotheses)
    assert [len(ids) for ids in scored.hypotheses] <= [int(0.05 * len(source)) + 10 for source in sources]
    assert [one.tokens for one in scored.scores] == list(map(len, targets))
    assert all(np.isfinite(one.negative_log_likelihood) for one in scored.scores)


def test_a_whole_segment_of_unknown_pieces_is_translated(models, tmp_path):
    text = write_text(tmp_path / "text", [[3, 3, 3, 2]], [[3, 2]])
    (scored,) = scoring.score_models([request(models[0], text, tmp_path)], BEAM, 1)
    assert len(scored.hypotheses[0]) <= 18
