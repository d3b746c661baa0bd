"""The forward pass of a real model, beside fairseq's own model and criterion."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch

from downlaw.engine import transformer
from downlaw.engine.layers import END, ModelError
from downlaw.engine.mmap import read_dataset
from downlaw.engine.transformer import State, Transformer


@pytest.fixture(scope="module")
def path(trained) -> Path:
    return Path(trained["finetuned"]["checkpoint"])


@pytest.fixture(scope="module")
def model(path) -> Transformer:
    return transformer.load(path)


@pytest.fixture(scope="module")
def state(path) -> dict:
    with torch.serialization.safe_globals([Namespace]):
        return torch.load(path, weights_only=True)


@pytest.fixture(scope="module")
def text(toy) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return tuple(read_dataset(toy.prepared / f"valid.{side}") for side in ("source", "target"))


@pytest.fixture(scope="module")
def loaded(path, toy):
    """fairseq's own model and task, with the validation set as fairseq loads it."""
    from fairseq import checkpoint_utils

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
        models, _, task = checkpoint_utils.load_model_ensemble_and_task(
            [str(path)], arg_overrides={"data": str(toy.subset(100))}
        )
    models[0].eval()
    task.load_dataset("valid")
    return models[0], task


def likelihoods(model: Transformer, sources, targets) -> list[float]:
    with torch.inference_mode():
        return model.negative_log_likelihoods(model.encode(sources), targets).tolist()


def test_the_summed_likelihood_is_that_of_fairseqs_criterion(loaded, model, text):
    from fairseq.criterions.cross_entropy import CrossEntropyCriterion

    network, task = loaded
    criterion = CrossEntropyCriterion(task, sentence_avg=False)
    total, tokens = 0.0, 0
    iterator = task.get_batch_iterator(task.dataset("valid"), max_sentences=7)
    for sample in iterator.next_epoch_itr(shuffle=False):
        _, _, logged = task.valid_step(sample, network, criterion)
        total += float(logged["loss"])
        tokens += int(logged["ntokens"])
    assert sum(map(len, text[1])) == tokens
    assert sum(likelihoods(model, *text)) == pytest.approx(total, rel=1e-5)


def test_every_likelihood_is_that_of_its_own_reference(loaded, model, text):
    network, _ = loaded
    found = likelihoods(model, *text)
    assert len(found) == len(text[1]) == 20
    for one, source, target in list(zip(found, *text, strict=True))[:6]:
        ids = torch.from_numpy(target.astype(np.int64))[None]
        previous = torch.cat([ids[:, -1:], ids[:, :-1]], dim=1)
        with torch.no_grad():
            output = network(
                torch.from_numpy(source.astype(np.int64))[None], torch.tensor([len(source)]), previous
            )
            picked = torch.log_softmax(output[0].double(), -1).gather(-1, ids[..., None])
        assert one == pytest.approx(-float(picked.sum()), abs=1e-4)


def test_what_lies_beside_a_segment_does_not_change_its_likelihood(model, text):
    together = likelihoods(model, *text)
    alone = [likelihoods(model, [source], [target])[0] for source, target in zip(*text, strict=True)]
    assert together == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize("beam", [1, 3])
def test_steps_give_the_logits_of_the_whole_target(loaded, model, text, beam):
    """Hypotheses that change places and sources that are dropped, beside fairseq over the whole prefix."""
    network, _ = loaded
    draw = np.random.default_rng(0)
    sources = sorted(text[0][:4], key=len)
    prefixes = np.full((len(sources), beam, 1), END)
    kept = np.arange(len(sources))
    with torch.inference_mode():
        state = State(model.encode(sources), beam)
        for step in range(40):
            logits = model.step(state, torch.from_numpy(prefixes[:, :, -1]))
            parents = draw.integers(0, beam, prefixes.shape[:2])
            if step % 13 == 0:
                for row, index in enumerate(kept):
                    ids = torch.from_numpy(sources[index].astype(np.int64)).expand(beam, -1)
                    lengths = torch.full((beam,), ids.shape[1])
                    expected = network(ids, lengths, torch.from_numpy(prefixes[row]))[0][:, -1]
                    assert torch.allclose(logits[row], expected, atol=1e-4)
            new = draw.integers(4, 199, (*parents.shape, 1))
            prefixes = np.concatenate([np.take_along_axis(prefixes, parents[..., None], 1), new], axis=2)
            state.reorder(torch.from_numpy(parents))
            if step == 20:
                state.select(torch.tensor([1, 3]))
                prefixes, kept = prefixes[[1, 3]], kept[[1, 3]]


def test_half_precision_weights_are_read_in_full(state, model, text):
    halves = {name: weight.half() for name, weight in state["model"].items()}
    found = likelihoods(Transformer(halves, state["cfg"]["model"]), *text)
    assert found == pytest.approx(likelihoods(model, *text), rel=1e-2)


@pytest.mark.parametrize(
    ("key", "value"),
    [("encoder_normalize_before", False), ("decoder_learned_pos", True), ("activation_fn", "gelu")],
)
def test_a_model_of_another_architecture_is_refused(state, key, value):
    settings = Namespace(**{**vars(state["cfg"]["model"]), key: value})
    with pytest.raises(ModelError, match=rf"another architecture: {key}={value}"):
        Transformer(state["model"], settings)


def test_the_error_names_the_file(path, state, tmp_path):
    settings = Namespace(**{**vars(state["cfg"]["model"]), "activation_fn": "gelu"})
    torch.save({"model": state["model"], "cfg": {"model": settings}}, tmp_path / "gelu.pt")
    with pytest.raises(ModelError, match=r"gelu\.pt: it is a model of another architecture"):
        transformer.load(tmp_path / "gelu.pt")
    whole = path.read_bytes()
    for name, data in (("short.pt", whole[: len(whole) // 2]), ("empty.pt", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError, match=rf"{name} cannot be read as a model: ."):
            transformer.load(tmp_path / name)
    with pytest.raises(ModelError, match=r"none\.pt cannot be read as a model: ."):
        transformer.load(tmp_path / "none.pt")


class Touch:
    """Unpickled without care, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_is_run_by_reading_a_model(state, tmp_path):
    torch.save({**state, "extra_state": Touch(tmp_path / "touched")}, tmp_path / "model.pt")
    with pytest.raises(ModelError, match=r"model\.pt cannot be read as a model"):
        transformer.load(tmp_path / "model.pt")
    assert not (tmp_path / "touched").exists()


def test_a_segment_that_is_too_long_is_refused(model):
    with pytest.raises(ModelError, match=r"a segment has 600 pieces, the model takes 512"):
        model.encode([np.full(600, 9)])
