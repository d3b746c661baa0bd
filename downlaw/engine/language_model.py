"""The forward pass of a decoder-only model, without fairseq: the likelihood of a text after a context.

It is fairseq's `transformer_lm` as this pipeline trains it: layers that normalise first, sinusoidal
positions, GELU, a norm after the last layer, and an output matrix that may be the embedding.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from downlaw.engine.layers import ModelError, Network, after_end, load_as


class LanguageModel(Network):
    """A decoder-only model's weights on one device, in fp32.

    Attributes:
        longest: pieces of context and continuation together, as many as a block of its training has.
        vocabulary: number of ids.
    """

    trained_here: ClassVar = {
        "_name": "transformer_lm",
        "decoder_normalize_before": True,
        "no_decoder_final_norm": False,
        "decoder_learned_pos": False,
        "activation_fn": "gelu",
        "layernorm_embedding": False,
        "no_scale_embedding": False,
        "no_token_positional_embeddings": False,
        "adaptive_softmax_cutoff": None,
        "adaptive_input": False,
        "character_embeddings": False,
        "add_bos_token": False,
        "base_layers": 0,
        "scale_fc": False,
        "scale_attn": False,
        "scale_heads": False,
        "scale_resids": False,
    }
    embedded = "decoder.embed_tokens.weight"

    @staticmethod
    def _longest(settings: Namespace) -> int:
        return int(settings.max_target_positions or settings.tokens_per_sample)

    def _build(self, settings: Namespace) -> None:
        widths = {name: int(vars(settings)[f"decoder_{name}_dim"]) for name in ("embed", "input", "output")}
        if len(set(widths.values())) > 1:
            said = ", ".join(f"decoder_{name}_dim={width}" for name, width in widths.items())
            raise ModelError(f"it is a model of another architecture: {said}")
        self._heads = int(settings.decoder_attention_heads)
        self._decoder = self._layers("decoder", int(settings.decoder_layers))
        self._last_norm = self._pair("decoder.layer_norm")

    def negative_log_likelihoods(
        self, contexts: Sequence[np.ndarray], continuations: Sequence[np.ndarray]
    ) -> Tensor:
        """Of each continuation (n) after an end mark and its context, in nats summed over its pieces, in
        double precision. Ids; a context may be empty.

        Raises:
            ModelError: where a context and its continuation are together longer than the model reads, or a
                continuation is empty; names the first such segment, counted from 1.
        """
        for number, pair in enumerate(zip(contexts, continuations, strict=True), start=1):
            context, pieces = map(len, pair)
            if not pieces or context + pieces > self.longest:
                raise ModelError(
                    f"segment {number} has {context:,} pieces of context and {pieces:,} after it, "
                    f"the model takes 1 to {self.longest:,} together"
                )
        ids = self._collate([np.concatenate(pair) for pair in zip(contexts, continuations, strict=True)])
        x = self._embed(after_end(ids))
        for layer in self._decoder:
            x = self._feed_forward(self._whole(x, layer.itself, self._heads, is_causal=True), layer)
        begin = torch.tensor([len(context) for context in contexts])
        end = begin + torch.tensor([len(continuation) for continuation in continuations])
        places = torch.arange(ids.shape[1])
        counted = (places >= begin[:, None]) & (places < end[:, None])
        return self._losses(x, self._last_norm, ids, counted.to(self.device))


def load(path: Path, device: str = "cpu") -> LanguageModel:
    """A decoder-only model of this pipeline from its checkpoint, read as `layers.load_as` does.

    Raises:
        ModelError: where the file cannot be read, or is no such model.
    """
    return load_as(LanguageModel, path, device)
