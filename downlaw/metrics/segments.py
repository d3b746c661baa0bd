"""Sufficient statistics of test segments: sums of them over any test set give its scores, without decoding.

One row a run and segment. Runs of one task share a test set, so that drawing its segments anew, alike for
all runs, gives the errors of their scores jointly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .crossentropy import CROSS_ENTROPY_COLUMNS, cross_entropy_from_totals
from .resampling import DEFAULT_BOOTSTRAP, DEFAULT_SEED, resampled_totals
from .translation import BLEU_COLUMNS, CHRF_COLUMNS, bleu_from_totals, chrf_from_totals


@dataclass(frozen=True)
class SummedMetric:
    """A score of a test set that is a function of sums over its segments: `score` takes the sums of
    `columns`, shape (n, len(columns)), and gives n scores."""

    columns: tuple[str, ...]
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]]


METRICS = {
    "cross_entropy": SummedMetric(CROSS_ENTROPY_COLUMNS, cross_entropy_from_totals),
    "bleu": SummedMetric(BLEU_COLUMNS, bleu_from_totals),
    "chrf": SummedMetric(CHRF_COLUMNS, chrf_from_totals),
}

RUN_TYPES = {
    "task": "string",
    "finetune_pairs": "Int64",
    "mixture": "string",
    "pretrain_tokens": "Int64",
    "pretraining_seed": "Int64",
    "finetuning_seed": "Int64",
}
"""What names a selected run, and its types; a baseline has no mixture and no pretraining seed."""

STATISTICS_COLUMNS = tuple(column for metric in METRICS.values() for column in metric.columns)

_TYPES = {
    **RUN_TYPES,
    "segment": "int64",
    **dict.fromkeys(STATISTICS_COLUMNS, "int64"),
    "negative_log_likelihood": "float64",
}


class StatisticsError(ValueError):
    """Statistics of test segments that cannot be used: the message names the file and says what to do."""


def segment_statistics(
    run: Mapping[str, Any], negative_log_likelihoods: ArrayLike, target_tokens: ArrayLike, counts: NDArray
) -> pd.DataFrame:
    """The statistics of one run, one row a segment.

    `run` has the columns of RUN_TYPES. `negative_log_likelihoods`, in nats, and `target_tokens` have shape
    (segments,), `counts`, as `score_translations` gives them, (segments, 28).
    """
    return join_statistics(
        [
            pd.DataFrame(
                {
                    **{column: run[column] for column in RUN_TYPES},
                    "segment": np.arange(len(counts)),
                    "negative_log_likelihood": negative_log_likelihoods,
                    "target_tokens": target_tokens,
                    **dict(zip(BLEU_COLUMNS + CHRF_COLUMNS, counts.T, strict=True)),
                }
            )
        ]
    )


def join_statistics(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The statistics of several runs as one table; without any, an empty one with the same columns."""
    joined = (
        pd.concat([table.astype(_TYPES) for table in tables]) if tables else pd.DataFrame(columns=[*_TYPES])
    )
    return joined.astype(_TYPES).reset_index(drop=True)


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
    missing = [column for column in _TYPES if column not in table]
    if missing:
        raise StatisticsError(f"{path}: column {missing[0]!r} is missing; {remedy}")
    for column in ("segment", *STATISTICS_COLUMNS):
        values = pd.to_numeric(table[column], errors="coerce").to_numpy(float)
        least = 1 if column == "target_tokens" else 0
        whole = (values == np.floor(values)) | (_TYPES[column] == "float64")
        wrong = ~(np.isfinite(values) & (values >= least) & whole)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise StatisticsError(f"{path}: {column} in row {row + 1} is {table[column].iloc[row]}; {remedy}")
    try:
        table = table[[*_TYPES]].astype(_TYPES)
    except (TypeError, ValueError) as error:
        raise StatisticsError(f"{path}: a column that names the runs is wrong ({error}); {remedy}") from error
    for run, segments in _runs(table):
        if not np.array_equal(segments["segment"], np.arange(len(segments))):
            raise StatisticsError(f"{path}: segments of the run {_name(run)} are missing or twice; {remedy}")
    return table


def resample_runs(
    tables: Iterable[pd.DataFrame], samples: int = DEFAULT_BOOTSTRAP, seed: int = DEFAULT_SEED
) -> pd.DataFrame:
    """Scores of every run on test sets drawn anew, the same draws for all runs of a task.

    Returns:
        columns of RUN_TYPES, `metric`, `resample` (0 to samples - 1) and `value`: nats a target piece, or
        BLEU and chrF between 0 and 100. The intervals of a run are percentiles of its values.

    Raises:
        StatisticsError: where a run is there twice, or runs of one task have different numbers of segments.
    """
    runs, values = [], []
    sizes: dict[str, int] = {}
    for run, statistics in (found for table in tables for found in _runs(table)):
        size = sizes.setdefault(run["task"], len(statistics))
        if len(statistics) != size:
            raise StatisticsError(
                f"task {run['task']}: one run has {size} test segments, the run {_name(run)} has "
                f"{len(statistics)}; all must be scored on one test set"
            )
        runs.append(run)
        values += [
            metric.score(resampled_totals(statistics[[*metric.columns]].to_numpy(float), samples, seed))
            for metric in METRICS.values()
        ]
    keys = pd.DataFrame(runs, columns=[*RUN_TYPES]).astype(RUN_TYPES)
    if keys.duplicated().any():
        raise StatisticsError(f"the run {_name(keys[keys.duplicated()].iloc[0])} is there twice")
    each = keys.loc[keys.index.repeat(len(METRICS) * samples)].reset_index(drop=True)
    return each.assign(
        metric=pd.array(np.tile(np.repeat([*METRICS], samples), len(keys)), dtype="string"),
        resample=np.tile(np.arange(samples), len(keys) * len(METRICS)),
        value=np.concatenate(values) if values else np.empty(0),
    )


def _runs(table: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    for names, statistics in table.groupby([*RUN_TYPES], dropna=False, sort=False):
        yield dict(zip(RUN_TYPES, names, strict=True)), statistics


def _name(run: Mapping[str, Any]) -> str:
    return ", ".join(f"{column} {run[column]}" for column in RUN_TYPES if pd.notna(run[column]))
