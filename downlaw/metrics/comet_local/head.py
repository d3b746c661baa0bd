"""A small COMET: comet's RegressionMetric, trained to tell how severely a reference was damaged.

A pretrained encoder stays as it is: its texts are encoded once, and comet's mix of layers and head learn from
that. An encoder of random weights is trained with them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch

from downlaw.metrics.comet.scorer import CPU_BATCH_TOKENS, batches
from downlaw.study.comet_local import CometLocal

from .corruption import Row

HIDDEN = [256, 64]
DROPOUT = 0.1
CLIP_NORM = 1.0
EPOCHS = {"e5": 20, "tiny": 3}
"""Times that all rows are read where the study does not say."""

_ROWS_A_STEP = 64
_TOKENS_A_PART = 512
"""Few texts of similar length at once: little padding, which costs as much as text."""

Say = Callable[[str], None]


def train(rows: Sequence[Row], encoder: Path, section: CometLocal, seed: int, say: Say) -> Any:
    """A RegressionMetric trained on rows, whose score is 1 - severity.

    The rows of a pair stand together. One thread: the last bits of a sum depend on their number, and the
    same study must give the same weights.

    Args:
        encoder: the folder of the encoder.
        say: takes lines of progress.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = _model(encoder, section)
            texts = _Texts(model, rows)
            frozen = section.variant == "e5"
            if frozen:
                texts.encode_once(say)
            _descend(model, texts, rows, section, seed, frozen, say)
    finally:
        torch.set_num_threads(threads)
    return model.eval()


def _model(encoder: Path, section: CometLocal) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages that comet imports
        from comet.models import RegressionMetric

        return RegressionMetric(
            encoder_model="XLM-RoBERTa",
            pretrained_model=str(encoder),
            pool="avg",
            layer="mix",
            layer_transformation="softmax",
            layer_norm=False,
            nr_frozen_epochs=0,
            keep_embeddings_frozen=False,
            encoder_learning_rate=section.learning_rate,
            learning_rate=section.learning_rate,
            hidden_sizes=HIDDEN,
            dropout=DROPOUT,
            batch_size=_ROWS_A_STEP,
            local_files_only=True,
        )


class _Texts:
    """The distinct texts of rows as ids of pieces, and what the model makes of them."""

    def __init__(self, model: Any, rows: Sequence[Row]) -> None:
        self._model = model
        texts = dict.fromkeys(
            text for row in rows for text in (row.pair.source, row.hypothesis, row.pair.reference)
        )
        longest = model.encoder.max_positions - 2  # as comet itself cuts
        pieces = model.encoder.tokenizer(list(texts), truncation=True, max_length=longest)["input_ids"]
        self.index = {text: number for number, text in enumerate(texts)}
        self._pieces = pieces
        self._layers: torch.Tensor | None = None

    def _inputs(self, numbers: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = [torch.tensor(self._pieces[number]) for number in numbers]
        ids = torch.nn.utils.rnn.pad_sequence(
            chosen, batch_first=True, padding_value=self._model.encoder.tokenizer.pad_token_id
        )
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(one) for one in chosen], batch_first=True)
        return ids, mask

    def encode_once(self, say: Say) -> None:
        """Keep the mean of each layer over the pieces of each text: pooling and mixing commute."""
        order = sorted(range(len(self._pieces)), key=lambda number: len(self._pieces[number]))
        encoder = self._model.encoder.eval()
        kept = torch.empty(len(order), encoder.num_layers, encoder.output_units)
        lengths = [len(self._pieces[number]) for number in order]
        with torch.inference_mode():
            for begin, end in batches(lengths, CPU_BATCH_TOKENS):
                ids, mask = self._inputs(order[begin:end])
                weights = (mask / mask.sum(1, keepdim=True)).unsqueeze(-1)
                for layer, hidden in enumerate(encoder(ids, mask)["all_layers"]):
                    kept[order[begin:end], layer] = (hidden * weights).sum(1)
                say(f"{end:,} of {len(order):,} texts encoded")
        self._layers = kept.clone()  # outside of inference mode, so that gradients may pass

    def embed(self, numbers: Sequence[int]) -> torch.Tensor:
        """Sentence embeddings, shape (texts, width), by the layers kept or by the encoder."""
        if self._layers is not None:
            return self._model.layerwise_attention(list(self._layers[list(numbers)].unbind(1)))
        order = sorted(range(len(numbers)), key=lambda place: len(self._pieces[numbers[place]]))
        lengths = [len(self._pieces[numbers[place]]) for place in order]
        parts = [
            self._model.get_sentence_embedding(*self._inputs([numbers[place] for place in order[begin:end]]))
            for begin, end in batches(lengths, _TOKENS_A_PART)
        ]
        return torch.cat(parts)[torch.from_numpy(np.argsort(order))]


def _descend(
    model: Any,
    texts: _Texts,
    rows: Sequence[Row],
    section: CometLocal,
    seed: int,
    frozen: bool,
    say: Say,
) -> None:
    parameters = [*model.layerwise_attention.parameters(), *model.estimator.parameters()]
    if not frozen:
        parameters += model.encoder.parameters()
    optimizer = torch.optim.AdamW(parameters, lr=section.learning_rate)
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row.pair)]
    epochs = section.epochs or EPOCHS[section.variant]
    generator = np.random.default_rng([seed, 1])
    model.train()
    if frozen:
        model.encoder.eval()
    for epoch in range(1, epochs + 1):
        squares = 0.0
        for batch in _batches(groups, generator):
            places = [
                texts.index[text]
                for row in batch
                for text in (row.pair.source, row.hypothesis, row.pair.reference)
            ]
            distinct, back = np.unique(places, return_inverse=True)
            embedded = texts.embed(distinct.tolist())[torch.from_numpy(back)].unflatten(0, (-1, 3))
            predicted = model.estimate(embedded[:, 0], embedded[:, 1], embedded[:, 2]).score
            wanted = torch.tensor([1 - row.severity for row in batch], dtype=torch.float32)
            loss = model.loss(predicted, wanted)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
            optimizer.step()
            squares += loss.item() * len(batch)
        say(f"epoch {epoch} of {epochs}: mean squared error {squares / len(rows):.4f}")


def _batches(groups: Sequence[list[Row]], generator: np.random.Generator) -> Iterator[list[Row]]:
    """Whole groups in a random order, at least `_ROWS_A_STEP` rows at once: their sources and references are
    then encoded once a step."""
    batch: list[Row] = []
    for place in generator.permutation(len(groups)):
        batch += groups[place]
        if len(batch) >= _ROWS_A_STEP:
            yield batch
            batch = []
    if batch:
        yield batch
