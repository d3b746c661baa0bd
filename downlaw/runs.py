"""Runs: finetune the models that share a start, select the learning rate, and score the test text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from downlaw.corpora.tokenizer import Tokenizer
from downlaw.engine import checkpoints, flops, scoring
from downlaw.engine.training import DIVERGED, OK, Output, finetune_run
from downlaw.files import digest, read_json, write_aside
from downlaw.metrics.crossentropy import cross_entropy
from downlaw.metrics.segments import join_statistics, segment_statistics
from downlaw.metrics.translation import score_translations
from downlaw.study import Study
from downlaw.study.matrix import Start, runs
from downlaw.subsets import describe_mixture

COLUMNS = [
    "task", "src", "tgt", "mixture", "mixture_holds", "alignment_score", "params", "pretrain_tokens",
    "pretrain_tokens_asked", "pretrain_epochs", "finetune_pairs", "finetune_tokens", "learning_rate",
    "rate_on_grid_edge", "pretraining_seed", "finetuning_seed", "selected", "status", "reason",
    "cross_entropy", "cross_entropy_low", "cross_entropy_high", "valid_cross_entropy",
    "bleu", "bleu_low", "bleu_high", "brevity_penalty",
    "precision_1", "precision_2", "precision_3", "precision_4", "chrf", "chrf_low", "chrf_high",
    "comet", "comet_model", "comet_local", "test_segments", "pretrain_flops", "finetune_flops",
    "signature", "device",
]  # fmt: skip

WHOLE_NUMBERS = [
    "params", "pretrain_tokens", "pretrain_tokens_asked", "finetune_pairs", "finetune_tokens",
    "pretraining_seed", "finetuning_seed", "test_segments",
]  # fmt: skip


def finetune_batch(
    study: Study,
    task: str,
    start: Start,
    start_record: Mapping[str, Any] | None,
    prepared: Path,
    subsets: Mapping[int, Path],
    root: Path,
    output: Output,
) -> list[dict[str, Any]]:
    """Finetune every Df, learning rate and seed of a task from one start, and select the rates.

    Args:
        start_record: the record of the pretraining segment, None for the baseline.
        prepared: the task's folder, with its validation set.
        subsets: the finetuning folder of each Df.
        root: run folders are made in here.

    Returns:
        one record a run, with `valid_cross_entropy` (nats a target token) and `selected`.
    """
    validation = digest(read_json(prepared / "manifest.json")["splits"]["valid"]["sha256"])
    records = []
    for run in runs(study, task, start):
        label = f"{output.label} Df {run.pairs:,} rate {run.learning_rate:g} seed {run.seed}"
        data = subsets[run.pairs]
        record = finetune_run(study, run, data, start_record, root, Output(output.rule_log, label))
        record["valid_cross_entropy"] = None
        if record["status"] == OK:
            model = Path(record["checkpoint"])
            scores = scoring.score_references(
                model,
                data,
                prepared / "valid.source",
                prepared / "valid.target",
                model.parent / f"valid-{validation}.scores.jsonl",
                study.compute.threads,
                study.compute.device == "cuda",
            )
            if all(math.isfinite(score.negative_log_likelihood) for score in scores):
                record["valid_cross_entropy"] = _cross_entropy(scores).nats_per_token
            else:  # the last updates broke the weights: no training loss could show it any more
                record |= {"status": DIVERGED, "reason": "validation loss is not finite"}
            record["finetune_flops"] = _finetuning_flops(study, record, data)
        records.append(record)
    return select(records)


def _cross_entropy(scores: Sequence[scoring.SegmentScore], **options: Any):
    return cross_entropy(
        [score.negative_log_likelihood for score in scores], [score.tokens for score in scores], **options
    )


def _finetuning_flops(study: Study, record: Mapping[str, Any], data: Path) -> float:
    """From the target tokens that fairseq counted, at the subset's own ratio of lengths."""
    subset = read_json(data / "manifest.json")
    target_tokens = record["target_tokens_a_update"] * study.finetune.updates
    return flops.training_flops(
        study.model,
        record["settings"]["vocabulary"],
        target_tokens * subset["source_tokens"] / subset["target_tokens"],
        target_tokens,
        subset["source_tokens"] / subset["pairs"],
        subset["target_tokens"] / subset["pairs"],
    )


def select(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mark the runs of the best learning rate of each Df.

    The best rate has the lowest validation cross-entropy, averaged over the seeds: one rate for all of them.
    A rate with a run that diverged is out. A best rate at an end of a grid of several is flagged.
    """
    records = [dict(record) for record in records]
    for pairs in {record["finetune_pairs"] for record in records}:
        here = [record for record in records if record["finetune_pairs"] == pairs]
        rates = sorted({record["learning_rate"] for record in here})
        means = {}
        for rate in rates:
            losses = [r["valid_cross_entropy"] for r in here if r["learning_rate"] == rate]
            if all(loss is not None for loss in losses):
                means[rate] = sum(losses) / len(losses)
        best = min(means, key=lambda rate: (means[rate], rate)) if means else None
        for record in here:
            record["selected"] = record["learning_rate"] == best
            record["rate_on_grid_edge"] = (
                record["selected"] and len(rates) > 1 and best in (rates[0], rates[-1])
            )
    return records


def evaluate_batch(
    study: Study, records: Sequence[Mapping[str, Any]], prepared: Path, model: Path, root: Path
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Score the selected runs of a batch on the test text; the others pass with their status.

    Hypotheses and the score of each reference are kept in a folder a run under `root`, and not made again.

    Args:
        records: what `finetune_batch` returned.
        prepared: the task's folder, with its test set.
        model: the SentencePiece model.

    Returns:
        one row a run, with the columns of `results/runs.csv`; and the statistics of each test segment of the
        selected runs, as `downlaw.metrics.segments` describes them.
    """
    tokenizer = Tokenizer(model)
    rows, statistics = [], []
    for record in records:
        row = _describe(study, record, tokenizer.vocabulary)
        if record["selected"]:
            folder = root / _evaluation_identity(study, record, prepared)
            scores, segments = _score(study, record, prepared, tokenizer, folder)
            row |= scores
            statistics.append(segments)
        rows.append(row)
    return rows, join_statistics(statistics)


def _evaluation_identity(study: Study, record: Mapping[str, Any], prepared: Path) -> str:
    test = read_json(prepared / "manifest.json")["splits"]["test"]["sha256"]
    decoding = study.evaluate.model_dump(exclude={"bootstrap_samples"})
    return digest({"run": record["identity"], "decoding": decoding, "test": test})


def _describe(study: Study, record: Mapping[str, Any], vocabulary: int) -> dict[str, Any]:
    task, mixture = study.tasks[record["task"]], record["mixture"]
    about = describe_mixture(study.mixtures[mixture], study.tasks)[record["task"]] if mixture else {}
    row = {column: record.get(column) for column in COLUMNS}
    return row | {
        "src": task.source,
        "tgt": task.target,
        "mixture_holds": about.get("holds"),
        "alignment_score": about.get("alignment_score"),
        "params": flops.parameters(study.model, vocabulary),
    }


def _score(
    study: Study, record: Mapping[str, Any], prepared: Path, tokenizer: Tokenizer, folder: Path
) -> tuple[dict[str, Any], pd.DataFrame]:
    checkpoint = Path(record["checkpoint"])
    checkpoints.verify(checkpoint, record["sha256"])
    compute, evaluate = study.compute, study.evaluate
    cuda = compute.device == "cuda"
    source, target = prepared / "test.source", prepared / "test.target"
    scores = scoring.score_references(
        checkpoint, prepared, source, target, folder / "test.scores.jsonl", compute.threads, cuda
    )
    ids = scoring.translate(
        checkpoint, prepared, source, evaluate, folder / "hypotheses.json", compute.threads, cuda
    )
    hypotheses = tokenizer.decode(ids)
    with write_aside(folder / "hypotheses.txt") as aside:
        aside.write_text("".join(line + "\n" for line in hypotheses), encoding="utf-8")
    references = (prepared / "test.target.txt").read_text(encoding="utf-8").split("\n")[:-1]
    loss = _cross_entropy(scores, bootstrap=evaluate.bootstrap_samples)
    translation = score_translations(hypotheses, references, bootstrap=evaluate.bootstrap_samples)
    likelihoods, tokens = zip(
        *((score.negative_log_likelihood, score.tokens) for score in scores), strict=True
    )
    segments = segment_statistics(record, likelihoods, tokens, translation.counts)
    return {**loss.as_row(), **translation.as_row()}, segments


def runs_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """All runs as one table, in the order of the study; missing values are empty, counts stay whole."""
    return pd.DataFrame(list(rows), columns=COLUMNS).astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))
