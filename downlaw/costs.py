"""What each job took: the one table that differs between two identical studies."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from downlaw.engine.once import HISTORY
from downlaw.files import read_json

COLUMNS = [
    "stage", "job", "seconds", "updates", "tokens", "tokens_per_second", "device", "threads", "max_rss_mb"
]  # fmt: skip


def training_costs(folder: Path, stage: str, tokens_per_update: float, job: str) -> list[dict[str, Any]]:
    """One row for each time that a training ran: a resumed one has several.

    Args:
        folder: a training's own folder, with its history.
        tokens_per_update: target tokens an update.
    """
    rows = []
    history = folder / HISTORY
    for line in history.read_text(encoding="utf-8").splitlines() if history.exists() else []:
        entry = json.loads(line)
        updates = entry["to_update"] - entry["from_update"]
        tokens = round(updates * tokens_per_update)
        rows.append(
            {
                "stage": stage,
                "job": job,
                "seconds": entry["seconds"],
                "updates": updates,
                "tokens": tokens,
                "tokens_per_second": round(tokens / entry["seconds"], 1) if entry["seconds"] else None,
                "device": entry["device"],
                "threads": entry["threads"],
            }
        )
    return rows


def job_costs(benchmarks: Path) -> list[dict[str, Any]]:
    """One row a job, from Snakemake's benchmark files (`benchmarks`/{rule}/{job}.tsv)."""
    rows = []
    for path in sorted(benchmarks.glob("*/*.tsv")):
        measured = pd.read_csv(path, sep="\t", na_values=["-", "NA"]).iloc[-1]
        memory = measured.get("max_rss")
        rows.append(
            {
                "stage": f"rule {path.parent.name}",
                "job": path.stem,
                "seconds": round(float(measured["s"]), 1),
                "max_rss_mb": None if pd.isna(memory) else float(memory),
            }
        )
    return rows


def costs_table(pretrain: Iterable[Path], finetune: Iterable[Path], benchmarks: Path) -> pd.DataFrame:
    """Trainings first (tokens/s of the training alone), then whole jobs with start-up and memory.

    Args:
        pretrain: the records of the segments.
        finetune: the records of the batches of runs.
    """
    rows: list[dict[str, Any]] = []
    for path in pretrain:
        record = read_json(path)
        if folder := _folder(path, record):
            tokens = record["tokens"] / record["updates"]
            rows += training_costs(folder, "pretrain", tokens, _job(path, "pretrain"))
    for path in finetune:
        for record in read_json(path):
            if folder := _folder(path, record):
                job = f"{_job(path, 'finetune')} Df {record['finetune_pairs']} "
                job += f"rate {record['learning_rate']:g} seed {record['finetuning_seed']}"
                rows += training_costs(folder, "finetune", record["target_tokens_a_update"], job)
    table = pd.DataFrame([*rows, *job_costs(benchmarks)], columns=COLUMNS)
    return table.astype(dict.fromkeys(("updates", "tokens", "threads"), "Int64"))


def _folder(path: Path, record: dict[str, Any]) -> Path | None:
    """Where a training lies, whatever came of it; None where there was none."""
    return path.with_suffix("") / record["identity"] if record.get("identity") else None


def _job(path: Path, stage: str) -> str:
    parts = path.with_suffix("").parts
    return "/".join(parts[len(parts) - parts[::-1].index(stage) :])
