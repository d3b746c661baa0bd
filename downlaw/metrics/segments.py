"""Sufficient statistics of test segments: sums of them over any test set give its scores, without decoding.

One row a run and segment. Runs of one task share a test set, so that drawing its segments anew, alike for
all runs, gives the errors of their scores jointly.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .base import MeanScore, SummedMetric
from .registry import METRICS
from .resampling import DEFAULT_BOOTSTRAP, DEFAULT_SEED, resampled_totals
from .scores import Statistics

RUN_TYPES = {
    "task": "string",
    "finetune_pairs": "Int64",
    "mixture": "string",
    "pretrain_tokens": "Int64",
    "pretraining_seed": "Int64",
    "finetuning_seed": "Int64",
}
"""What names a selected run, and its types; a baseline has no mixture and no pretraining seed."""

_POSITIVE = frozenset({"target_tokens", "target_characters", "scored_segments"})


class StatisticsError(ValueError):
    """Statistics of test segments that cannot be used: the message names the file and says what to do."""


def segment_table(run: Mapping[str, Any], statistics: Statistics) -> pd.DataFrame:
    """The statistics of one run, one row a segment.

    `run` has the columns of RUN_TYPES; `statistics` has what segments add to the sums of metrics, by column,
    each of shape (segments,).
    """
    segments = len(next(iter(statistics.values())))
    named = {column: run[column] for column in RUN_TYPES}
    return join_tables([pd.DataFrame({**named, "segment": np.arange(segments), **statistics})])


def join_tables(tables: Sequence[pd.DataFrame], statistics: Sequence[str] = ()) -> pd.DataFrame:
    """The statistics of several runs as one table; without any, an empty one with columns `statistics`."""
    if not tables:
        return _typed(pd.DataFrame(columns=[*RUN_TYPES, "segment", *statistics]))
    joined = pd.concat([_typed(table) for table in tables], ignore_index=True)
    return joined.astype(RUN_TYPES)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    statistics = table.columns.difference([*RUN_TYPES, "segment"])
    return table.astype({**RUN_TYPES, "segment": "int64", **dict.fromkeys(statistics, "float64")})


def metrics_of(table: pd.DataFrame) -> list[SummedMetric]:
    """The metrics whose columns a table of statistics has."""
    return [m for m in METRICS.values() if all(column in table for column in m.columns)]


def read_statistics(path: Path | str) -> pd.DataFrame:
    """The statistics that an evaluation wrote.

    Raises:
        StatisticsError: where the file is missing or broken, lacks a column, has values that no segment can
            have, or lacks segments of a run.
    """
    remedy = "remove it and run the study again: it is made anew without decoding"
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError as error:
        raise StatisticsError(f"{path}: no statistics of test segments; run the study again") from error
    except (OSError, ValueError) as error:
        raise StatisticsError(f"{path}: not a table of test segments ({error}); {remedy}") from error
    started = [m for m in METRICS.values() if ({*m.columns} - {"scored_segments"}) & {*table.columns}]
    for column in (*RUN_TYPES, "segment", *(column for metric in started for column in metric.columns)):
        if column not in table:
            raise StatisticsError(f"{path}: column {column!r} is missing; {remedy}")
    statistics = [column for column in table if column not in RUN_TYPES]
    any_sign = {metric.columns[0] for metric in METRICS.values() if isinstance(metric, MeanScore)}
    for column in statistics:
        values = pd.to_numeric(table[column], errors="coerce").to_numpy(float)
        least = -np.inf if column in any_sign else 1 if column in _POSITIVE else 0
        wrong = ~(np.isfinite(values) & (values >= least))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise StatisticsError(f"{path}: {column} in row {row + 1} is {table[column].iloc[row]}; {remedy}")
    try:
        table = _typed(table)
    except (TypeError, ValueError) as error:
        raise StatisticsError(f"{path}: a column that names the runs is wrong ({error}); {remedy}") from error
    for run, segments in runs_of(table):
        if not np.array_equal(segments["segment"], np.arange(len(segments))):
            raise StatisticsError(f"{path}: segments of the run {_name(run)} are missing or twice; {remedy}")
    return table


def resample_runs(
    tables: Iterable[pd.DataFrame],
    samples: int = DEFAULT_BOOTSTRAP,
    seed: int = DEFAULT_SEED,
    *,
    only: Container[str] | None = None,
) -> pd.DataFrame:
    """Scores of every run on test sets drawn anew, the same draws for all runs of a task.

    tables: of statistics; a run may be in several that hold different metrics. only: the metrics wanted, by
    default all whose columns are there.

    Returns:
        columns of RUN_TYPES, `metric`, `resample` (0 to samples - 1) and `value`, in the metric's own unit.
        The intervals of a run are percentiles of its values.

    Raises:
        StatisticsError: where a metric of a run is there twice, or runs of one task have different numbers
            of segments.
    """
    runs, names, values = [], [], []
    sizes: dict[str, int] = {}
    for table in tables:
        metrics = [metric for metric in metrics_of(table) if only is None or metric.name in only]
        for run, statistics in runs_of(table):
            size = sizes.setdefault(run["task"], len(statistics))
            if len(statistics) != size:
                raise StatisticsError(
                    f"task {run['task']}: one run has {size} test segments, the run {_name(run)} has "
                    f"{len(statistics)}; all must be scored on one test set"
                )
            for metric in metrics:
                counts = statistics[[*metric.columns]].to_numpy(float)
                runs.append(run)
                names.append(metric.name)
                values.append(metric.score(resampled_totals(counts, samples, seed)))
    keys = pd.DataFrame(runs, columns=[*RUN_TYPES]).astype(RUN_TYPES)
    keys["metric"] = pd.array(names, dtype="string")
    if keys.duplicated().any():
        again = keys[keys.duplicated()].iloc[0]
        raise StatisticsError(f"the {again['metric']} of the run {_name(again)} is there twice")
    each = keys.loc[keys.index.repeat(samples)].reset_index(drop=True)
    return each.assign(
        resample=np.tile(np.arange(samples), len(keys)),
        value=np.concatenate(values) if values else np.empty(0),
    )


def runs_of(table: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Each run of a table of statistics: what names it, and the rows of its segments."""
    for names, statistics in table.groupby([*RUN_TYPES], dropna=False, sort=False):
        yield dict(zip(RUN_TYPES, names, strict=True)), statistics


def _name(run: Mapping[str, Any]) -> str:
    return ", ".join(f"{column} {run[column]}" for column in RUN_TYPES if pd.notna(run[column]))
