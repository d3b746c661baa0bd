"""What each job took: the one table that differs between two identical studies."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from downlaw.engine.once import read_history
from downlaw.files import read_json

COLUMNS = [
    "stage", "job", "seconds", "updates", "lost_updates", "tokens", "tokens_per_second", "device", "threads",
    "processes", "ended", "max_rss_mb",
]  # fmt: skip


def training_costs(folder: Path, stage: str, tokens_per_update: float, job: str) -> list[dict[str, Any]]:
    """One row for each time that a training ran: a resumed one has several.

    `updates` and `tokens` were kept, so that their sums count everything once; `lost_updates` were made after
    the last save of a process that died, and were made again. `seconds` and `tokens_per_second` are of both.

    Args:
        folder: a training's own folder, with its history.
        tokens_per_update: target tokens an update.
    """
    rows = []
    for entry in read_history(folder):
        updates, lost = entry["to_update"] - entry["from_update"], entry.get("lost_updates", 0)
        speed = (updates + lost) * tokens_per_update / entry["seconds"] if entry["seconds"] else None
        rows.append(
            {
                "stage": stage,
                "job": job,
                "seconds": entry["seconds"],
                "updates": updates,
                "lost_updates": lost,
                "tokens": round(updates * tokens_per_update),
                "tokens_per_second": None if speed is None else round(speed, 1),
                "device": entry["device"],
                "threads": entry["threads"],
                "processes": entry.get("processes", 1),
                "ended": entry.get("ended", "done"),
            }
        )
    return rows


def job_costs(benchmarks: Path) -> list[dict[str, Any]]:
    """One row a job, from Snakemake's benchmark files (`benchmarks`/{rule}/{job}.tsv)."""
    rows = []
    for path in sorted(benchmarks.glob("*/*.tsv")):
        with path.open(encoding="utf-8", newline="") as stream:
            times = list(csv.DictReader(stream, delimiter="\t"))
        if not times:  # the job was killed
            continue
        measured = times[-1]
        memory = measured.get("max_rss", "-")
        rows.append(
            {
                "stage": f"rule {path.parent.name}",
                "job": path.stem,
                "seconds": round(float(measured["s"]), 1),
                "max_rss_mb": None if memory in ("-", "NA", "") else float(memory),
            }
        )
    return rows


def transfer_costs(pretrain: Iterable[Path], finetune: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Rows of the trainings of the transfer track.

    Args:
        pretrain: the records of the segments.
        finetune: the records of the batches of runs.
    """
    for path in pretrain:
        record = read_json(path)
        if folder := _folder(path, record):
            tokens = record["tokens"] / record["updates"]
            yield from training_costs(folder, "pretrain", tokens, _job(path, "pretrain"))
    for path in finetune:
        for record in read_json(path):
            if folder := _folder(path, record):
                job = f"{_job(path, 'finetune')} Df {record['finetune_pairs']} "
                job += f"rate {record['learning_rate']:g} seed {record['finetuning_seed']}"
                yield from training_costs(folder, "finetune", record["target_tokens_a_update"], job)


def overtraining_costs(runs: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Rows of the trainings of the over-training track: of each run its stretch of a trunk, then its decay.

    Args:
        runs: the records of the runs.
    """
    for path in runs:
        record = read_json(path)
        trained = {"": record, " trunk": record.get("trunk", {})}
        for part, each in reversed(trained.items()):
            if folder := _folder(path, each):
                tokens = record["tokens"] / record["updates"]
                yield from training_costs(folder, "overtrain", tokens, f"{_job(path, 'overtrain')}{part}")


def costs_table(trainings: Iterable[Mapping[str, Any]], benchmarks: Path) -> pd.DataFrame:
    """Trainings first (tokens/s of the training alone), then whole jobs with start-up and memory.

    Args:
        trainings: rows of `transfer_costs` or `overtraining_costs`.
    """
    table = pd.DataFrame([*trainings, *job_costs(benchmarks)], columns=COLUMNS)
    counts = ("updates", "lost_updates", "tokens", "threads", "processes")
    return table.astype(dict.fromkeys(counts, "Int64"))


def _folder(path: Path, record: dict[str, Any]) -> Path | None:
    """Where a training lies, whatever came of it; None where there was none."""
    return path.with_suffix("") / record["identity"] if record.get("identity") else None


def _job(path: Path, stage: str) -> str:
    parts = path.with_suffix("").parts
    return "/".join(parts[len(parts) - parts[::-1].index(stage) :])
