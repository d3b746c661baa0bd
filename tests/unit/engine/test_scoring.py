"""Likelihoods and translations of a real model, beside what fairseq's own task and criterion give."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downlaw.engine import scoring
from downlaw.engine.launch import EngineError
from downlaw.engine.mmap import read_dataset, write_dataset
from downlaw.study.training import Evaluate

BEAM = Evaluate(beam=3)


@pytest.fixture(scope="module")
def model(trained) -> Path:
    return Path(trained["finetuned"]["checkpoint"])


@pytest.fixture(scope="module")
def loaded(model, toy):
    """fairseq's own model and task, with the validation set as fairseq loads it."""
    from fairseq import checkpoint_utils

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
        models, _, task = checkpoint_utils.load_model_ensemble_and_task(
            [str(model)], arg_overrides={"data": str(toy.subset(100))}
        )
    models[0].eval()
    task.load_dataset("valid")
    return models[0], task


def batches_of(task):
    return task.get_batch_iterator(task.dataset("valid"), max_sentences=7).next_epoch_itr(shuffle=False)


@pytest.fixture(scope="module")
def scores(model, toy, tmp_path_factory) -> list[scoring.SegmentScore]:
    output = tmp_path_factory.mktemp("scores") / "valid.jsonl"
    return scoring.score_references(
        model, toy.subset(100), toy.prepared / "valid.source", toy.prepared / "valid.target", output, 1
    )


def score(model, toy, source, target, folder: Path) -> list[scoring.SegmentScore]:
    for side, items in (("source", source), ("target", target)):
        write_dataset(folder / side, [np.array(item) for item in items], np.dtype(np.uint16))
    return scoring.score_references(
        model, toy.subset(100), folder / "source", folder / "target", folder / "scores.jsonl", 1
    )


def test_the_summed_likelihood_is_that_of_fairseqs_criterion(loaded, scores):
    from fairseq.criterions.cross_entropy import CrossEntropyCriterion

    network, task = loaded
    criterion = CrossEntropyCriterion(task, sentence_avg=False)
    total, tokens = 0.0, 0
    for sample in batches_of(task):
        _, _, logged = task.valid_step(sample, network, criterion)
        total += float(logged["loss"])
        tokens += int(logged["ntokens"])
    assert sum(one.tokens for one in scores) == tokens
    assert sum(one.negative_log_likelihood for one in scores) == pytest.approx(
        total, rel=1e-5, abs=1e-4 * tokens
    )
    assert total / tokens == pytest.approx(sum(s.negative_log_likelihood for s in scores) / tokens, abs=1e-4)


def test_every_likelihood_is_that_of_its_own_reference(loaded, scores, toy):
    """In the order of the file, though batches are sorted by length."""
    import torch

    network, _ = loaded
    sources, targets = (read_dataset(toy.prepared / f"valid.{side}") for side in ("source", "target"))
    assert len(scores) == len(targets) == 20
    for one, source, target in list(zip(scores, sources, targets, strict=True))[:6]:
        ids = torch.from_numpy(target.astype(np.int64))[None]
        previous = torch.cat([ids[:, -1:], ids[:, :-1]], dim=1)
        with torch.no_grad():
            output = network(
                torch.from_numpy(source.astype(np.int64))[None], torch.tensor([len(source)]), previous
            )
            picked = torch.log_softmax(output[0].double(), -1).gather(-1, ids[..., None])
        assert one.tokens == len(target)
        assert one.negative_log_likelihood == pytest.approx(-float(picked.sum()), abs=1e-4)


def test_the_size_of_batches_does_not_change_a_likelihood(model, toy, scores, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "_BATCH_SEGMENTS", 1)
    sources, targets = (read_dataset(toy.prepared / f"valid.{side}") for side in ("source", "target"))
    single = score(model, toy, sources, targets, tmp_path)
    assert [one.tokens for one in single] == [one.tokens for one in scores]
    for one, other in zip(single, scores, strict=True):
        assert one.negative_log_likelihood == pytest.approx(other.negative_log_likelihood, abs=1e-4)


def test_likelihoods_are_kept_and_not_computed_again(toy, tmp_path):
    output = tmp_path / "scores.jsonl"
    output.write_text("[1.5, 2]\n[0.25, 1]\n")
    none = tmp_path / "none"
    assert scoring.score_references(none, none, none, none, output, 1) == [
        scoring.SegmentScore(1.5, 2),
        scoring.SegmentScore(0.25, 1),
    ]


def test_a_model_that_cannot_be_read_is_an_error_that_leaves_nothing(toy, tmp_path):
    model = tmp_path / "model.pt"
    model.write_bytes(b"PK nothing")
    with pytest.raises(EngineError, match=r"^scoring stopped with code 1: .* \(.*scoring\.log\)$"):
        scoring.translate(model, toy.subset(100), toy.prepared / "valid.source", BEAM, tmp_path / "h.json", 1)
    assert {path.name for path in tmp_path.iterdir()} == {"model.pt", "scoring.log"}


def test_beam_search_is_that_of_fairseqs_task(loaded, model, toy, tmp_path):
    network, task = loaded
    generator = task.build_generator([network], Namespace(beam=3, max_len_a=2.0, max_len_b=10))
    expected: dict[int, list[int]] = {}
    for sample in batches_of(task):
        for number, found in zip(
            sample["id"].tolist(), task.inference_step(generator, [network], sample), strict=True
        ):
            expected[number] = found[0]["tokens"].tolist()
    hypotheses = scoring.translate(
        model, toy.subset(100), toy.prepared / "valid.source", BEAM, tmp_path / "hypotheses.json", 1
    )
    assert len(hypotheses) == len(expected) == 20
    for number, ids in enumerate(hypotheses):
        assert [*ids, 2] == expected[number] or ids == expected[number]
    assert json.loads((tmp_path / "hypotheses.json").read_text()) == hypotheses


def test_every_source_gets_an_answer_however_short_or_long(model, toy, tmp_path):
    """Only an end mark, one piece, and as long as the model reads: in that order and around the others."""
    others = [item.tolist() for item in read_dataset(toy.prepared / "valid.source")[:3]]
    longest = [*np.random.default_rng(0).integers(4, 199, size=511).tolist(), 2]
    sources = [longest, [2], others[0], [9, 2], *others[1:]]
    write_dataset(tmp_path / "source", [np.array(item) for item in sources], np.dtype(np.uint16))
    arguments = (model, toy.subset(100), tmp_path / "source", Evaluate(beam=2, max_length_ratio=0.05))
    hypotheses = scoring.translate(*arguments, tmp_path / "hypotheses.json", 1)
    assert len(hypotheses) == len(sources)
    assert all(hypotheses)
    # A batch shares the bound of its longest source.
    assert max(map(len, hypotheses)) <= int(0.05 * 512) + 10
    scores = score(model, toy, sources, [[5, 2], longest, [2], *others], tmp_path)
    assert [one.tokens for one in scores] == [2, 512, 1, *map(len, others)]
    assert all(np.isfinite(one.negative_log_likelihood) for one in scores)


@given(
    st.lists(st.integers(1, 40), max_size=60),
    st.integers(1, 100),
    st.integers(1, 8),
)
def test_batches_hold_everything_once_within_their_bounds(lengths, tokens, segments):
    found = list(scoring.batches(lengths, tokens, segments))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) <= segments
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= tokens
