"""Score and translate with a finetuned model: log-probabilities of references, and beam search."""

from __future__ import annotations

import json
import math
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from downlaw.engine import launch
from downlaw.engine.mmap import read_dataset
from downlaw.files import read_json, write_aside
from downlaw.study.training import Evaluate

_BATCH_TOKENS = 4096
_BATCH_SEGMENTS = 64


@dataclass(frozen=True)
class SegmentScore:
    """What a model gives to one reference: summed negative log-likelihood in nats over `tokens` pieces."""

    negative_log_likelihood: float
    tokens: int


def batches(lengths: Sequence[int], tokens: int, segments: int) -> Iterator[list[int]]:
    """Indices sorted by length, in batches of at most `tokens` with padding and at most `segments`."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batch and (len(batch) == segments or (len(batch) + 1) * lengths[index] > tokens):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def score_references(
    model: Path, data: Path, source: Path, target: Path, output: Path, threads: int, cuda: bool = False
) -> list[SegmentScore]:
    """Negative log-likelihood of each reference under a finetuned model, in a child process.

    Args:
        model: a checkpoint of this pipeline.
        data: a folder with the task's dictionaries.
        source: prefix of the mmap dataset of sources.
        target: prefix of the mmap dataset of references.
        output: where the scores are written, one JSON array a line, and read back where they stand already.

    Raises:
        launch.EngineError: where the child dies.
    """
    if not output.exists():
        _in_child(lambda: _score_references(model, data, source, target, output, cuda), output, threads)
    return [SegmentScore(*json.loads(line)) for line in output.read_text().splitlines()]


def translate(
    model: Path,
    data: Path,
    source: Path,
    settings: Evaluate,
    output: Path,
    threads: int,
    cuda: bool = False,
) -> list[list[int]]:
    """The best hypothesis of beam search for every source, as fairseq ids, in a child process.

    Raises:
        launch.EngineError: where the child dies.
    """
    if not output.exists():
        _in_child(lambda: _translate(model, data, source, settings, output, cuda), output, threads)
    return read_json(output)


def _in_child(work, output: Path, threads: int) -> None:
    log = output.with_name("scoring.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    code = launch.run_forked(work, log, threads)
    if code != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise launch.EngineError(f"scoring stopped with code {code}: {lines[-1] if lines else ''} ({log})")


def _load(model: Path, data: Path, cuda: bool):
    from fairseq import checkpoint_utils

    models, _, task = checkpoint_utils.load_model_ensemble_and_task(
        [str(model)], arg_overrides={"data": str(data)}
    )
    models[0].eval()
    return (models[0].cuda() if cuda else models[0]), task


def _collate(items: list[np.ndarray], pad: int, **options):
    import torch
    from fairseq.data.data_utils import collate_tokens

    tensors = [torch.from_numpy(item.astype(np.int64)) for item in items]
    return collate_tokens(tensors, pad, **options)


def _score_references(
    model_path: Path, data: Path, source: Path, target: Path, output: Path, cuda: bool
) -> None:
    import torch

    model, task = _load(model_path, data, cuda)
    pad, end = task.target_dictionary.pad(), task.target_dictionary.eos()
    sources, targets = read_dataset(source), read_dataset(target)
    found: list[tuple[float, int]] = [(math.nan, 0)] * len(targets)
    lengths = [max(len(s), len(t)) for s, t in zip(sources, targets, strict=True)]
    with torch.inference_mode():
        for batch in batches(lengths, _BATCH_TOKENS, _BATCH_SEGMENTS):
            target_ids = _collate([targets[i] for i in batch], pad)
            previous = _collate([targets[i] for i in batch], pad, eos_idx=end, move_eos_to_beginning=True)
            source_ids = _collate([sources[i] for i in batch], pad, left_pad=True)
            source_lengths = torch.tensor([len(sources[i]) for i in batch])
            if cuda:
                target_ids, previous = target_ids.cuda(), previous.cuda()
                source_ids, source_lengths = source_ids.cuda(), source_lengths.cuda()
            net_output = model(source_ids, source_lengths, previous)
            log_probabilities = model.get_normalized_probs(net_output, log_probs=True)
            picked = log_probabilities.gather(-1, target_ids.unsqueeze(-1)).squeeze(-1).double()
            sums = -(picked * (target_ids != pad)).sum(dim=-1)
            for row, index in enumerate(batch):
                found[index] = (float(sums[row]), len(targets[index]))
    with write_aside(output) as aside:
        aside.write_text("".join(json.dumps(pair) + "\n" for pair in found), encoding="utf-8")


def _translate(
    model_path: Path, data: Path, source: Path, settings: Evaluate, output: Path, cuda: bool
) -> None:
    import torch

    model, task = _load(model_path, data, cuda)
    pad, end = task.source_dictionary.pad(), task.target_dictionary.eos()
    generator = task.build_generator(
        [model],
        Namespace(
            beam=settings.beam,
            max_len_a=settings.max_length_ratio,
            max_len_b=10,
            lenpen=settings.length_penalty,
        ),
    )
    sources = read_dataset(source)
    hypotheses: list[list[int]] = [[] for _ in sources]
    with torch.inference_mode():
        for batch in batches([len(s) for s in sources], _BATCH_TOKENS, _BATCH_SEGMENTS):
            source_ids = _collate([sources[i] for i in batch], pad, left_pad=True)
            source_lengths = torch.tensor([len(sources[i]) for i in batch])
            if cuda:
                source_ids, source_lengths = source_ids.cuda(), source_lengths.cuda()
            sample = {"net_input": {"src_tokens": source_ids, "src_lengths": source_lengths}}
            for index, found in zip(batch, generator.generate([model], sample), strict=True):
                ids = found[0]["tokens"].tolist()
                hypotheses[index] = ids[:-1] if ids and ids[-1] == end else ids
    with write_aside(output) as aside:
        aside.write_text(json.dumps(hypotheses), encoding="utf-8")
