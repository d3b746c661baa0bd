"""The checkpoint of a COMET model, loaded into comet's own class.

Nothing is unpickled but tensors and plain values, and every weight of the model must come from the file:
comet itself would leave a missing one at random.
"""

from __future__ import annotations

import inspect
import pickle
import warnings
from typing import Any

from .cache import CometError, LocalModel, check

_PARTS = ("encoder.model.encoder.", "encoder.model.embeddings.", "layerwise_attention.", "estimator.")
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
    except (KeyError, TypeError, AttributeError):
        raise CometError(
            f"{local.checkpoint}: no checkpoint of comet (hyper_parameters or state_dict is missing)"
        ) from None
    if hparams.get("encoder_model") not in str2encoder:
        raise CometError(
            f"{local.checkpoint}: encoder_model is {hparams.get('encoder_model')!r}, which comet does not "
            f"know ({', '.join(str2encoder)})"
        )
    if hparams.get("layer_transformation") == "sparsemax_patch":  # comet reads it so from 2.2.4 on
        hparams["layer_transformation"] = "softmax"
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


def _read(local: LocalModel) -> Any:
    import torch

    remedy = "remove it, and fetch it again" if local.revision else "copy it again"
    try:
        return torch.load(local.checkpoint, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CometError(
            f"{local.checkpoint}: holds more than weights and plain values, and could run foreign code; "
            f"it is not loaded ({_first_global(error)})"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CometError(f"{local.checkpoint}: damaged: {_first_line(error)}; {remedy}") from None


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
