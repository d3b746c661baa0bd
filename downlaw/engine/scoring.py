"""Score and translate with finetuned models: log-probabilities of references, and beam search.

One child process serves all models of a job, and what it makes is kept in files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from downlaw.engine.distractors import distractors
from downlaw.engine.mmap import read_dataset
from downlaw.engine.serving import (
    BATCH_TOKENS,
    InputError,
    in_child,
    read_rows,
    refuse_foreign_ids,
    score_in_batches,
    write_rows,
)
from downlaw.files import read_json, write_aside
from downlaw.study.training import Evaluate

if TYPE_CHECKING:  # torch is the child's business: it takes seconds to import
    from torch import Tensor

    from downlaw.engine.transformer import Transformer

DECODING_RULES = 2
"""Named in what identifies kept translations; 2: each hypothesis is bounded by its own source's length."""


@dataclass(frozen=True)
class SegmentScore:
    """What a model gives to one reference: summed negative log-likelihood in nats over `tokens` pieces."""

    negative_log_likelihood: float
    tokens: int


@dataclass(frozen=True)
class Request:
    """What to make with one model.

    Attributes:
        model: a finetuned checkpoint of this pipeline.
        source: prefix of the mmap dataset of sources.
        target: prefix of the mmap dataset of references.
        scores: where the scores of the references are kept, one JSON array a line.
        hypotheses: where the translations are kept, a JSON list of lists of ids; None: do not translate.
        choices: where the scores of wrong targets are kept, those of a source in a line; None: score none.
    """

    model: Path
    source: Path
    target: Path
    scores: Path
    hypotheses: Path | None = None
    choices: Path | None = None

    def is_done(self) -> bool:
        asked = (self.scores, self.hypotheses, self.choices)
        return all(path is None or path.exists() for path in asked)


@dataclass(frozen=True)
class Scored:
    """Of one model: a score a reference, the best hypothesis a source as ids, and the scores of each source's
    wrong targets; None: not asked for."""

    scores: list[SegmentScore]
    hypotheses: list[list[int]] | None
    choices: list[list[SegmentScore]] | None = None


def score_models(
    requests: Sequence[Request], settings: Evaluate, threads: int, cuda: bool = False
) -> list[Scored]:
    """Score references, and translate, with several models in one child process.

    Files that stand already are read and not made again. Where a request asks for choices, each source has
    `settings.translation_choices` - 1 wrong targets, chosen by `distractors`.

    Raises:
        TooFewError: where a test set has not as many different targets as choices.
        EngineError: where the child dies, with its last words: a model that cannot be read, a segment
            that is longer than the model takes. The files of the models before are kept.
    """
    missing = [request for request in requests if not request.is_done()]
    if missing:
        choosing = {one.target for one in missing if one.choices and not one.choices.exists()}
        wrong = {
            target: distractors(read_dataset(target), settings.translation_choices - 1) for target in choosing
        }
        log = missing[0].scores.with_name("scoring.log")
        in_child(lambda say: _serve(missing, settings, cuda, wrong), log, threads, cuda)
    return [_read(request) for request in requests]


def _read(request: Request) -> Scored:
    return Scored(
        [SegmentScore(*row) for row in read_rows(request.scores)],
        read_json(request.hypotheses) if request.hypotheses else None,
        [[SegmentScore(*one) for one in row] for row in read_rows(request.choices)]
        if request.choices
        else None,
    )


def _serve(
    requests: Sequence[Request], settings: Evaluate, cuda: bool, wrong: Mapping[Path, list[list[int]]]
) -> None:
    from downlaw.engine import decoding, transformer

    for request in requests:
        model = transformer.load(request.model, "cuda" if cuda else "cpu")
        sources, targets = (_checked(prefix, model) for prefix in (request.source, request.target))
        if not request.scores.exists():
            write_rows(request.scores, (scores for (scores,) in _score(model, sources, [targets])))
        if request.choices and not request.choices.exists():
            columns = zip(*wrong[request.target], strict=True)
            others = [[targets[i] for i in column] for column in columns]
            write_rows(request.choices, _score(model, sources, others))
        if request.hypotheses and not request.hypotheses.exists():
            hypotheses = decoding.translate(
                model, sources, settings.beam, settings.max_length_ratio, settings.length_penalty
            )
            with write_aside(request.hypotheses) as aside:
                aside.write_text(json.dumps(hypotheses), encoding="utf-8")


def _checked(prefix: Path, model: Transformer) -> list[np.ndarray]:
    items = read_dataset(prefix)
    for number, ids in enumerate(items, start=1):
        if len(ids) > model.longest:
            raise InputError(
                f"{prefix}.bin: segment {number} has {len(ids):,} pieces with its end mark, the model takes "
                f"{model.longest:,}; leave it out, or train with a larger model.max_pieces"
            )
    refuse_foreign_ids(prefix, items, model.vocabulary)
    return items


def _score(
    model: Transformer, sources: Sequence[np.ndarray], columns: Sequence[Sequence[np.ndarray]]
) -> list[list[tuple[float, int]]]:
    """For each source the nats and the pieces of its target in each of `columns`."""
    import torch

    def score(batch: list[int]) -> Tensor:
        source = model.encode([sources[i] for i in batch])
        targets = ([column[i] for i in batch] for column in columns)
        return torch.stack([model.negative_log_likelihoods(source, some) for some in targets], dim=1)

    rows = list(zip(*columns, strict=True))
    lengths = [max(map(len, (source, *row))) for source, row in zip(sources, rows, strict=True)]
    nats = score_in_batches(lengths, score, BATCH_TOKENS[model.device])
    return [list(zip(each, map(len, row), strict=True)) for each, row in zip(nats, rows, strict=True)]
