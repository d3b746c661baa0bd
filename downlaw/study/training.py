"""What is trained and how it is judged: model, mixtures, pretraining, finetuning, evaluation, laws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from .base import Positive, Share, Strict, refuse_repeats
from .comet_local import CometLocal
from .metrics import Comet


class Model(Strict):
    """A fairseq transformer with all embeddings shared."""

    encoder_layers: Positive = Field(2, description="layers of the encoder")
    decoder_layers: Positive = Field(2, description="layers of the decoder")
    width: Positive = Field(128, description="of embeddings and layers; a multiple of heads")
    heads: Positive = Field(4, description="attention heads a layer")
    ffn_width: Positive = Field(512, description="of the feed-forward layers")
    max_pieces: Positive = Field(
        512, description="longest sentence, in pieces; longer ones are counted and left out"
    )

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Model:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class Mixture(Strict):
    """Shares of tokens over `corpus.language`; they sum to 1."""

    shares: Annotated[dict[str, Share], Field(min_length=1)] = Field(
        description="share of tokens by corpus.language"
    )
    max_tokens: Positive | None = Field(
        None, description="use no more text than this; default: all that fits"
    )

    @model_validator(mode="after")
    def _sums_to_one(self) -> Mixture:
        total = sum(self.shares.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"shares sum to {total:g}, not 1")
        for key in self.shares:
            if key.count(".") != 1:
                raise ValueError(f"shares.{key}: write corpus.language")
        return self

    def components(self) -> list[tuple[str, str, float]]:
        """(corpus, language, share of tokens), in the order of the file."""
        return [(*key.split("."), share) for key, share in self.shares.items()]  # type: ignore[misc]

    def language_shares(self) -> dict[str, float]:
        """Share of tokens by language."""
        totals: dict[str, float] = {}
        for _, language, share in self.components():
            totals[language] = totals.get(language, 0.0) + share
        return totals


Schedule = Annotated[
    Literal["inverse_sqrt", "constant"],
    Field(description="of the learning rate, after the warm-up; inverse_sqrt falls as 1 / sqrt(update)"),
]
Warmup = Annotated[int, Field(description="updates in which the rate rises to its peak")]
Dropout = Annotated[float, Field(ge=0, lt=1, description="share of activations set to 0 in training")]
LearningRate = Annotated[float, Field(gt=0, description="of Adam, at its peak")]


class Training(Strict):
    """What pretraining and finetuning both set. Schedules do not look at the end of training."""

    schedule: Schedule
    warmup_updates: Annotated[Warmup, Field(ge=0)]
    dropout: Dropout
    clip_norm: Annotated[float, Field(ge=0)] = Field(1.0, description="longest gradient; 0: any length")
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.0, description="of Adam")
    batches_per_update: Positive = Field(
        1, description="equal batches an update is made of, one after another or on several processes"
    )
    save_every_updates: Positive = Field(200, description="a killed job loses at most so many updates")

    @model_validator(mode="after")
    def _schedule_has_its_warmup(self) -> Training:
        if self.schedule == "inverse_sqrt" and not self.warmup_updates:
            raise ValueError("schedule: inverse_sqrt needs warmup_updates of at least 1")
        return self

    def deciding(self, *left_out: str) -> dict[str, Any]:
        """The keys that decide weights, but for those `left_out`: lists of trainings are spelt out by each.

        Keys that came later than the first results are left out at the value that changes nothing, so that
        what was trained before them is still known.
        """
        later = {"batches_per_update"} if self.batches_per_update == 1 else set()
        return self.model_dump(exclude={"save_every_updates", *later, *left_out})


def refuse_falling(key: str, values: Sequence[float]) -> None:
    """Raises ValueError where a list does not rise."""
    if any(later <= earlier for earlier, later in pairwise(values)):
        raise ValueError(f"{key} must rise: {values}")


class Pretrain(Training):
    """Text infilling (BART's): one chain of segments a mixture and seed, one segment a Dp."""

    schedule: Schedule = "inverse_sqrt"
    warmup_updates: Annotated[Warmup, Field(ge=0)] = 50
    dropout: Dropout = 0.0
    tokens: Annotated[list[Positive], Field(min_length=1)] = Field(
        description="Dp in pieces of text read, rising; a checkpoint is finetuned at each"
    )
    seeds: Annotated[list[Positive], Field(min_length=1)] = Field(
        [1], description="each trains every chain anew; more than one shows what chance does"
    )
    learning_rate: LearningRate = 0.003
    block_pieces: Annotated[int, Field(ge=8)] = Field(128, description="pieces a block, end marks included")
    blocks_per_update: Positive = Field(32, description="blocks an update, all batches together")
    mask: Share = Field(0.3, description="share of the pieces that are masked")
    mean_span: Annotated[float, Field(gt=0)] = Field(3.0, description="mean pieces a masked span (Poisson)")
    allow_repeats: bool = Field(False, description="read a mixture more than once where Dp asks for it")
    keep_optimizer: Literal["last", "all"] = Field(
        "last",
        description="last: only the end of a chain keeps what a larger Dp continues from; all: so does a "
        "Dp in between, for three times the disk",
    )

    def deciding(self, *left_out: str) -> dict[str, Any]:
        return super().deciding("tokens", "seeds", "allow_repeats", "keep_optimizer", *left_out)

    @property
    def tokens_per_update(self) -> int:
        """Pieces of text an update reads: end marks and padding do not count."""
        return self.blocks_per_update * (self.block_pieces - 2)

    def updates(self, tokens: int) -> int:
        """Whole updates that fit into a Dp of `tokens` pieces."""
        return tokens // self.tokens_per_update

    @model_validator(mode="after")
    def _batches_are_equal(self) -> Pretrain:
        if self.blocks_per_update % self.batches_per_update:
            raise ValueError(
                f"blocks_per_update {self.blocks_per_update} is not a multiple of "
                f"batches_per_update {self.batches_per_update}"
            )
        return self

    @model_validator(mode="after")
    def _points_are_distinct(self) -> Pretrain:
        refuse_falling("tokens", self.tokens)
        refuse_repeats("seeds", self.seeds)
        updates = [self.updates(tokens) for tokens in self.tokens]
        if updates[0] == 0:
            raise ValueError(
                f"tokens[0] = {self.tokens[0]} is less than one update ({self.tokens_per_update} tokens)"
            )
        for index, (one, two) in enumerate(pairwise(updates)):
            if one == two:
                raise ValueError(
                    f"tokens[{index}] and tokens[{index + 1}] are the same number of updates, "
                    f"of {self.tokens_per_update} tokens each"
                )
        return self


class Finetune(Training):
    """Translation from each checkpoint, for a fixed number of updates."""

    schedule: Schedule = "constant"
    warmup_updates: Annotated[Warmup, Field(ge=0)] = 20
    dropout: Dropout = 0.1
    pairs: Annotated[list[Positive], Field(min_length=1)] = Field(description="Df in sentence pairs, rising")
    learning_rates: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)] = Field(
        [0.002], description="of Adam; of each point the best by validation cross-entropy is kept"
    )
    seeds: Annotated[list[Positive], Field(min_length=1)] = Field(
        [1], description="each trains every run anew; points are means over seeds"
    )
    updates: Positive = Field(300, description="of every run, whatever its Df")
    tokens_per_update: Positive = Field(2048, description="at most this many pieces a side, padding included")
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="in training only")
    checkpoint: Literal["last", "best"] = Field(
        "last", description="which is scored; best: by validation cross-entropy"
    )
    validate_every_updates: Positive = Field(100, description="how often, for checkpoint: best")

    @property
    def tokens_per_batch(self) -> int:
        """What a batch holds at most, a side, with padding; no longer sentence can be trained on."""
        return self.tokens_per_update // self.batches_per_update

    @model_validator(mode="after")
    def _distinct(self) -> Finetune:
        refuse_falling("pairs", self.pairs)
        for key in ("learning_rates", "seeds"):
            refuse_repeats(key, getattr(self, key))
        return self


TextMetrics = Literal["bleu", "chrf", "ter", "rouge", "degenerate"]


class Evaluate(Strict):
    """How finetuned models translate the test text, and by what they are scored."""

    beam: Positive = Field(4, description="width of the beam; 1: greedy")
    max_length_ratio: Annotated[float, Field(gt=0)] = Field(
        2.0, description="longest output, in source pieces, plus 10"
    )
    length_penalty: float = Field(
        1.0, description="exponent of the length that scores of a beam are divided by; above 1: longer output"
    )
    bootstrap_samples: Annotated[int, Field(ge=100)] = Field(
        1000, description="test sets drawn anew, for intervals and for the noise of laws"
    )
    metrics: Annotated[list[TextMetrics], Field(min_length=1)] = Field(
        [*get_args(TextMetrics)], description="what is counted in the text of hypotheses (docs/metrics.md)"
    )
    bleu_tokenize: Literal["13a", "intl", "zh", "char", "none"] = Field(
        "13a", description="sacrebleu's tokenizer; zh for Chinese, char for Japanese, Thai and the like"
    )
    comet: Comet | None = Field(None, description="score with a published COMET model (docs/comet.md)")
    comet_local: CometLocal | None = Field(
        None, description="score with a small COMET that the study trains for itself (docs/comet-local.md)"
    )
    translation_choices: Annotated[int, Field(ge=2)] | None = Field(
        None,
        description="score which of so many test targets is the translation; 4 = the true one among three "
        "others (docs/metrics.md)",
    )

    @model_validator(mode="after")
    def _distinct(self) -> Evaluate:
        refuse_repeats("metrics", self.metrics)
        return self

    def decoding(self) -> dict[str, Any]:
        """The keys that decide hypotheses; all others decide what is made of them."""
        return self.model_dump(include={"beam", "max_length_ratio", "length_penalty"})

    def of_a_batch(self) -> dict[str, Any]:
        """The keys that decide what an evaluation job makes, without those of the jobs for learned metrics.

        As in `Training.deciding`, a key that came later is left out at the value that changes nothing.
        """
        later = {"translation_choices"} if self.translation_choices is None else set()
        return self.model_dump(exclude={"comet", "comet_local", *later})


FittedMetric = Literal["cross_entropy", "bleu", "chrf", "rouge_l", "comet", "comet_local"]
Threshold = Annotated[float, Field(gt=0)]
Method = Annotated[
    Literal["fast", "paper"],
    Field(description="paper: L-BFGS from a grid of starts; both minimise the same objective"),
]
Level = Annotated[
    float, Field(gt=0, lt=1, description="share of cases in which an interval should hold the truth")
]
Refits = Annotated[
    int, Field(ge=100, description="refits of each law to its curve with noise drawn anew, for intervals")
]


class Laws(Strict):
    """The paper's procedure: the points with the least pretraining are fitted, the rest are held out."""

    fit_points: Annotated[int, Field(ge=3)] = Field(
        4, description="smallest Dp fitted; the rest are held out"
    )
    huber_delta_cross_entropy: Threshold = Field(
        1e-3, description="error of ln(cross-entropy) from which the loss is linear"
    )
    huber_delta_scores: Threshold = Field(0.1, description="the same for ln(score)")
    method: Method = "fast"
    interval_level: Level = 0.9
    bootstrap_samples: Refits = 1000
    budgets: Annotated[list[Positive], Field(min_length=1)] | None = Field(
        None, description="Dp to predict and compare at, rising; default: multiples of the largest Dp"
    )
    targets: dict[FittedMetric, Annotated[list[Threshold], Field(min_length=1)]] | None = Field(
        None, description="values of a metric whose Dp is asked for; default: the best measured one"
    )

    @model_validator(mode="after")
    def _budgets_rise(self) -> Laws:
        if self.budgets:
            refuse_falling("budgets", self.budgets)
        return self
