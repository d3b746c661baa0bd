"""The forward pass of a finetuned model, without fairseq: encoder, likelihoods, one step of decoding.

It is the transformer that `downlaw.engine.commands` trains: layers that normalise first, sinusoidal
positions, one embedding for everything (Vaswani et al. 2017). fairseq takes seconds to import, and its
decoder copies all keys and values at every step; here they stay in buffers that only grow.
"""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

PAD, END = 1, 2
"""fairseq's ids of padding and of the end of a sentence."""

_TRAINED_HERE = {
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


class ModelError(RuntimeError):
    """A checkpoint that is no model of this pipeline, or a segment that it cannot read; says which."""


@dataclass(frozen=True)
class _Attention:
    """Weights of (3 d, d) where queries, keys and values see the same input, else of (d, d) and (2 d, d)."""

    norm: tuple[Tensor, Tensor]
    inputs: tuple[Tensor, Tensor]
    memory: tuple[Tensor, Tensor] | None
    output: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class _Layer:
    itself: _Attention
    source: _Attention | None
    norm: tuple[Tensor, Tensor]
    widen: tuple[Tensor, Tensor]
    narrow: tuple[Tensor, Tensor]


class Transformer:
    """A finetuned model's weights on one device, in fp32.

    Attributes:
        longest: pieces, end mark included, that the model was built to read and to write.
        vocabulary: number of ids.
    """

    def __init__(self, weights: Mapping[str, Tensor], settings: Namespace, device: str = "cpu") -> None:
        """Args: weights and settings as fairseq keeps them in a checkpoint.

        Raises:
            ModelError: where the settings are of another architecture.
        """
        found = vars(settings)
        odd = [f"{key}={found.get(key)}" for key, value in _TRAINED_HERE.items() if found.get(key) != value]
        if odd:
            raise ModelError(f"it is a model of another architecture: {', '.join(odd)}")
        self._weights = {name: weight.to(device, torch.float32) for name, weight in weights.items()}
        self.device = device
        self.heads = int(settings.encoder_attention_heads), int(settings.decoder_attention_heads)
        self.longest = min(int(settings.max_source_positions), int(settings.max_target_positions))
        embedding = self._weights["encoder.embed_tokens.weight"]
        self.vocabulary, self.width = embedding.shape
        self._embedding = embedding * math.sqrt(self.width)
        self._positions = _positions(self.longest + 1, self.width).to(device)
        self._output = self._weights["decoder.output_projection.weight"]
        counts = int(settings.encoder_layers), int(settings.decoder_layers)
        self._encoder = [self._layer(f"encoder.layers.{i}.", False) for i in range(counts[0])]
        self._decoder = [self._layer(f"decoder.layers.{i}.", True) for i in range(counts[1])]
        self._encoder_norm = self._pair("encoder.layer_norm")
        self._decoder_norm = self._pair("decoder.layer_norm")
        del self._weights

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        return self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]

    def _stacked(self, prefix: str, names: str) -> tuple[Tensor, Tensor]:
        weights, biases = zip(*(self._pair(f"{prefix}.{name}_proj") for name in names), strict=True)
        return torch.cat(weights), torch.cat(biases)

    def _layer(self, prefix: str, cross: bool) -> _Layer:
        def attention(name: str, memory: bool) -> _Attention:
            inputs = self._stacked(prefix + name, "q" if memory else "qkv")
            kept = self._stacked(prefix + name, "kv") if memory else None
            norm = self._pair(f"{prefix}{name}_layer_norm")
            return _Attention(norm, inputs, kept, self._pair(f"{prefix}{name}.out_proj"))

        return _Layer(
            attention("self_attn", False),
            attention("encoder_attn", True) if cross else None,
            self._pair(f"{prefix}final_layer_norm"),
            self._pair(f"{prefix}fc1"),
            self._pair(f"{prefix}fc2"),
        )

    def _norm(self, x: Tensor, pair: tuple[Tensor, Tensor]) -> Tensor:
        return functional.layer_norm(x, (self.width,), *pair)

    def _feed_forward(self, x: Tensor, layer: _Layer) -> Tensor:
        wide = functional.linear(self._norm(x, layer.norm), *layer.widen).relu_()
        return functional.linear(wide, *layer.narrow).add_(x)

    def _split(self, x: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
        """(n, t, parts d) to `parts` tensors of (n, heads, t, d / heads)."""
        n, length = x.shape[:2]
        return x.view(n, length, parts, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)

    def _whole(self, x: Tensor, block: _Attention, heads: int, **masks) -> Tensor:
        """Self-attention over whole sequences x (n, t, d), with the residual."""
        query, key, value = self._split(functional.linear(self._norm(x, block.norm), *block.inputs), 3, heads)
        seen = functional.scaled_dot_product_attention(query, key, value, **masks)
        return functional.linear(_join(seen), *block.output).add_(x)

    def _cross(self, x: Tensor, block: _Attention, memory: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        """Attention of x (n, t, d) to the source, with the residual."""
        query = functional.linear(self._norm(x, block.norm), *block.inputs)
        (query,) = self._split(query, 1, self.heads[1])
        seen = functional.scaled_dot_product_attention(query, *memory, attn_mask=mask)
        return functional.linear(_join(seen), *block.output).add_(x)

    def encode(self, sources: Sequence[np.ndarray]) -> Source:
        """Read n sources, ids with their end marks.

        Raises:
            ModelError: where one is longer than the model reads.
        """
        ids = self._collate(sources)
        mask = torch.zeros(ids.shape, device=self.device).masked_fill_(ids == PAD, -math.inf)[:, None, None]
        x = self._embedding[ids].add_(self._positions[: ids.shape[1]])
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
        previous = torch.cat([torch.full_like(ids[:, :1], END), ids[:, :-1]], dim=1)
        x = self._embedding[previous].add_(self._positions[: ids.shape[1]])
        for layer, memory in zip(self._decoder, source.memory, strict=True):
            x = self._whole(x, layer.itself, self.heads[1], is_causal=True)
            x = self._feed_forward(self._cross(x, layer.source, memory, source.mask), layer)
        kept = ids != PAD
        logits = functional.linear(self._norm(x[kept], self._decoder_norm), self._output)
        losses = functional.cross_entropy(logits, ids[kept], reduction="none").double()
        return losses.new_zeros(ids.shape).masked_scatter_(kept, losses).sum(dim=1)

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
            x = functional.linear(_join(seen), *block.output).add_(x)
            x = self._feed_forward(self._cross(x, layer.source, memory, state.source.mask), layer)
        state.length += 1
        return functional.linear(self._norm(x, self._decoder_norm), self._output)

    def _collate(self, items: Sequence[np.ndarray]) -> Tensor:
        lengths = [len(item) for item in items]
        if max(lengths) > self.longest:
            raise ModelError(f"a segment has {max(lengths):,} pieces, the model takes {self.longest:,}")
        ids = np.full((len(items), max(lengths)), PAD, np.int64)
        for row, item in zip(ids, items, strict=True):
            row[: len(item)] = item
        return torch.from_numpy(ids).to(self.device)


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


def _join(x: Tensor) -> Tensor:
    """(n, heads, t, d / heads) to (n, t, d)."""
    return x.transpose(1, 2).flatten(2)


def _positions(count: int, width: int) -> Tensor:
    """Sinusoidal positions of the first `count` pieces; fairseq counts from the id after padding."""
    half = width // 2
    rates = torch.exp(torch.arange(half, dtype=torch.float32) * -(math.log(10000) / (half - 1)))
    angles = torch.arange(PAD + 1, PAD + 1 + count, dtype=torch.float32)[:, None] * rates
    table = torch.cat([angles.sin(), angles.cos()], dim=1)
    return functional.pad(table, (0, width - 2 * half))


def load(path: Path, device: str = "cpu") -> Transformer:
    """A finetuned model of this pipeline from its checkpoint; nothing else is unpickled than its settings.

    Raises:
        ModelError: where the file cannot be read, or is no such model.
    """
    with torch.serialization.safe_globals([Namespace]):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            return Transformer(state["model"], state["cfg"]["model"], device)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from None
        except Exception as error:
            said = (str(error) or type(error).__name__).splitlines()[0]
            raise ModelError(f"{path} cannot be read as a model: {said}") from error
