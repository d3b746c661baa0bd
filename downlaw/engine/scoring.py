"""Score and translate with finetuned models: log-probabilities of references, and beam search.

One child process serves all models of a job, and what it makes is kept in files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from downlaw.engine import gpus, launch
from downlaw.engine.errors import EngineError
from downlaw.engine.mmap import read_dataset
from downlaw.files import read_json, write_aside
from downlaw.study.training import Evaluate

if TYPE_CHECKING:  # torch is the child's business: it takes seconds to import
    from downlaw.engine.transformer import Transformer

DECODING_RULES = 2
"""Named in what identifies kept translations; 2: each hypothesis is bounded by its own source's length."""

_BATCH_TOKENS = 4096


class InputError(EngineError):
    """Text that a model cannot read; names the file and the segment."""


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
    """

    model: Path
    source: Path
    target: Path
    scores: Path
    hypotheses: Path | None = None

    def is_done(self) -> bool:
        return self.scores.exists() and (self.hypotheses is None or self.hypotheses.exists())


@dataclass(frozen=True)
class Scored:
    """Of one model: a score a reference, and the best hypothesis a source as ids; None: not asked for."""

    scores: list[SegmentScore]
    hypotheses: list[list[int]] | None


def score_models(
    requests: Sequence[Request], settings: Evaluate, threads: int, cuda: bool = False
) -> list[Scored]:
    """Score references, and translate, with several models in one child process.

    Files that stand already are read and not made again.

    Raises:
        EngineError: where the child dies, with its last words: a model that cannot be read, a segment
            that is longer than the model takes. The files of the models before are kept.
    """
    missing = [request for request in requests if not request.is_done()]
    if missing:
        log = missing[0].scores.with_name("scoring.log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with gpus.held("cuda" if cuda else "cpu"):
            code = launch.run_forked(lambda: _serve(missing, settings, cuda), log, threads)
        if code != 0:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            said = lines[-1] if lines else "nothing said"
            raise EngineError(f"scoring stopped with code {code}: {said} ({log})")
    return [_read(request) for request in requests]


def _read(request: Request) -> Scored:
    scores = [SegmentScore(*json.loads(line)) for line in request.scores.read_text().splitlines()]
    return Scored(scores, read_json(request.hypotheses) if request.hypotheses else None)


def _serve(requests: Sequence[Request], settings: Evaluate, cuda: bool) -> None:
    from downlaw.engine import decoding, transformer

    for request in requests:
        model = transformer.load(request.model, "cuda" if cuda else "cpu")
        sources, targets = (_checked(prefix, model) for prefix in (request.source, request.target))
        if not request.scores.exists():
            scores = _score(model, sources, targets)
            with write_aside(request.scores) as aside:
                aside.write_text("".join(json.dumps(pair) + "\n" for pair in scores), encoding="utf-8")
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
        if len(ids) == 0 or ids.max() >= model.vocabulary:
            raise InputError(
                f"{prefix}.bin: segment {number} is empty or of another vocabulary than the model's "
                f"{model.vocabulary:,} pieces"
            )
    return items


def _score(
    model: Transformer, sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]
) -> list[tuple[float, int]]:
    import torch

    from downlaw.engine.decoding import batches

    found: list[tuple[float, int]] = [(math.nan, 0)] * len(targets)
    lengths = [max(len(s), len(t)) for s, t in zip(sources, targets, strict=True)]
    with torch.inference_mode():
        for batch in batches(lengths, _BATCH_TOKENS, len(lengths)):
            source = model.encode([sources[i] for i in batch])
            sums = model.negative_log_likelihoods(source, [targets[i] for i in batch]).tolist()
            for index, total in zip(batch, sums, strict=True):
                found[index] = (total, len(targets[index]))
    return found
