"""The table of what is known of the noise of a study's scores: its test set, its seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from .seeds import SeedSpread
from .tables import KEYS, METRICS, SEEDS, check_resamples, check_runs

NOISE_COLUMNS = (
    *("task", "finetune_pairs", "metric", "n_runs"),
    *("sd_finetuning_seeds", "groups_finetuning_seeds", "df_finetuning_seeds"),
    *("sd_pretraining_seeds", "groups_pretraining_seeds", "df_pretraining_seeds"),
    *("sd_both_seeds", "sd_test_segments", "runs_test_segments"),
)


def noise_of_runs(
    runs: pd.DataFrame, *, metrics: Iterable[str] = METRICS, resamples: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Standard deviations of ln(metric), for each task, finetuning size and metric: columns NOISE_COLUMNS.

    0.02 is 2% of the metric; what nothing shows is empty. sd_finetuning_seeds: between finetunings of one
    checkpoint. sd_pretraining_seeds: what another pretraining seed adds to that, of the same mixture and Dp.
    sd_both_seeds: of the two together, where every checkpoint was finetuned once and nothing parts them.
    groups_*, df_*: how many places have several seeds, and their degrees of freedom together (see
    SeedSpread). sd_test_segments: of one run over resampled test sets, the median over `runs_test_segments`
    runs. n_runs: selected and finished runs with a metric above 0, from which all this comes.

    runs: a table of runs. resamples: see check_resamples. Raises TableError where they are no such tables.
    """
    runs = check_runs(runs)
    kept = runs[runs["selected"] & (runs["status"] == "ok")]
    drawn = None if resamples is None else check_resamples(resamples)
    rows = []
    for metric in (name for name in metrics if name in kept and kept[name].notna().any()):
        scored = kept[kept[metric] > 0].assign(ln=lambda table, name=metric: np.log(table[name]))
        segments = _between_test_sets(drawn, metric)
        for (task, pairs), here in scored.groupby(["task", "finetune_pairs"], sort=True):
            spread = SeedSpread.of(here)
            keys = pd.MultiIndex.from_frame(here[[*KEYS, *SEEDS]])
            known = segments[segments.index.isin(keys)]
            rows.append(
                {
                    "task": task,
                    "finetune_pairs": pairs,
                    "metric": metric,
                    "n_runs": len(here),
                    "sd_finetuning_seeds": _sd(spread.finetuning),
                    "groups_finetuning_seeds": spread.finetuning_groups,
                    "df_finetuning_seeds": spread.finetuning_freedom,
                    "sd_pretraining_seeds": _sd(spread.pretraining),
                    "groups_pretraining_seeds": spread.pretraining_groups,
                    "df_pretraining_seeds": spread.pretraining_freedom,
                    "sd_both_seeds": _sd(spread.both),
                    "sd_test_segments": float(known.median()) if len(known) else math.nan,
                    "runs_test_segments": len(known),
                }
            )
    table = pd.DataFrame(rows, columns=list(NOISE_COLUMNS))
    return table.sort_values(["task", "finetune_pairs"], kind="stable", ignore_index=True)


def _between_test_sets(drawn: pd.DataFrame | None, metric: str) -> pd.Series:
    """The standard deviation of ln(metric) over resamples, by run; runs with a resample of 0 or below are
    left out, as in the noise of curves."""
    if drawn is None:
        return pd.Series(dtype=float)
    mine = drawn[drawn["metric"] == metric]
    logs = np.log(mine["value"].where(mine["value"] > 0))
    by_run = logs.groupby([mine[key] for key in (*KEYS, *SEEDS)])
    return by_run.agg(lambda run: run.std(ddof=0, skipna=False)).dropna()


def _sd(variance: float | None) -> float:
    return math.nan if variance is None else math.sqrt(variance)
