"""The forward pass of a real decoder-only model, beside fairseq's own and beside one written out by hand."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from language_model_toy import BLOCK, MODELS, VOCABULARY
from scipy.special import erf

from downlaw.engine import language_model, transformer
from downlaw.engine.language_model import LanguageModel
from downlaw.engine.layers import ModelError
from downlaw.engine.mmap import read_dataset

NOTHING = np.array([], np.int64)
CONTEXT, CONTINUATION = np.array([7, 30, 5]), np.array([9, 41, 2, 8, 6])


@pytest.fixture(scope="module")
def states(language_models) -> dict[str, dict]:
    with torch.serialization.safe_globals([Namespace]):
        return {name: torch.load(language_models / f"{name}.pt", weights_only=True) for name in MODELS}


@pytest.fixture(scope="module")
def models(language_models) -> dict[str, LanguageModel]:
    return {name: language_model.load(language_models / f"{name}.pt") for name in MODELS}


@pytest.fixture
def drawn() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Contexts and continuations of all lengths, without a context and as long as the model reads too."""
    draw = np.random.default_rng(1)
    sizes = [(0, 1), (0, BLOCK), (BLOCK - 1, 1), (3, 5)] + [tuple(draw.integers(1, 9, 2)) for _ in range(20)]
    return tuple([draw.integers(2, VOCABULARY, pair[side]) for pair in sizes] for side in (0, 1))


def likelihoods(model: LanguageModel, contexts, continuations) -> list[float]:
    with torch.inference_mode():
        found = model.negative_log_likelihoods(contexts, continuations)
    assert found.dtype == torch.float64
    return found.tolist()


@pytest.mark.parametrize("name", MODELS)
def test_a_block_is_as_likely_as_fairseq_says_of_what_it_trains_on(language_models, models, name):
    from fairseq import checkpoint_utils

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
        (network,), _, task = checkpoint_utils.load_model_ensemble_and_task(
            [str(language_models / f"{name}.pt")]
        )
    network.eval()
    task.load_dataset("train")
    blocks = read_dataset(language_models / "data/train")
    found = likelihoods(models[name], [NOTHING] * len(blocks), blocks)
    dataset = task.dataset("train")
    assert len(dataset) == len(blocks) == 24
    for index, one in enumerate(found):
        sample = dataset[index]
        with torch.no_grad():
            logits = network(sample["source"][None])[0].double()
        picked = torch.log_softmax(logits, -1).gather(-1, sample["target"][None, :, None])
        assert sample["target"].tolist() == blocks[index].tolist()
        assert one == pytest.approx(-float(picked.sum()), rel=1e-5)


@pytest.mark.parametrize(("context", "continuation"), [(CONTEXT, CONTINUATION), (NOTHING, CONTINUATION)])
def test_a_likelihood_worked_out_by_hand(states, models, context, continuation):
    """One layer of width 16 with two heads, piece by piece."""
    weights = {name: value.double().numpy() for name, value in states["untied"]["model"].items()}

    def linear(x, name):
        return x @ weights[f"decoder.{name}.weight"].T + weights[f"decoder.{name}.bias"]

    def norm(x, name):
        x = (x - x.mean()) / math.sqrt(x.var() + 1e-5)
        return x * weights[f"decoder.{name}.weight"] + weights[f"decoder.{name}.bias"]

    def position(number):
        angles = (number + 2) / 10_000 ** (np.arange(8) / 7)
        return np.concatenate([np.sin(angles), np.cos(angles)])

    read = [2, *context, *continuation[:-1]]
    inputs = [4 * weights["decoder.embed_tokens.weight"][piece] + position(n) for n, piece in enumerate(read)]
    seen = [norm(x, "layers.0.self_attn_layer_norm") for x in inputs]
    queries, keys, values = (
        [linear(x, f"layers.0.self_attn.{name}_proj").reshape(2, 8) for x in seen] for name in "qkv"
    )
    total = 0.0
    for place in range(len(context), len(read)):
        heads = []
        for head in range(2):
            scores = np.array([queries[place][head] @ keys[n][head] / math.sqrt(8) for n in range(place + 1)])
            shares = np.exp(scores) / np.exp(scores).sum()
            heads.append(sum(share * values[n][head] for n, share in enumerate(shares)))
        x = inputs[place] + linear(np.concatenate(heads), "layers.0.self_attn.out_proj")
        wide = linear(norm(x, "layers.0.final_layer_norm"), "layers.0.fc1")
        x = x + linear(wide * (1 + erf(wide / math.sqrt(2))) / 2, "layers.0.fc2")
        logits = weights["decoder.output_projection.weight"] @ norm(x, "layer_norm")
        total += np.log(np.exp(logits).sum()) - logits[continuation[place - len(context)]]
    assert likelihoods(models["untied"], [context], [continuation]) == [pytest.approx(total, rel=1e-5)]


@pytest.mark.parametrize("name", MODELS)
def test_what_lies_beside_a_text_does_not_change_its_likelihood(models, drawn, name):
    together = likelihoods(models[name], *drawn)
    alone = [likelihoods(models[name], [a], [b])[0] for a, b in zip(*drawn, strict=True)]
    assert together == pytest.approx(alone, rel=1e-5)


def test_the_likelihood_of_a_text_is_that_of_its_parts(models, drawn):
    whole = [np.concatenate(pair) for pair in zip(*drawn, strict=True)]
    contexts = [(NOTHING, a) for a in drawn[0] if len(a)]
    found = likelihoods(models["tied"], [NOTHING] * len(whole), whole)
    after = likelihoods(models["tied"], *drawn)
    before = iter(likelihoods(models["tied"], *zip(*contexts, strict=True)))
    for one, rest, context in zip(found, after, drawn[0], strict=True):
        assert one == pytest.approx(rest + (next(before) if len(context) else 0), rel=1e-5)


def test_the_output_is_the_embedding_where_it_is_tied(states):
    tied, untied = (states[name]["model"] for name in ("tied", "untied"))
    names = "decoder.output_projection.weight", "decoder.embed_tokens.weight"
    assert torch.equal(*(tied[name] for name in names))
    assert not torch.equal(*(untied[name] for name in names))


def test_half_precision_weights_are_read_in_full(states, models):
    halves = {name: weight.half() for name, weight in states["tied"]["model"].items()}
    model = LanguageModel(halves, Namespace(**states["tied"]["cfg"]["model"]))
    expected = likelihoods(models["tied"], [CONTEXT], [CONTINUATION])
    assert likelihoods(model, [CONTEXT], [CONTINUATION]) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((0, 17), r"segment 2 has 0 pieces"), ((9, 8), r"9 .* and 8 after"), ((5, 0), r"and 0 after")],
)
def test_a_segment_that_does_not_fit_is_refused(models, sizes, message):
    assert models["tied"].longest == BLOCK
    contexts, continuations = ([np.full(2, 9), np.full(size, 9)] for size in sizes)
    with pytest.raises(ModelError, match=rf"{message}.*the model takes 1 to 16 together"):
        models["tied"].negative_log_likelihoods(contexts, continuations)


def test_what_the_training_was_told_to_read_is_what_the_model_reads(states):
    settings = Namespace(**states["tied"]["cfg"]["model"] | {"max_target_positions": 12})
    assert LanguageModel(states["tied"]["model"], settings).longest == 12


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("activation_fn", "relu", "activation_fn=relu"),
        ("no_decoder_final_norm", True, "no_decoder_final_norm=True"),
        ("decoder_input_dim", 512, "decoder_embed_dim=16, decoder_input_dim=512, decoder_output_dim=16"),
    ],
)
def test_a_model_of_another_architecture_is_refused(states, key, value, said):
    settings = Namespace(**states["tied"]["cfg"]["model"] | {key: value})
    with pytest.raises(ModelError, match=f"another architecture: {said}"):
        LanguageModel(states["tied"]["model"], settings)


def test_neither_kind_of_model_is_read_as_the_other(language_models, trained):
    finetuned = Path(trained["finetuned"]["checkpoint"])
    with pytest.raises(ModelError, match=r"\.pt: it is a model of another architecture: _name=transformer,"):
        language_model.load(finetuned)
    with pytest.raises(ModelError, match=r"tied\.pt: it is .* another architecture: _name=transformer_lm,"):
        transformer.load(language_models / "tied.pt")


class Touch:
    """Unpickled without care, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_is_run_by_reading_a_model(states, tmp_path):
    torch.save({**states["tied"], "extra_state": Touch(tmp_path / "touched")}, tmp_path / "model.pt")
    with pytest.raises(ModelError, match=r"model\.pt cannot be read as a model"):
        language_model.load(tmp_path / "model.pt")
    assert not (tmp_path / "touched").exists()
