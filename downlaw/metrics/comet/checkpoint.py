"""The checkpoint of a COMET model, loaded into comet's own class.

Nothing is unpickled but tensors and plain values, and every weight of the model must come from the file:
comet itself would leave a missing one at random.
"""

from __future__ import annotations

import inspect
import json
import pickle
import warnings
from typing import Any

import yaml

from .cache import CONFIG, CometError, LocalModel, check

_PARTS = ("encoder.model.encoder.", "encoder.model.embeddings.", "layerwise_attention.", "estimator.")
_EMBEDDINGS, _LAYERS = "encoder.model.embeddings.word_embeddings.weight", "encoder.model.encoder.layer."
_DERIVED = ".position_ids"
"""A buffer that transformers once kept in checkpoints, made from the config alone."""


def load(local: LocalModel) -> Any:
    """The comet RegressionMetric of a checkpoint, on the CPU, ready to score.

    Raises:
        CometError: where the checkpoint is damaged, holds more than weights and plain values, is of another
            class, or does not match the encoder.
    """
    check(local)
    checkpoint = _read(local)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages that comet imports
        from comet.encoders import str2encoder
        from comet.models import RegressionMetric
    try:
        known = inspect.signature(RegressionMetric.__init__).parameters
        hparams = {key: value for key, value in checkpoint["hyper_parameters"].items() if key in known}
        weights = dict(checkpoint["state_dict"])
    except (LookupError, TypeError, ValueError, AttributeError):
        raise CometError(
            f"{local.checkpoint}: no checkpoint of comet (hyper_parameters or state_dict is missing)"
        ) from None
    if hparams.get("encoder_model") not in str2encoder:
        raise CometError(
            f"{local.checkpoint}: encoder_model is {hparams.get('encoder_model')!r}, which comet does not "
            f"know ({', '.join(str2encoder)})"
        )
    told = yaml.safe_load(local.hparams.read_text(encoding="utf-8"))
    if "sparsemax_patch" in (hparams.get("layer_transformation"), told.get("layer_transformation")):
        hparams["layer_transformation"] = "softmax"  # as comet reads it from 2.2.4 on, in either place
    hparams |= {
        "pretrained_model": str(local.encoder),
        "load_pretrained_weights": False,
        "local_files_only": True,
    }
    try:
        model = RegressionMetric(**hparams)
    except Exception as error:  # whatever transformers and tokenizers make of a foreign folder
        raise CometError(
            f"{local.encoder}: no config and tokenizer of a {hparams['encoder_model']} encoder: "
            f"{_first_line(error)}"
        ) from None
    _fill(model, weights, local)
    return model.eval()


def look(local: LocalModel) -> None:
    """Refuse a model that could not be loaded, as far as the shapes of its weights tell, which are not read.

    Raises:
        CometError: where the checkpoint is damaged, holds more than weights and plain values, or has not the
            layers that the encoder's config names.
    """
    checkpoint = _read(local, mmap=True)
    try:
        config = json.loads((local.encoder / CONFIG).read_text(encoding="utf-8"))
        need = (config["vocab_size"], config["hidden_size"])
        layers = config["num_hidden_layers"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CometError(
            f"{local.encoder / CONFIG}: no config of an encoder ({type(error).__name__}: {error})"
        ) from None
    try:
        shapes = {name: tuple(weight.shape) for name, weight in checkpoint["state_dict"].items()}
    except (LookupError, TypeError, ValueError, AttributeError):
        raise CometError(f"{local.checkpoint}: no checkpoint of comet (state_dict is missing)") from None
    have = shapes.get(_EMBEDDINGS)
    if have != need:
        raise _mismatch(local, f"{_EMBEDDINGS} has shape {have} there, and {need} by the encoder's config")
    found = {name.split(".")[4] for name in shapes if name.startswith(_LAYERS)}
    if len(found) != layers:
        raise _mismatch(local, f"it has {len(found)} layers there, and {layers} by the encoder's config")


def _read(local: LocalModel, mmap: bool = False) -> Any:
    import torch

    remedy = "remove it, and fetch it again" if local.revision else "copy it again"
    try:
        checkpoint = torch.load(local.checkpoint, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        raise CometError(
            f"{local.checkpoint}: holds more than weights and plain values, and could run foreign code; "
            f"it is not loaded ({_first_global(error)})"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, LookupError) as error:
        raise CometError(f"{local.checkpoint}: damaged: {_first_line(error)}; {remedy}") from None
    if not isinstance(checkpoint, dict):
        raise CometError(f"{local.checkpoint}: no checkpoint of comet, but a {type(checkpoint).__name__}")
    return checkpoint


def _fill(model: Any, weights: dict[str, Any], local: LocalModel) -> None:
    own = model.state_dict()
    missing = sorted(own.keys() - weights.keys())
    unused = sorted(
        name
        for name in weights.keys() - own.keys()
        if name.startswith(_PARTS) and not name.endswith(_DERIVED)
    )
    if missing:
        raise _mismatch(local, f"{missing[0]} is not there ({len(missing)} weights are missing)")
    if unused:
        raise _mismatch(local, f"{unused[0]} has no place in the encoder ({len(unused)} such weights)")
    for name in sorted(own):
        have, need = tuple(weights[name].shape), tuple(own[name].shape)
        if have != need:
            raise _mismatch(local, f"{name} has shape {have} there, and {need} by the encoder's config")
    pieces, embeddings = len(model.encoder.tokenizer), model.encoder.model.config.vocab_size
    if pieces > embeddings:
        raise _mismatch(local, f"the tokenizer has {pieces} pieces, the model embeds {embeddings}")
    model.load_state_dict(weights, strict=False)


def _mismatch(local: LocalModel, what: str) -> CometError:
    return CometError(
        f"evaluate.comet.encoder: {local.encoder} is not the encoder of {local.checkpoint}: {what}"
    )


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _first_global(error: Exception) -> str:
    """The part of torch's message that names what would have been called."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if "GLOBAL" in line), _first_line(error)).partition(" was not")[0]
