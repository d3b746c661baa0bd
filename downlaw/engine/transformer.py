"""The forward pass of a finetuned model, without fairseq: encoder, likelihoods, one step of decoding.

It is the transformer that `downlaw.engine.commands` trains: layers that normalise first, sinusoidal
positions, one embedding for everything (Vaswani et al. 2017). fairseq takes seconds to import, and its
decoder copies all keys and values at every step; here they stay in buffers that only grow.
"""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from downlaw.engine.layers import PAD, Attention, Network, after_end, join, load_as


class Transformer(Network):
    """A finetuned model's weights on one device, in fp32.

    Attributes:
        longest: pieces, end mark included, that the model was built to read and to write.
        vocabulary: number of ids.
    """

    trained_here: ClassVar = {
        "_name": "transformer",
        "encoder_normalize_before": True,
        "decoder_normalize_before": True,
        "share_all_embeddings": True,
        "encoder_learned_pos": False,
        "decoder_learned_pos": False,
        "activation_fn": "relu",
        "layernorm_embedding": False,
        "no_scale_embedding": False,
        "no_token_positional_embeddings": False,
        "no_cross_attention": False,
        "cross_self_attention": False,
        "adaptive_softmax_cutoff": None,
    }
    embedded = "encoder.embed_tokens.weight"

    @staticmethod
    def _longest(settings: Namespace) -> int:
        return min(int(settings.max_source_positions), int(settings.max_target_positions))

    def _build(self, settings: Namespace) -> None:
        self.heads = int(settings.encoder_attention_heads), int(settings.decoder_attention_heads)
        self._encoder = self._layers("encoder", int(settings.encoder_layers))
        self._decoder = self._layers("decoder", int(settings.decoder_layers), cross=True)
        self._encoder_norm = self._pair("encoder.layer_norm")
        self._decoder_norm = self._pair("decoder.layer_norm")

    def _cross(self, x: Tensor, block: Attention, memory: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        """Attention of x (n, t, d) to the source, with the residual."""
        query = functional.linear(self._norm(x, block.norm), *block.inputs)
        (query,) = self._split(query, 1, self.heads[1])
        seen = functional.scaled_dot_product_attention(query, *memory, attn_mask=mask)
        return functional.linear(join(seen), *block.output).add_(x)

    def encode(self, sources: Sequence[np.ndarray]) -> Source:
        """Read n sources, ids with their end marks.

        Raises:
            ModelError: where one is longer than the model reads.
        """
        ids = self._collate(sources)
        mask = torch.zeros(ids.shape, device=self.device).masked_fill_(ids == PAD, -math.inf)[:, None, None]
        x = self._embed(ids)
        for layer in self._encoder:
            x = self._feed_forward(self._whole(x, layer.itself, self.heads[0], attn_mask=mask), layer)
        x = self._norm(x, self._encoder_norm)
        memory = []
        for layer in self._decoder:
            key, value = self._split(functional.linear(x, *layer.source.memory), 2, self.heads[1])
            memory.append((key.contiguous(), value.contiguous()))
        return Source(memory, mask)

    def negative_log_likelihoods(self, source: Source, targets: Sequence[np.ndarray]) -> Tensor:
        """Of each target (n), ids with end marks, in nats summed over its pieces, in double precision.

        Raises:
            ModelError: where one is longer than the model writes.
        """
        ids = self._collate(targets)
        x = self._embed(after_end(ids))
        for layer, memory in zip(self._decoder, source.memory, strict=True):
            x = self._whole(x, layer.itself, self.heads[1], is_causal=True)
            x = self._feed_forward(self._cross(x, layer.source, memory, source.mask), layer)
        return self._losses(x, self._decoder_norm, ids, ids != PAD)

    def step(self, state: State, previous: Tensor) -> Tensor:
        """Logits (n, k, vocabulary) after one more piece `previous` (n, k) of each hypothesis."""
        beam = previous.shape[1]
        heads, at = self.heads[1], state.length * beam
        state.grow(beam, heads, self.width // heads)
        x = self._embedding[previous].add_(self._positions[state.length])
        for index, (layer, memory) in enumerate(zip(self._decoder, state.source.memory, strict=True)):
            block, (keys, values) = layer.itself, state.cache[index]
            query, key, value = self._split(
                functional.linear(self._norm(x, block.norm), *block.inputs), 3, heads
            )
            keys[:, :, at : at + beam] = key
            values[:, :, at : at + beam] = value
            seen = functional.scaled_dot_product_attention(
                query, keys[:, :, : at + beam], values[:, :, : at + beam], attn_mask=state.ancestry()
            )
            x = functional.linear(join(seen), *block.output).add_(x)
            x = self._feed_forward(self._cross(x, layer.source, memory, state.source.mask), layer)
        state.length += 1
        return functional.linear(self._norm(x, self._decoder_norm), self._output)


@dataclass
class Source:
    """What a decoder sees of n sources: keys and values of each layer, (n, heads, t, d / heads) each, and a
    mask (n, 1, 1, t) that is minus infinity at padding."""

    memory: list[tuple[Tensor, Tensor]]
    mask: Tensor

    def select(self, rows: Tensor) -> Source:
        return Source([(key[rows], value[rows]) for key, value in self.memory], self.mask[rows])


class State:
    """The pieces so far of k hypotheses for each of n sources.

    Keys and values of a step stay where they were written, one slot a hypothesis. Instead of copying them
    when a beam is reordered, `seen` says which slots each hypothesis descends from.
    """

    def __init__(self, source: Source, beam: int) -> None:
        self.source, self.length = source, 0
        self.cache: list[tuple[Tensor, Tensor]] = []
        self.seen: Tensor | None = None
        if beam > 1:
            own = torch.full((beam, beam), -math.inf, device=source.mask.device).fill_diagonal_(0.0)
            self._own = own[:, None]
            self.seen = source.mask.new_empty(len(source.mask), beam, 0, beam)

    def grow(self, beam: int, heads: int, depth: int) -> None:
        """Make room for one more step, and let each hypothesis see its own slot of it."""
        n, room = len(self.source.mask), self.cache[0][0].shape[2] if self.cache else 0
        if (self.length + 1) * beam > room:
            shape = (n, heads, max(32 * beam, 2 * room), depth)
            wider = [(self._empty(shape), self._empty(shape)) for _ in self.source.memory]
            for pair, before in zip(wider, self.cache, strict=False):
                for new, old in zip(pair, before, strict=True):
                    new[:, :, :room] = old
            self.cache = wider
        if self.seen is not None:
            self.seen = torch.cat([self.seen, self._own.expand(n, beam, 1, beam)], dim=2)

    def _empty(self, shape: tuple[int, ...]) -> Tensor:
        return self.source.mask.new_empty(shape)

    def ancestry(self) -> Tensor | None:
        return None if self.seen is None else self.seen.flatten(2)[:, None]

    def reorder(self, parents: Tensor) -> None:
        """Hypothesis j of source i goes on from hypothesis parents[i, j] of the same source."""
        if self.seen is not None:
            self.seen = self.seen[torch.arange(len(parents), device=parents.device)[:, None], parents]

    def select(self, rows: Tensor) -> None:
        """Keep these sources alone."""
        self.source = self.source.select(rows)
        self.cache = [(key[rows], value[rows]) for key, value in self.cache]
        if self.seen is not None:
            self.seen = self.seen[rows]


def load(path: Path, device: str = "cpu") -> Transformer:
    """A finetuned model of this pipeline from its checkpoint; nothing else is unpickled than its settings.

    Raises:
        ModelError: where the file cannot be read, or is no such model.
    """
    return load_as(Transformer, path, device)
