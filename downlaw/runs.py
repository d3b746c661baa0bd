"""Runs: finetune the models that share a start, select the learning rate, and score the test text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from downlaw.corpora.tokenizer import Tokenizer
from downlaw.engine import checkpoints, flops, scoring
from downlaw.engine.distractors import SEED, TooFewError
from downlaw.engine.once import DIVERGED, OK, Output
from downlaw.engine.training import finetune_run
from downlaw.files import digest, read_json, read_lines, write_aside
from downlaw.metrics import (
    METRICS,
    RUN_TYPES,
    Metric,
    TextError,
    Translations,
    count_segments,
    join_tables,
    likelihood_statistics,
    scores_row,
    segment_table,
    text_metrics,
    translation_choice_statistics,
)
from downlaw.mixtures import describe_mixture
from downlaw.study import Study
from downlaw.study.matrix import Start, runs
from downlaw.study.training import Evaluate
from downlaw.validation import in_other_units, select
from downlaw.versions import in_words


def _scored(*names: str) -> list[str]:
    return [f"{name}{end}" for name in names for end in ("", "_low", "_high")]


_LIKELIHOODS = ("cross_entropy", "cross_entropy_per_character")
_CHOICES = ("translation_choice_error", "translation_choice_error_raw")

COLUMNS = [
    "task", "src", "tgt", "mixture", "mixture_holds", "alignment_score", "params", "pretrain_tokens",
    "pretrain_tokens_asked", "pretrain_epochs", "finetune_pairs", "finetune_tokens", "learning_rate",
    "rate_on_grid_edge", "pretraining_seed", "finetuning_seed", "selected", "status", "reason",
    *_scored("cross_entropy"), "perplexity", *_scored("cross_entropy_per_character"),
    "valid_cross_entropy", "valid_perplexity", "valid_cross_entropy_per_character",
    *_scored(*_CHOICES),
    *_scored("bleu"), "brevity_penalty",
    "precision_1", "precision_2", "precision_3", "precision_4", "bleu_smoothed",
    *_scored("chrf", "ter", "rouge_1", "rouge_2", "rouge_l"),
    *_scored("comet"), "comet_model", "comet_truncated_segments",
    *_scored("comet_local"), "comet_local_model", "comet_local_truncated_segments",
    *_scored("empty_output", "copied_output", "wrong_language_output", "looping_output"),
    "test_segments", "pretrain_flops", "finetune_flops", "signature", "device", "versions",
]  # fmt: skip

WHOLE_NUMBERS = [
    "params", "pretrain_tokens", "pretrain_tokens_asked", "finetune_pairs", "finetune_tokens",
    "pretraining_seed", "finetuning_seed", "test_segments", "comet_truncated_segments",
    "comet_local_truncated_segments",
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
            kept = model.parent / f"valid-{validation}.scores.jsonl"
            request = scoring.Request(model, prepared / "valid.source", prepared / "valid.target", kept)
            (scored,) = _score(study, [request])
            scores = scored.scores
            if all(math.isfinite(score.negative_log_likelihood) for score in scores):
                nats = math.fsum(score.negative_log_likelihood for score in scores)
                record["valid_cross_entropy"] = nats / sum(score.tokens for score in scores)
            else:  # the last updates broke the weights: no training loss could show it any more
                record |= {"status": DIVERGED, "reason": "validation loss is not finite"}
            record["finetune_flops"] = _finetuning_flops(study, record, data)
        records.append(record)
    return select(records)


def _score(study: Study, requests: Sequence[scoring.Request]) -> list[scoring.Scored]:
    compute = study.compute
    return scoring.score_models(requests, study.evaluate, compute.threads, compute.device == "cuda")


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


def evaluate_batch(
    study: Study, records: Sequence[Mapping[str, Any]], prepared: Path, model: Path, root: Path
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Score the selected runs of a batch on the test text; the others pass with their status.

    Hypotheses, the likelihood of each reference and what metrics counted are kept in a folder a run under
    `root`, and not made again.

    Args:
        records: what `finetune_batch` returned.
        prepared: the task's folder, with its validation and test sets.
        model: the SentencePiece model.

    Returns:
        one row a run, with the columns of `results/runs.csv` and, where it was scored, `evaluation`: the
        name of its folder; and the statistics of each test segment of the selected runs, as
        `downlaw.metrics.segments` describes them.
    """
    tokenizer = Tokenizer(model)
    counted = text_metrics(study.evaluate.metrics, study.evaluate.bleu_tokenize)
    likelihoods = _LIKELIHOODS if study.evaluate.translation_choices is None else _LIKELIHOODS + _CHOICES
    scored = [*(METRICS[name] for name in likelihoods), *counted]
    selected = [record for record in records if record["selected"]]
    folders = [root / _evaluation_identity(study, record, prepared) for record in selected]
    choices = study.evaluate.translation_choices
    requests = [
        _request(record, prepared, folder, choices) for record, folder in zip(selected, folders, strict=True)
    ]
    try:
        made = zip(folders, _score(study, requests), strict=True)
    except TooFewError as error:
        raise TextError(f"task {selected[0]['task']}, {prepared / 'test.target.bin'}: {error}") from None
    rows, statistics = [], []
    for record in records:
        row = _describe(study, record, prepared, tokenizer.vocabulary)
        if record["selected"]:
            folder, outputs = next(made)
            counts = _count(study, record, outputs, prepared, tokenizer, counted, folder)
            row |= scores_row(counts, scored, bootstrap=study.evaluate.bootstrap_samples)
            row["signature"] += f" {_model_signature(study.evaluate)}"
            row["evaluation"] = folder.name
            statistics.append(segment_table(record, counts))
        rows.append(row)
    return rows, join_tables(statistics)


def _evaluation_identity(study: Study, record: Mapping[str, Any], prepared: Path) -> str:
    test = read_json(prepared / "manifest.json")["splits"]["test"]["sha256"]
    decoding = {**study.evaluate.decoding(), "rules": scoring.DECODING_RULES}
    return digest({"run": record["identity"], "decoding": decoding, "test": test})


def _model_signature(evaluate: Evaluate) -> str:
    decoding = (
        f"decoding|beam:{evaluate.beam}|length-penalty:{evaluate.length_penalty:g}"
        f"|max-length-ratio:{evaluate.max_length_ratio:g}"
    )
    choices = evaluate.translation_choices
    return decoding if choices is None else f"{decoding} translation-choice|choices:{choices}|seed:{SEED}"


def _request(record: Mapping[str, Any], prepared: Path, folder: Path, choices: int | None) -> scoring.Request:
    checkpoint = Path(record["checkpoint"])
    request = scoring.Request(
        checkpoint,
        prepared / "test.source",
        prepared / "test.target",
        folder / "test.scores.jsonl",
        folder / "hypotheses.json",
        folder / f"test.choices-{choices}.jsonl" if choices else None,
    )
    if not request.is_done():  # what is kept needs no checkpoint: an archive may come without
        checkpoints.verify(checkpoint, record["sha256"])
    return request


def _describe(study: Study, record: Mapping[str, Any], prepared: Path, vocabulary: int) -> dict[str, Any]:
    task, mixture = study.tasks[record["task"]], record["mixture"]
    about = describe_mixture(study.mixtures[mixture], study.tasks)[record["task"]] if mixture else {}
    row = {column: record.get(column) for column in COLUMNS}
    return row | {
        "src": task.source,
        "tgt": task.target,
        "mixture_holds": about.get("holds"),
        "alignment_score": about.get("alignment_score"),
        "params": flops.parameters(study.model, vocabulary),
        "versions": in_words(record.get("versions")) or None,
        **in_other_units(record["valid_cross_entropy"], prepared),
    }


def _count(
    study: Study,
    record: Mapping[str, Any],
    outputs: scoring.Scored,
    prepared: Path,
    tokenizer: Tokenizer,
    metrics: Sequence[Metric],
    folder: Path,
) -> dict[str, NDArray[np.float64]]:
    task = study.tasks[record["task"]]
    hypotheses = tokenizer.decode(outputs.hypotheses)
    with write_aside(folder / "hypotheses.txt") as aside:
        aside.write_text("".join(line + "\n" for line in hypotheses), encoding="utf-8")
    try:
        translations = Translations(
            read_lines(prepared / "test.source.txt"),
            hypotheses,
            read_lines(prepared / "test.target.txt"),
            task.source,
            task.target,
            tuple(study.languages),
        )
    except TextError as error:
        raise TextError(f"task {record['task']}, {prepared / 'test.target.txt'}: {error}") from None
    # Texts that differ can have the same ids, and so the same folder.
    counted = digest([translations.digest, list(translations.languages)])
    return (
        likelihood_statistics(
            [score.negative_log_likelihood for score in outputs.scores],
            [score.tokens for score in outputs.scores],
            translations.references,
        )
        | _choose(outputs)
        | count_segments(metrics, translations, kept=folder / f"counts-{counted}")
    )


def _choose(outputs: scoring.Scored) -> dict[str, NDArray[np.float64]]:
    if outputs.choices is None:
        return {}
    rows = [[true, *wrong] for true, wrong in zip(outputs.scores, outputs.choices, strict=True)]
    nats, pieces = (
        [[getattr(score, name) for score in row] for row in rows]
        for name in ("negative_log_likelihood", "tokens")
    )
    return translation_choice_statistics(nats, pieces)


def runs_table(rows: Iterable[Mapping[str, Any]], further: Iterable[Mapping[str, Any]] = ()) -> pd.DataFrame:
    """All runs as one table, in the order of the study; missing values are empty, counts stay whole.

    further: rows of scores made by jobs of their own, which name their run by the columns of RUN_TYPES.

    Raises:
        KeyError: for a further row of a run that is not there.
    """
    rows = [dict(row) for row in rows]
    selected = {_name(row): row for row in rows if row["selected"]}
    for row in further:
        selected[_name(row)].update(row)
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))


def _name(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column] for column in RUN_TYPES)
