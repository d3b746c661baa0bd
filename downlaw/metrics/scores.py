"""Scores of one system with their intervals, and the counts of its segments, kept between evaluations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downlaw.files import write_aside

from .base import Metric, SummedMetric, Translations
from .registry import METRICS
from .resampling import DEFAULT_BOOTSTRAP, DEFAULT_SEED, interval, resampled_totals

Statistics = Mapping[str, NDArray[np.float64]]
"""What segments add to sums, by column, each of shape (segments,)."""


def count_segments(
    metrics: Iterable[Metric], translations: Translations, kept: Path | None = None
) -> dict[str, NDArray[np.float64]]:
    """What every segment adds to the sums of `metrics`, by column.

    kept: a folder of these very translations. What an earlier call counted there under the same signature is
    read back; only what is new is counted, and added. A damaged file is counted anew.
    """
    found: dict[str, NDArray[np.float64]] = {}
    for metric in metrics:
        counts = None
        path = _kept_path(kept, metric)
        if path is not None and path.exists():
            counts = _read(path, (len(translations), len(metric.columns)))
        if counts is None:
            counts = metric.count(translations)
            if path is not None:
                with write_aside(path) as aside, aside.open("wb") as stream:
                    np.save(stream, counts, allow_pickle=False)
        found |= dict(zip(metric.columns, counts.T, strict=True))
    return found


def _kept_path(folder: Path | None, metric: Metric) -> Path | None:
    if folder is None:
        return None
    digest = hashlib.sha256(metric.signature.encode()).hexdigest()[:12]
    return folder / f"{metric.name}-{digest}.npy"


def _read(path: Path, shape: tuple[int, int]) -> NDArray[np.float64] | None:
    try:
        counts = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        return None
    return counts if counts.shape == shape and np.isfinite(counts).all() else None


def scores_row(
    statistics: Statistics,
    metrics: Sequence[SummedMetric] | None = None,
    *,
    bootstrap: int = DEFAULT_BOOTSTRAP,
    seed: int = DEFAULT_SEED,
) -> dict[str, Any]:
    """Scores of a test set under the column names of a table of runs.

    For each metric its name, `<name>_low` and `<name>_high` (2.5% and 97.5% percentiles over `bootstrap`
    resamples of the segments) and its parts; `test_segments`; and `signature`, those of all metrics that
    have one. A test set of the same size and the same seed is always resampled alike, so that systems can be
    compared resample by resample.

    metrics: by default all whose columns are there.

    Raises:
        ValueError: when `bootstrap` is below 2.
    """
    if bootstrap < 2:
        raise ValueError(f"bootstrap must be at least 2 resamples, not {bootstrap}")
    if metrics is None:
        metrics = [metric for metric in METRICS.values() if all(c in statistics for c in metric.columns)]
    row: dict[str, Any] = {}
    for metric in metrics:
        counts = np.column_stack([statistics[column] for column in metric.columns])
        totals = counts.sum(axis=0)
        low, high = interval(metric.score(resampled_totals(counts, bootstrap, seed)))
        row |= {
            metric.name: float(metric.score(totals[None])[0]),
            f"{metric.name}_low": low,
            f"{metric.name}_high": high,
            **metric.parts(totals),
            "test_segments": len(counts),
        }
    signatures = [metric.signature for metric in metrics if isinstance(metric, Metric)]
    return row | {"signature": " ".join([*signatures, f"bootstrap|bs:{bootstrap}|seed:{seed}"])}
