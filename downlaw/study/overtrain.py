"""What the over-training track trains and how it judges it: a grid of decoder-only models, tasks, laws."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Discriminator, Field, model_validator

from .base import Language, Name, Positive, Strict, refuse_repeats
from .training import (
    Dropout,
    LearningRate,
    Level,
    Method,
    Mixture,
    Refits,
    Training,
    Warmup,
    refuse_falling,
)

Multiplier = Annotated[float, Field(gt=0)]
Multipliers = Annotated[list[Multiplier], Field(min_length=1)]
Seeds = Annotated[list[Positive], Field(min_length=1)]

OF_THIS_SIZE = "of this size; default: that of overtrain"


class Parameters(NamedTuple):
    """Unique weights of a model: all of them, and those without the input embedding."""

    total: int
    without_embedding: int


class DecoderModel(Strict):
    """One size of fairseq's decoder-only transformer (`transformer_lm`), pre-norm, with sinusoidal
    positions."""

    width: Annotated[int, Field(ge=4)] = Field(description="of embeddings and layers; a multiple of heads")
    layers: Positive = Field(description="decoder layers")
    heads: Positive = Field(description="attention heads")
    ffn_width: Positive | None = Field(
        None, description="of the feed-forward layers; default: four times width"
    )
    multipliers: Multipliers | dict[Name, Multipliers] | None = Field(
        None,
        description="M of this size, rising, for all mixtures or by mixture; default: those of overtrain",
    )
    seeds: Seeds | None = Field(None, description=OF_THIS_SIZE)
    learning_rate: Annotated[float, Field(gt=0)] | None = Field(None, description=OF_THIS_SIZE)
    warmup_updates: Positive | None = Field(None, description=OF_THIS_SIZE)
    weight_decay: Annotated[float, Field(ge=0)] | None = Field(None, description=OF_THIS_SIZE)
    blocks_per_update: Positive | None = Field(None, description=OF_THIS_SIZE)
    batches_per_update: Positive | None = Field(None, description=OF_THIS_SIZE)

    @property
    def inner_width(self) -> int:
        return self.ffn_width or 4 * self.width

    def parameters(self, vocabulary: int, shared: bool) -> Parameters:
        """Count the weights: embeddings, matrices, biases and norms; positions are sinusoids.

        Args:
            vocabulary: rows of the embedding.
            shared: whether the output matrix is the input embedding.
        """
        width, inner = self.width, self.inner_width
        attention = 4 * (width * width + width)
        feed_forward = 2 * width * inner + inner + width
        norm = 2 * width
        rest = self.layers * (attention + feed_forward + 2 * norm) + norm
        embedding = vocabulary * width
        without = rest if shared else rest + embedding
        return Parameters(embedding + without, without)

    @model_validator(mode="after")
    def _fits(self) -> DecoderModel:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        by_mixture = self.multipliers if isinstance(self.multipliers, dict) else {"": self.multipliers or []}
        for mixture, multipliers in by_mixture.items():
            refuse_falling(f"multipliers.{mixture}" if mixture else "multipliers", multipliers)
        refuse_repeats("seeds", self.seeds or ())
        return self


_OWN = {
    *("seeds", "learning_rate", "warmup_updates", "weight_decay", "blocks_per_update", "batches_per_update"),
}
"""Settings that a size may have of its own."""


class Overtrain(Training):
    """Language models of several sizes N, each trained on several numbers of tokens D = M x N.

    `wsd` (warm-up, stable, decay) trains one trunk a size at a constant rate; each M branches off and decays
    linearly over the last `decay` of its D, reading on in the text where the trunk stood (Hägele et al. 2024,
    arXiv:2405.18392). `cosine` is a run of its own for each M, as in Gadre et al. 2024.
    """

    schedule: Literal["wsd", "cosine"] = Field(
        "wsd", description="wsd: one trunk a size, from which each M branches off; cosine: a run for each M"
    )
    warmup_updates: Annotated[Warmup, Field(ge=1)] = 50
    dropout: Dropout = 0.0
    models: Annotated[dict[Name, DecoderModel], Field(min_length=1)]
    multipliers: Multipliers = Field(description="M = D / N, tokens a parameter, rising")
    seeds: Seeds = Field([1], description="each trains every run anew; more than one shows what chance does")
    learning_rate: LearningRate = 0.003
    final_learning_rate: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="where the decay ends, as a share of the learning rate"
    )
    decay: Annotated[float, Field(gt=0, lt=1)] = Field(0.2, description="of wsd: the share of D that decays")
    share_embeddings: bool = Field(True, description="one matrix for the input and the output")
    block_pieces: Annotated[int, Field(ge=8)] = Field(128, description="pieces a sequence")
    blocks_per_update: Positive = Field(16, description="sequences an update, all batches together")
    allow_repeats: bool = Field(False, description="read a mixture more than once where D asks for it")
    keep_optimizer: Literal["last", "all"] = Field(
        "last", description="last: only the end of a trunk keeps what a larger M continues from"
    )
    checkpoint_activations: bool = Field(
        False, description="compute activations twice instead of keeping them: less memory, a third slower"
    )

    def deciding(self, *left_out: str) -> dict[str, Any]:
        lists = ("models", "multipliers", "seeds")
        running = ("allow_repeats", "keep_optimizer", "checkpoint_activations")
        return super().deciding(*lists, *running, *left_out)

    @property
    def tokens_per_update(self) -> int:
        """Pieces that an update predicts, end marks included."""
        return self.blocks_per_update * self.block_pieces

    def multipliers_of(self, model: str, mixture: str) -> list[float]:
        own = self.models[model].multipliers
        return (own.get(mixture) if isinstance(own, dict) else own) or self.multipliers

    def of(self, model: str) -> Overtrain:
        """These settings as one size has them."""
        own = self.models[model].model_dump(include=_OWN, exclude_none=True)
        return self.model_copy(update=own)

    @model_validator(mode="after")
    def _fits(self) -> Overtrain:
        refuse_falling("multipliers", self.multipliers)
        refuse_repeats("seeds", self.seeds)
        for name in self.models:
            own = self.of(name)
            if own.blocks_per_update % own.batches_per_update:
                raise ValueError(
                    f"models.{name}: blocks_per_update {own.blocks_per_update} is not a multiple of "
                    f"batches_per_update {own.batches_per_update}"
                )
        return self


class _ChoiceTask(Strict):
    items: Annotated[int, Field(ge=20)] = Field(500, description="at most this many")
    choices: Annotated[int, Field(ge=2)] = Field(4, description="the right one included")


class TextTask(_ChoiceTask):
    """Made from held-out text of one language: the rest of a segment (`continuation`), a content word in
    it (`cloze`), or what a dictionary says of its headword (`gloss`)."""

    kind: Literal["continuation", "cloze", "gloss"] = Field(
        description="what is asked; gloss needs a corpus of `extract: glosses`"
    )
    text: str = Field(description="corpus.language, whose held-out text is used")

    @model_validator(mode="after")
    def _names_text(self) -> TextTask:
        if self.text.count(".") != 1:
            raise ValueError(f"text: {self.text!r}: write corpus.language")
        return self

    @property
    def part(self) -> tuple[str, str]:
        """(corpus, language) of the text."""
        corpus, language = self.text.split(".")
        return corpus, language


class TranslationTask(_ChoiceTask):
    """The right translation among others, from the held-out text of a parallel corpus."""

    kind: Literal["translation"] = Field(description="of a segment")
    source: Language = Field(description="the language of the context")
    target: Language = Field(description="the language of the choices")
    corpus: Name = Field(description="a parallel corpus")

    @property
    def part(self) -> tuple[str, str]:
        """(corpus, language pair) of the text."""
        return self.corpus, "-".join(sorted((self.source, self.target)))


class FileTask(Strict):
    """One's own multiple-choice items, JSON lines (docs/overtraining.md)."""

    kind: Literal["file"] = Field(description="items of one's own")
    path: Path = Field(description="the JSON lines")


TASK_KINDS = ("continuation", "cloze", "gloss", "translation", "file")
ChoiceTask = Annotated[TextTask | TranslationTask | FileTask, Discriminator("kind")]


class LmEvaluate(Strict):
    """Held-out text, and multiple-choice tasks."""

    sets: dict[Name, Mixture] = Field(
        {}, description="held-out text to measure losses on, beside that of every mixture"
    )
    sequences: Positive = Field(500, description="of overtrain.block_pieces each, at most, an evaluation set")
    tasks: dict[Name, ChoiceTask] = Field({}, description="their mean top-1 error is what the error law says")
    bootstrap_samples: Annotated[int, Field(ge=100)] = Field(
        1000, description="evaluation sets drawn anew, for intervals"
    )


Runs = dict[Name, Multipliers]


class LmLaws(Strict):
    """Which runs the laws are fitted to; all others are held out."""

    fit: Runs | None = Field(
        None,
        description="model: multipliers, for the loss law; default, as Gadre et al.: every model but the "
        "largest at its smallest multiplier, and the smallest model at its largest",
    )
    fit_error: Runs = Field({}, description="what the error law is fitted to besides, as model: multipliers")
    error_loss: Name | None = Field(
        None, description="the evaluation set whose loss the error law reads; default: each mixture's own"
    )
    task_margin: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.05, description="a task counts if a fitted run's error is this far below that of guessing"
    )
    method: Method = "fast"
    interval_level: Level = 0.9
    bootstrap_samples: Refits = 1000


def multiplier_name(multiplier: float) -> str:
    """A multiplier in paths and labels: 20, 0.5."""
    return f"{multiplier:g}" if math.isclose(float(f"{multiplier:g}"), multiplier) else repr(multiplier)
