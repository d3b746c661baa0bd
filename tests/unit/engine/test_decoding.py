"""Greedy and beam search, beside fairseq's own generator."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from downlaw.engine import decoding, transformer
from downlaw.engine.decoding import batches, translate
from downlaw.engine.layers import END
from downlaw.engine.mmap import read_dataset


@pytest.fixture(scope="module")
def loaded(trained, toy):
    """fairseq's own model and task, with weights that make hypotheses end at different steps."""
    from fairseq import checkpoint_utils

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
        models, _, task = checkpoint_utils.load_model_ensemble_and_task(
            [trained["finetuned"]["checkpoint"]], arg_overrides={"data": str(toy.subset(100))}
        )
    models[0].eval()
    torch.manual_seed(1)
    with torch.no_grad():
        embedding = models[0].encoder.embed_tokens.weight
        for weight in models[0].parameters():
            if weight.dim() == 2:
                weight.normal_(std=0.3 if weight is embedding else 1.0)
        embedding[END] *= 1.5
    return models[0], task


@pytest.fixture(scope="module")
def model(loaded, trained) -> transformer.Transformer:
    with torch.serialization.safe_globals([Namespace]):
        settings = torch.load(trained["finetuned"]["checkpoint"], weights_only=True)["cfg"]["model"]
    return transformer.Transformer(loaded[0].state_dict(), settings)


@pytest.fixture(scope="module")
def sources(toy) -> list[np.ndarray]:
    return read_dataset(toy.prepared / "valid.source")


def by_fairseq(loaded, sources, beam: int, ratio: float, penalty: float) -> list[list[int]]:
    """One source at a time: fairseq bounds the length by the longest source of a batch."""
    network, task = loaded
    options = Namespace(beam=beam, max_len_a=ratio, max_len_b=10, lenpen=penalty)
    generator = task.build_generator([network], options)
    found = []
    for source in sources:
        ids = torch.from_numpy(source.astype(np.int64))[None]
        net_input = {"src_tokens": ids, "src_lengths": torch.tensor([len(source)])}
        best = generator.generate([network], {"net_input": net_input})[0][0]["tokens"].tolist()
        found.append(best[:-1] if best[-1] == END else best)
    return found


@pytest.mark.parametrize(
    ("beam", "ratio", "penalty"),
    [(1, 2.0, 1.0), (1, 0.1, 1.0), (2, 2.0, 1.0), (4, 2.0, 1.0), (5, 0.1, 1.0), (4, 2.0, 0.0), (3, 2.0, 2.0)],
)
def test_translations_are_those_of_fairseq(loaded, model, sources, beam, ratio, penalty):
    expected = by_fairseq(loaded, sources, beam, ratio, penalty)
    assert translate(model, sources, beam, ratio, penalty) == expected
    assert len({len(ids) for ids in expected}) > 1  # they end at different steps


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("segments", [1, 3, 64])
def test_a_translation_does_not_depend_on_what_is_decoded_beside_it(model, sources, beam, segments):
    expected = translate(model, sources, beam, 2.0)
    assert translate(model, sources, beam, 2.0, batch_segments=segments) == expected
    reversed_order = translate(model, sources[::-1], beam, 2.0, batch_segments=segments)
    assert reversed_order[::-1] == expected


@pytest.mark.parametrize("beam", [1, 4])
def test_sizes_of_buffers_do_not_change_a_translation(model, sources, beam, monkeypatch):
    expected = translate(model, sources, beam, 8.0)
    assert max(map(len, expected)) > 32  # a buffer had to grow
    for share in (0.0, 1.0):
        monkeypatch.setattr(decoding, "_LIVE_SHARE", share)
        assert translate(model, sources, beam, 8.0) == expected


@pytest.mark.parametrize("beam", [1, 2])
def test_a_hypothesis_is_as_long_as_its_own_source_allows(model, sources, beam):
    for ratio in (0.01, 0.5):
        for source, ids in zip(sources, translate(model, sources, beam, ratio), strict=True):
            assert 1 <= len(ids) <= int(ratio * len(source) + decoding.EXTRA_PIECES)


def test_the_models_own_length_bounds_every_hypothesis(model, sources, monkeypatch):
    monkeypatch.setattr(model, "longest", 12)
    found = translate(model, [source[-12:] for source in sources], 1, 5.0)
    assert max(map(len, found)) == 11


def test_no_sources_no_translations(model):
    assert translate(model, [], 4, 2.0) == []


@pytest.mark.parametrize("beam", [1, 3])
def test_a_model_whose_weights_are_not_finite_still_gives_an_answer(loaded, trained, sources, beam):
    with torch.serialization.safe_globals([Namespace]):
        state = torch.load(Path(trained["finetuned"]["checkpoint"]), weights_only=True)
    weights = {name: torch.full_like(weight, float("nan")) for name, weight in state["model"].items()}
    broken = transformer.Transformer(weights, state["cfg"]["model"])
    assert len(translate(broken, sources, beam, 2.0)) == len(sources)


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 100), st.integers(1, 8))
def test_batches_hold_everything_once_within_their_bounds(lengths, tokens, segments):
    found = list(batches(lengths, tokens, segments))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) <= segments
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= tokens
