"""Score with decoder-only models: the loss on held-out text, and the likelihood of each choice of an item.

One child process serves all models of a job, and what it makes is kept in files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from downlaw.engine.mmap import read_dataset
from downlaw.engine.serving import (
    BATCH_TOKENS,
    InputError,
    Progress,
    Say,
    in_child,
    read_rows,
    refuse_foreign_ids,
    score_in_batches,
    write_rows,
)
from downlaw.files import read_json

if TYPE_CHECKING:  # torch is the child's business: it takes seconds to import
    from downlaw.engine.language_model import LanguageModel


@dataclass(frozen=True)
class Request:
    """What to score with one model.

    Attributes:
        model: a decoder-only checkpoint of this pipeline.
        sets: by name, the prefix of a mmap dataset of held-out text, one block an item. Each block is scored
            after an end mark, as fairseq trains on items of whole blocks.
        choices: by name, a folder of multiple-choice items: `context.{bin,idx}`, one an item, may be empty;
            `choice.{bin,idx}`, all of the first item, then all of the second, and so on; `manifest.json`,
            whose `choices` lists how many each item has.
        kept: a folder of this model. `<name>.scores.jsonl` and `<name>.choices.jsonl` are kept there, a line
            a block or a choice: its nats and its pieces.
    """

    model: Path
    sets: Mapping[str, Path]
    choices: Mapping[str, Path]
    kept: Path

    def kept_set(self, name: str) -> Path:
        return self.kept / f"{name}.scores.jsonl"

    def kept_choices(self, name: str) -> Path:
        return self.kept / f"{name}.choices.jsonl"

    def is_done(self) -> bool:
        files = [*map(self.kept_set, self.sets), *map(self.kept_choices, self.choices)]
        return all(path.exists() for path in files)


@dataclass(frozen=True)
class Likelihoods:
    """Of n blocks or choices: negative log-likelihood in nats summed over the pieces of each, both (n,)."""

    nats: NDArray[np.float64]
    pieces: NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """Of one model: its likelihoods by the name of a set, and of a folder of choices."""

    sets: dict[str, Likelihoods]
    choices: dict[str, Likelihoods]


def score_models(requests: Sequence[Request], threads: int, cuda: bool = False) -> list[Scored]:
    """Score held-out text and choices with several models in one child process.

    Files that stand already are read and not made again.

    Raises:
        EngineError: where the child dies, with its last words: a model that cannot be read, a block or an
            item that is longer than the model takes. What was made before is kept.
    """
    missing = [request for request in requests if not request.is_done()]
    if missing:
        in_child(lambda say: _serve(missing, cuda, say), missing[0].kept / "scoring.log", threads, cuda)
    return [
        Scored(
            {name: _read(request.kept_set(name)) for name in request.sets},
            {name: _read(request.kept_choices(name)) for name in request.choices},
        )
        for request in requests
    ]


def _read(path: Path) -> Likelihoods:
    rows = read_rows(path)
    return Likelihoods(
        np.array([nats for nats, _ in rows], np.float64), np.array([pieces for _, pieces in rows], np.int64)
    )


def _serve(requests: Sequence[Request], cuda: bool, say: Say) -> None:
    from downlaw.engine import language_model

    for request in requests:
        model = language_model.load(request.model, "cuda" if cuda else "cpu")
        for name, prefix in request.sets.items():
            if not request.kept_set(name).exists():
                texts = _blocks(prefix, model)
                write_rows(request.kept_set(name), _score(model, *texts, f"score {name}", say))
        for name, folder in request.choices.items():
            if not request.kept_choices(name).exists():
                texts = _items(folder, model)
                write_rows(request.kept_choices(name), _score(model, *texts, f"choose {name}", say))


def _score(
    model: LanguageModel,
    contexts: Sequence[np.ndarray],
    continuations: Sequence[np.ndarray],
    label: str,
    say: Say,
) -> list[tuple[float, int]]:
    lengths = [len(a) + len(b) for a, b in zip(contexts, continuations, strict=True)]
    nats = score_in_batches(
        lengths,
        lambda batch: model.negative_log_likelihoods(
            [contexts[i] for i in batch], [continuations[i] for i in batch]
        ),
        BATCH_TOKENS[model.device],
        Progress(label, sum(lengths), say),
    )
    return list(zip(nats, map(len, continuations), strict=True))


_Texts = tuple[list[np.ndarray], list[np.ndarray]]
"""Contexts, and what comes after each."""


def _blocks(prefix: Path, model: LanguageModel) -> _Texts:
    blocks = read_dataset(prefix)
    refuse_foreign_ids(prefix, blocks, model.vocabulary)
    for number, block in enumerate(blocks, start=1):
        if len(block) > model.longest:
            raise InputError(
                f"{prefix}.bin: block {number} has {len(block):,} pieces, "
                f"the model was trained on blocks of {model.longest:,}"
            )
    return [block[:0] for block in blocks], blocks


def _items(folder: Path, model: LanguageModel) -> _Texts:
    contexts, choices = read_dataset(folder / "context"), read_dataset(folder / "choice")
    counts = read_json(folder / "manifest.json")["choices"]
    if len(counts) != len(contexts) or sum(counts) != len(choices):
        raise InputError(
            f"{folder}: manifest.json tells of {len(counts):,} items with {sum(counts):,} choices, there are "
            f"{len(contexts):,} contexts and {len(choices):,} choices"
        )
    refuse_foreign_ids(folder / "choice", choices, model.vocabulary)
    refuse_foreign_ids(folder / "context", contexts, model.vocabulary, may_be_empty=True)
    items = np.repeat(np.arange(len(counts)), counts)
    for item, choice in zip(items, choices, strict=True):
        length = len(contexts[item]) + len(choice)
        if length > model.longest:
            raise InputError(
                f"{folder}: item {item + 1} has a choice that ends {length:,} pieces after its beginning, "
                f"the model was trained on blocks of {model.longest:,}; leave it out or shorten it"
            )
    return [contexts[item] for item in items], choices
