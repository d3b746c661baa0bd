"""What the forward passes of fairseq's transformers share: weights, layers, positions, and loading a model.

The layers normalise first, positions are sinusoidal, and everything is in fp32. fairseq takes seconds to
import, so nothing of it is used here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

PAD, END = 1, 2
"""fairseq's ids of padding and of the end of a sentence or a document."""

_ACTIVATIONS = {"relu": torch.relu_, "gelu": functional.gelu}


class ModelError(RuntimeError):
    """A checkpoint that is no model of this pipeline, or a segment that it cannot read; says which."""


@dataclass(frozen=True)
class Attention:
    """Weights of (3 d, d) where queries, keys and values see the same input, else of (d, d) and (2 d, d)."""

    norm: tuple[Tensor, Tensor]
    inputs: tuple[Tensor, Tensor]
    memory: tuple[Tensor, Tensor] | None
    output: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Layer:
    """Self-attention, attention to a source where there is one, and a feed-forward block."""

    itself: Attention
    source: Attention | None
    norm: tuple[Tensor, Tensor]
    widen: tuple[Tensor, Tensor]
    narrow: tuple[Tensor, Tensor]


class Network(ABC):
    """Weights of one model on one device, in fp32, and the blocks that are computed with them.

    Attributes:
        longest: pieces that a sequence may have.
        vocabulary: number of ids.
    """

    trained_here: ClassVar[Mapping[str, Any]]
    """The settings of a model of this pipeline, as far as they decide the forward pass."""
    embedded: ClassVar[str]
    """The name of the embedding of what is read."""

    def __init__(self, weights: Mapping[str, Tensor], settings: Namespace, device: str = "cpu") -> None:
        """Args: weights and settings as fairseq keeps them in a checkpoint.

        Raises:
            ModelError: where the settings are of another architecture.
        """
        found = vars(settings)
        odd = [
            f"{key}={found.get(key)}" for key, value in self.trained_here.items() if found.get(key) != value
        ]
        if odd:
            raise ModelError(f"it is a model of another architecture: {', '.join(odd)}")
        self._weights = {name: weight.to(device, torch.float32) for name, weight in weights.items()}
        self._activation = _ACTIVATIONS[settings.activation_fn]
        self.device, self.longest = device, self._longest(settings)
        embedding = self._weights[self.embedded]
        self.vocabulary, self.width = embedding.shape
        self._embedding = embedding * math.sqrt(self.width)
        self._positions = _positions(self.longest + 1, self.width).to(device)
        self._output = self._weights["decoder.output_projection.weight"]
        self._build(settings)
        del self._weights

    @staticmethod
    @abstractmethod
    def _longest(settings: Namespace) -> int:
        """Pieces that a sequence may have."""

    @abstractmethod
    def _build(self, settings: Namespace) -> None:
        """Take the layers from the weights, which are there for this call alone."""

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        return self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]

    def _stacked(self, prefix: str, names: str) -> tuple[Tensor, Tensor]:
        weights, biases = zip(*(self._pair(f"{prefix}.{name}_proj") for name in names), strict=True)
        return torch.cat(weights), torch.cat(biases)

    def _layers(self, side: str, count: int, cross: bool = False) -> list[Layer]:
        return [self._layer(f"{side}.layers.{i}.", cross) for i in range(count)]

    def _layer(self, prefix: str, cross: bool) -> Layer:
        def attention(name: str, memory: bool) -> Attention:
            inputs = self._stacked(prefix + name, "q" if memory else "qkv")
            kept = self._stacked(prefix + name, "kv") if memory else None
            norm = self._pair(f"{prefix}{name}_layer_norm")
            return Attention(norm, inputs, kept, self._pair(f"{prefix}{name}.out_proj"))

        return Layer(
            attention("self_attn", False),
            attention("encoder_attn", True) if cross else None,
            self._pair(f"{prefix}final_layer_norm"),
            self._pair(f"{prefix}fc1"),
            self._pair(f"{prefix}fc2"),
        )

    def _embed(self, ids: Tensor) -> Tensor:
        """(n, t) to (n, t, d), each row from the first position on."""
        return self._embedding[ids].add_(self._positions[: ids.shape[1]])

    def _norm(self, x: Tensor, pair: tuple[Tensor, Tensor]) -> Tensor:
        return functional.layer_norm(x, (self.width,), *pair)

    def _feed_forward(self, x: Tensor, layer: Layer) -> Tensor:
        wide = self._activation(functional.linear(self._norm(x, layer.norm), *layer.widen))
        return functional.linear(wide, *layer.narrow).add_(x)

    def _split(self, x: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
        """(n, t, parts d) to `parts` tensors of (n, heads, t, d / heads)."""
        n, length = x.shape[:2]
        return x.view(n, length, parts, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)

    def _whole(self, x: Tensor, block: Attention, heads: int, **masks) -> Tensor:
        """Self-attention over whole sequences x (n, t, d), with the residual."""
        query, key, value = self._split(functional.linear(self._norm(x, block.norm), *block.inputs), 3, heads)
        seen = functional.scaled_dot_product_attention(query, key, value, **masks)
        return functional.linear(join(seen), *block.output).add_(x)

    def _losses(self, x: Tensor, norm: tuple[Tensor, Tensor], ids: Tensor, counted: Tensor) -> Tensor:
        """What the decoder's last layer x (n, t, d) gives to `ids` (n, t), in nats, summed over the `counted`
        (n, t) of them: (n,), in double precision."""
        logits = functional.linear(self._norm(x[counted], norm), self._output)
        losses = functional.cross_entropy(logits, ids[counted], reduction="none").double()
        return losses.new_zeros(ids.shape).masked_scatter_(counted, losses).sum(dim=1)

    def _collate(self, items: Sequence[np.ndarray]) -> Tensor:
        lengths = [len(item) for item in items]
        if max(lengths) > self.longest:
            raise ModelError(f"a segment has {max(lengths):,} pieces, the model takes {self.longest:,}")
        ids = np.full((len(items), max(lengths)), PAD, np.int64)
        for row, item in zip(ids, items, strict=True):
            row[: len(item)] = item
        return torch.from_numpy(ids).to(self.device)


def join(x: Tensor) -> Tensor:
    """(n, heads, t, d / heads) to (n, t, d)."""
    return x.transpose(1, 2).flatten(2)


def after_end(ids: Tensor) -> Tensor:
    """What is read where `ids` (n, t) are predicted: the end mark, and each piece but the last."""
    return torch.cat([torch.full_like(ids[:, :1], END), ids[:, :-1]], dim=1)


def _positions(count: int, width: int) -> Tensor:
    """Sinusoidal positions of the first `count` pieces; fairseq counts from the id after padding."""
    half = width // 2
    rates = torch.exp(torch.arange(half, dtype=torch.float32) * -(math.log(10000) / (half - 1)))
    angles = torch.arange(PAD + 1, PAD + 1 + count, dtype=torch.float32)[:, None] * rates
    table = torch.cat([angles.sin(), angles.cos()], dim=1)
    return functional.pad(table, (0, width - 2 * half))


_Model = TypeVar("_Model", bound=Network)


def load_as(model: type[_Model], path: Path, device: str) -> _Model:
    """A model of one architecture from its checkpoint; nothing else is unpickled than its settings.

    Raises:
        ModelError: where the file cannot be read, or is no such model.
    """
    with torch.serialization.safe_globals([Namespace]):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            settings = state["cfg"]["model"]
            if isinstance(settings, dict):  # fairseq keeps them so for models with a dataclass
                settings = Namespace(**settings)
            return model(state["model"], settings, device)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from None
        except Exception as error:
            said = (str(error) or type(error).__name__).splitlines()[0]
            raise ModelError(f"{path} cannot be read as a model: {said}") from error
