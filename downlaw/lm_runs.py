"""Runs of the over-training track: score each model on held-out text and on tasks, and gather the scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from downlaw.engine import checkpoints, lm_scoring
from downlaw.engine.once import DIVERGED, OK
from downlaw.files import digest, read_json
from downlaw.metrics.choices import errors
from downlaw.metrics.resampling import DEFAULT_SEED, interval, resampled_totals
from downlaw.study import LmStudy
from downlaw.study.overtrain import multiplier_name
from downlaw.versions import in_words

COLUMNS = [
    "run", "training_set", "model", "params", "params_without_embedding", "multiplier_asked", "tokens_asked",
    "tokens", "multiplier", "epochs", "flops", "flops_exact", "trained_flops", "seed", "loss_fit",
    "error_fit", "status", "reason", "kind", "evaluation", "metric", "items", "value", "low", "high",
    "chance", "training_loss", "device", "versions",
]  # fmt: skip

RUN = ("training_set", "model", "multiplier_asked", "seed")
"""The columns that name a run."""

SET, TASK = "set", "task"
"""Kinds of evaluation."""
CROSS_ENTROPY, ERROR, RAW_ERROR = "cross_entropy", "error", "error_raw"


def evaluate_cell(
    study: LmStudy,
    record: Mapping[str, Any],
    sets: Mapping[str, Path],
    tasks: Mapping[str, Path],
    root: Path,
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Score one model of the grid; one that diverged passes with its status.

    What a model gives to each sequence and each choice is kept in a folder under `root`, and not made again.

    Args:
        record: what `train_cell` returned.
        sets: the folder of each evaluation set.
        tasks: the folder of each task's items.

    Returns:
        one row an evaluation and metric, with the columns of `results/lm_runs.csv`; and what each sequence
        and item adds, with columns RUN, evaluation, metric, item, value and weight: a metric is the sum of
        values over the sum of weights.
    """
    described = _describe(study, record)
    if record["status"] != OK:
        return [described], _statistics([])
    folder = root / _evaluation_identity(record, {**sets, **tasks})
    checkpoint = Path(record["checkpoint"])
    request = lm_scoring.Request(
        checkpoint, {name: path / "test" for name, path in sets.items()}, tasks, folder
    )
    if not request.is_done():  # what is kept needs no checkpoint: an archive may come without
        checkpoints.verify(checkpoint, record["sha256"])
    compute = study.compute
    (scored,) = lm_scoring.score_models([request], compute.threads, compute.device == "cuda")
    for name, likelihoods in scored.sets.items():
        if not np.isfinite(likelihoods.nats).all():  # the last updates broke the weights
            broken = {"status": DIVERGED, "reason": f"loss on {name} is not finite"}
            return [described | broken], _statistics([])
    rows, statistics = [], []

    def add(kind: str, name: str, metric: str, values: np.ndarray, weights: np.ndarray, **more: Any) -> None:
        totals = resampled_totals(
            np.column_stack([values, weights]), study.evaluate.bootstrap_samples, DEFAULT_SEED
        )
        low, high = interval(totals[:, 0] / totals[:, 1])
        score = {"value": values.sum() / weights.sum(), "low": low, "high": high, "items": len(values)}
        rows.append(described | {"kind": kind, "evaluation": name, "metric": metric} | score | more)
        named = {column: described[column] for column in RUN}
        items = {"item": np.arange(len(values)), "value": values, "weight": weights}
        statistics.append(pd.DataFrame({**named, "evaluation": name, "metric": metric, **items}))

    for name, likelihoods in scored.sets.items():
        add(SET, name, CROSS_ENTROPY, likelihoods.nats, likelihoods.pieces.astype(float))
    for name, likelihoods in scored.choices.items():
        manifest = read_json(tasks[name] / "manifest.json")
        wrong = errors(-likelihoods.nats, likelihoods.pieces, manifest["choices"], manifest["answers"])
        for metric, values in ((ERROR, wrong.normalised), (RAW_ERROR, wrong.raw)):
            add(TASK, name, metric, values, np.ones(len(values)), chance=manifest["chance_error"])
    return rows, _statistics(statistics)


def _evaluation_identity(record: Mapping[str, Any], folders: Mapping[str, Path]) -> str:
    texts = {name: read_json(path / "manifest.json")["sha256"] for name, path in folders.items()}
    return digest({"run": record["identity"], "evaluations": texts})


def _describe(study: LmStudy, record: Mapping[str, Any]) -> dict[str, Any]:
    cell = record["model"], record["multiplier_asked"]
    name = f"{record['mixture']} {record['model']} M {multiplier_name(record['multiplier_asked'])}"
    return {column: record.get(column) for column in COLUMNS} | {
        "run": f"{name} seed {record['seed']}",
        "training_set": record["mixture"],
        "multiplier": record["tokens"] / record["params"],
        "loss_fit": cell in study.loss_fit,
        "error_fit": cell in study.error_fit,
        "versions": in_words(record.get("versions")) or None,
    }


def _statistics(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    columns = [*RUN, "evaluation", "metric", "item", "value", "weight"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def lm_runs_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """All scores of all runs as one table, in the order of the study; missing values are empty."""
    whole = ("params", "params_without_embedding", "tokens_asked", "tokens", "seed", "items")
    return pd.DataFrame([dict(row) for row in rows], columns=COLUMNS).astype(dict.fromkeys(whole, "Int64"))


def resample_lm_runs(tables: Iterable[pd.DataFrame], samples: int) -> pd.DataFrame:
    """The scores of every run on evaluations drawn anew, the same draws for all runs.

    Args:
        tables: the statistics of `evaluate_cell`.

    Returns:
        columns RUN, evaluation, metric, resample (0 to samples - 1) and value.
    """
    keys = [*RUN, "evaluation", "metric"]
    found = []
    for table in tables:
        for named, items in table.groupby(keys, sort=False):
            totals = resampled_totals(items[["value", "weight"]].to_numpy(float), samples, DEFAULT_SEED)
            values = {"resample": np.arange(samples), "value": totals[:, 0] / totals[:, 1]}
            found.append(pd.DataFrame({**dict(zip(keys, named, strict=True)), **values}))
    return (
        pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*keys, "resample", "value"])
    )
