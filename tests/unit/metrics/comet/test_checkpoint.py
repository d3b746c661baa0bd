from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_comet
import torch
import yaml

from downlaw.metrics.comet import CometError, LocalModel
from downlaw.metrics.comet.checkpoint import load, look


def model_in(folder: Path) -> LocalModel:
    return LocalModel("own.ckpt", folder / "model/checkpoints/model.ckpt", folder / "encoder")


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> LocalModel:
    """The model in a folder, after `change` of what its checkpoint holds."""
    model = model_in(folder)
    content = torch.load(model.checkpoint, weights_only=True)
    change(content)
    torch.save(content, model.checkpoint)
    return model


class Malicious:
    """What a pickle would run when it is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_checkpoint_that_would_run_code_is_not_loaded(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    model = rewrite(own, lambda content: content.update(extra=Malicious(tmp_path / "ran")))
    with pytest.raises(CometError, match=r"more than weights and plain values.*not loaded.*posix\.mkdir"):
        load(model)
    assert not (tmp_path / "ran").exists()


def test_all_weights_are_those_of_the_checkpoint(local: LocalModel):
    kept = torch.load(local.checkpoint, weights_only=True)["state_dict"]
    loaded = load(local).state_dict()
    assert kept.keys() - loaded.keys() == {"encoder.model.embeddings.position_ids"}
    assert all(torch.equal(kept[name], weights) for name, weights in loaded.items())


def test_a_checkpoint_cut_short_is_named(own: Path):
    model = model_in(own)
    model.checkpoint.write_bytes(model.checkpoint.read_bytes()[:-100])
    with pytest.raises(CometError, match=r"model\.ckpt: no checkpoint of torch, or cut short; copy it again"):
        load(model)


def test_a_damaged_checkpoint_is_named(own: Path):
    model = model_in(own)
    content = bytearray(model.checkpoint.read_bytes())
    place = content.index(b"hyper_parameters") - 40
    content[place : place + 30] = b"\xff" * 30
    model.checkpoint.write_bytes(content)
    with pytest.raises(CometError, match=r"model\.ckpt: (damaged|holds more)"):
        load(model)


@pytest.mark.parametrize("key", ["state_dict", "hyper_parameters"])
def test_a_checkpoint_of_something_else_is_named(own: Path, key: str):
    model = rewrite(own, lambda content: content.pop(key))
    with pytest.raises(CometError, match=r"no checkpoint of comet \(hyper_parameters or state_dict"):
        load(model)


def test_a_weight_that_is_missing_is_never_left_at_random(own: Path):
    model = rewrite(own, lambda content: content["state_dict"].pop("estimator.ff.0.bias"))
    with pytest.raises(CometError, match=r"estimator\.ff\.0\.bias is not there \(1 weights are missing\)"):
        load(model)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"width": 24}, "has shape"),
        ({"layers": 1}, r"has no place in the encoder \(\d+ such weights\)"),
        ({"layers": 3}, r"is not there \(\d+ weights are missing\)"),
        ({"positions": 60}, r"position_embeddings\.weight has shape"),
    ],
    ids=["width", "fewer layers", "more layers", "positions"],
)
def test_an_encoder_that_does_not_match_is_refused(own: Path, change: dict[str, int], what: str):
    shutil.rmtree(own / "encoder")
    tiny_comet.make_encoder(own / "encoder", **change)
    with pytest.raises(CometError, match=rf"evaluate\.comet\.encoder: .* is not the encoder of .*{what}"):
        load(model_in(own))


def test_a_tokenizer_with_more_pieces_than_the_model_is_refused(own: Path, tmp_path: Path):
    from transformers import XLMRobertaTokenizerFast

    tokenizer = XLMRobertaTokenizerFast.from_pretrained(own / "encoder")
    tokenizer.add_tokens([f"new{n}" for n in range(50)])
    tokenizer.save_pretrained(own / "encoder")
    with pytest.raises(CometError, match=r"the tokenizer has \d+ pieces, the model embeds \d+"):
        load(model_in(own))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_broken_files_of_an_encoder_are_named(own: Path, name: str):
    (own / "encoder" / name).write_text("{")
    with pytest.raises(CometError, match=r"encoder: no config and tokenizer of a XLM-RoBERTa encoder: "):
        load(model_in(own))


def test_an_encoder_that_comet_does_not_know_is_refused(own: Path):
    model = rewrite(own, lambda content: content["hyper_parameters"].update(encoder_model="GPT"))
    with pytest.raises(CometError, match=r"encoder_model is 'GPT', which comet does not know \(BERT, "):
        load(model)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("referenceless_regression_metric", "judges without a reference"),
        ("ranking_metric", "is another kind of model"),
        ("xcomet_metric", "is another kind of model"),
    ],
)
def test_another_class_of_comet_is_refused(own: Path, kind: str, why: str):
    model = model_in(own)
    model.hparams.write_text(yaml.safe_dump({"class_identifier": kind}))
    with pytest.raises(CometError, match=rf"own\.ckpt is a {kind}, which {why}; only a regression_metric"):
        load(model)


def test_weights_of_a_referenceless_model_are_refused_whatever_hparams_say(own: Path):
    def narrow(content: dict[str, Any]) -> None:
        weights = content["state_dict"]
        weights["estimator.ff.0.weight"] = weights["estimator.ff.0.weight"][:, : 4 * 16]

    with pytest.raises(
        CometError, match=r"estimator\.ff\.0\.weight has shape \(24, 64\) there, and \(24, 96\)"
    ):
        load(rewrite(own, narrow))


def test_the_patched_sparsemax_of_older_checkpoints_is_read_as_comet_reads_it(own: Path):
    model = rewrite(
        own, lambda content: content["hyper_parameters"].update(layer_transformation="sparsemax_patch")
    )
    assert load(model).layerwise_attention.transform_fn is torch.softmax


def test_the_patched_sparsemax_is_also_read_where_only_hparams_yaml_has_it(own: Path):
    model = model_in(own)
    hparams = yaml.safe_load(model.hparams.read_text()) | {"layer_transformation": "sparsemax_patch"}
    model.hparams.write_text(yaml.safe_dump(hparams))
    assert load(model).layerwise_attention.transform_fn is torch.softmax


def test_a_look_finds_what_cannot_be_loaded_without_loading_it(own: Path, tmp_path: Path):
    look(model_in(own))
    config = own / "encoder/config.json"
    whole = config.read_text()
    for key, says in (
        ("hidden_size", "word_embeddings.weight has shape"),
        ("num_hidden_layers", "layers there"),
    ):
        changed = json.loads(whole)
        changed[key] += 2
        config.write_text(json.dumps(changed))
        with pytest.raises(CometError, match=f"is not the encoder of .*{says}"):
            look(model_in(own))
    config.write_text("{}")
    with pytest.raises(CometError, match=r"config\.json: no config of an encoder \(KeyError"):
        look(model_in(own))
    config.write_text(whole)
    model = rewrite(own, lambda content: content.update(extra=Malicious(tmp_path / "ran")))
    with pytest.raises(CometError, match="more than weights and plain values"):
        look(model)


def test_a_tensor_alone_is_no_checkpoint_of_comet(own: Path):
    model = model_in(own)
    torch.save(torch.zeros(3), model.checkpoint)
    for read in (load, look):
        with pytest.raises(CometError, match="no checkpoint of comet"):
            read(model)


def test_hparams_may_stand_beside_the_checkpoint(own: Path, local: LocalModel):
    moved = own / "flat/mine.ckpt"
    moved.parent.mkdir()
    shutil.copy(local.checkpoint, moved)
    model = replace(local, checkpoint=moved)
    with pytest.raises(CometError, match=r"mine\.ckpt: no hparams\.yaml beside it or one folder above"):
        load(model)
    shutil.copy(own / "model/hparams.yaml", moved.parent)
    assert load(model).requires_references()
