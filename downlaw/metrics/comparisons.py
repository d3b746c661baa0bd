"""Every difference between runs that a study asks about: is it noise, and why did BLEU change?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .base import SummedMetric
from .bleu import Bleu
from .bleu_change import BleuChange, bleu_change
from .paired import compare_scores, holm
from .registry import METRICS
from .resampling import DEFAULT_BOOTSTRAP, DEFAULT_SEED, resampled_totals
from .segments import StatisticsError, metrics_of, runs_of

MIXTURES, BASELINE, MORE_TOKENS = "two mixtures", "no pretraining", "more pretraining"
"""Kinds of comparison: two mixtures at the same Dp; a mixture (a) and no pretraining (b); a mixture at a Dp
(a) and at the next smaller one (b)."""

NOISE = 0.05
"""A difference whose own p-value is not below this is called within noise."""

_PLACE = ("task", "finetune_pairs", "comparison", "metric")
COMPARISON_COLUMNS = (
    *_PLACE,
    *("mixture_a", "pretrain_tokens_a", "n_seeds_a", "mixture_b", "pretrain_tokens_b", "n_seeds_b"),
    *("score_a", "score_b", "difference", "low", "high", "p_value", "p_holm", "p_sacrebleu"),
    *("ln_bleu_change", "ln_brevity_penalty", *(f"ln_precision_{order}" for order in range(1, 5))),
    *("smoothed", "why"),
)
_TYPES = {
    **dict.fromkeys(("finetune_pairs", "pretrain_tokens_a", "pretrain_tokens_b"), "Int64"),
    **dict.fromkeys(("n_seeds_a", "n_seeds_b"), "Int64"),
    "smoothed": "boolean",
}


class System(NamedTuple):
    """The runs that differ in their seeds alone; without pretraining, no mixture and 0 tokens."""

    task: str
    finetune_pairs: int
    mixture: str
    pretrain_tokens: int


@dataclass
class _Sums:
    """A system's statistics of one metric, (segments, k), summed over its runs."""

    statistics: NDArray[np.float64]
    runs: int = 1
    resampled: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


def compare_runs(
    tables: Iterable[pd.DataFrame], samples: int = DEFAULT_BOOTSTRAP, seed: int = DEFAULT_SEED
) -> pd.DataFrame:
    """Compare the runs of each task and finetuning size by every metric whose statistics are there.

    tables: statistics of test segments (see `downlaw.metrics.segments`), one row a run and segment; a run may
    have some metrics in one table and others in another. Compared are every two mixtures at the same Dp, each
    mixture with no pretraining, and each mixture at neighbouring Dp. Runs that differ in their seeds alone
    count as one system, their statistics summed: p-values and intervals know the noise of the test set, and
    not that of training, however many seeds there are.

    Returns:
        columns COMPARISON_COLUMNS, what does not exist empty: for what `p_value` and `p_sacrebleu` are see
        PairedBootstrap. `p_holm` is `p_value`, adjusted for all comparisons of a kind by one metric in a task
        and finetuning size; no p-value is below 1 / (samples + 1), and no adjusted one below their number
        times that. The parts of `ln_bleu_change` and `why` (see BleuChange) stand beside BLEU alone.

    Raises:
        StatisticsError: where a run has a metric twice, segments are missing, or the runs of one task have
            different numbers of segments.
    """
    systems = _systems(tables)
    rows = []
    for kind, a, b in _pairs(list(systems)):
        for name, metric in METRICS.items():
            if name in systems[a] and name in systems[b]:
                sums = systems[a][name], systems[b][name]
                rows.append(_row(kind, a, b, metric, sums, samples, seed))
    table = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS)).astype(_TYPES)
    if len(table):
        table["p_holm"] = table.groupby([*_PLACE], sort=False)["p_value"].transform(holm)
        order = {name: place for place, name in enumerate(METRICS)}
        kinds = {kind: place for place, kind in enumerate((MIXTURES, BASELINE, MORE_TOKENS))}
        ranks = table.assign(metric=table["metric"].map(order), comparison=table["comparison"].map(kinds))
        table = table.loc[ranks.sort_values([*_PLACE], kind="stable").index].reset_index(drop=True)
    return table


def _systems(tables: Iterable[pd.DataFrame]) -> dict[System, dict[str, _Sums]]:
    systems: dict[System, dict[str, _Sums]] = defaultdict(dict)
    seen: set[tuple[object, ...]] = set()
    sizes: dict[str, int] = {}
    for table in tables:
        for run, rows in runs_of(table):
            named = tuple(f"{column} {value}" for column, value in run.items() if pd.notna(value))
            said, size = ", ".join(named), sizes.setdefault(run["task"], len(rows))
            if not np.array_equal(rows["segment"], np.arange(len(rows))):
                raise StatisticsError(f"the run {said}: test segments are missing or twice")
            if len(rows) != size:
                raise StatisticsError(
                    f"task {run['task']}: one run has {size} test segments, the run {said} has {len(rows)};"
                    " all must be scored on one test set"
                )
            mixture = "" if pd.isna(run["mixture"]) else str(run["mixture"])
            system = System(run["task"], int(run["finetune_pairs"]), mixture, int(run["pretrain_tokens"]))
            for metric in metrics_of(table):
                statistics = rows[[*metric.columns]].to_numpy(float)
                if np.isnan(statistics).any():
                    continue  # the run was not scored by this metric
                if (named, metric.name) in seen:
                    raise StatisticsError(f"the {metric.name} of the run {said} is there twice")
                seen.add((named, metric.name))
                known = systems[system].get(metric.name)
                if known is None:
                    systems[system][metric.name] = _Sums(statistics)
                else:
                    known.statistics, known.runs = known.statistics + statistics, known.runs + 1
    return systems


def _pairs(systems: list[System]) -> Iterator[tuple[str, System, System]]:
    """The kind of each comparison and its two systems, those of one task and finetuning size together."""
    places: dict[tuple[str, int], list[System]] = defaultdict(list)
    for system in sorted(systems):
        places[system[:2]].append(system)
    for here in places.values():
        pretrained = [system for system in here if system.pretrain_tokens]
        for at_tokens in _grouped(pretrained, "pretrain_tokens"):
            for a, b in combinations(at_tokens, 2):
                yield MIXTURES, a, b
        for b in (system for system in here if not system.pretrain_tokens):
            for a in pretrained:
                yield BASELINE, a, b
        for of_mixture in _grouped(pretrained, "mixture"):
            for b, a in pairwise(of_mixture):
                yield MORE_TOKENS, a, b


def _grouped(systems: Iterable[System], by: str) -> list[list[System]]:
    """Systems with the same value of a field together, in the order of the values."""
    groups: dict[object, list[System]] = defaultdict(list)
    for system in systems:
        groups[getattr(system, by)].append(system)
    return [groups[value] for value in sorted(groups)]  # type: ignore[type-var]


def _row(
    kind: str,
    a: System,
    b: System,
    metric: SummedMetric,
    sums: tuple[_Sums, _Sums],
    samples: int,
    seed: int,
) -> dict[str, object]:
    for one in sums:
        if not one.resampled.size:  # once a system, however many others it is compared with
            one.resampled = metric.score(resampled_totals(one.statistics, samples, seed))
    totals = [one.statistics.sum(axis=0, keepdims=True) for one in sums]
    scores = [float(metric.score(each)[0]) for each in totals]
    found = compare_scores(*scores, sums[0].resampled, sums[1].resampled)
    row: dict[str, object] = {
        **{"task": a.task, "finetune_pairs": a.finetune_pairs, "comparison": kind, "metric": metric.name},
        **{"mixture_a": a.mixture, "pretrain_tokens_a": a.pretrain_tokens, "n_seeds_a": sums[0].runs},
        **{"mixture_b": b.mixture, "pretrain_tokens_b": b.pretrain_tokens, "n_seeds_b": sums[1].runs},
        **{"score_a": found.score_a, "score_b": found.score_b, "difference": found.difference},
        **{"low": found.low, "high": found.high},
        **{"p_value": found.p_value, "p_sacrebleu": found.p_sacrebleu},
    }
    if isinstance(metric, Bleu):
        change = bleu_change(totals[0][0], totals[1][0])
        row |= {"ln_bleu_change": change.ln_bleu, "ln_brevity_penalty": change.ln_brevity_penalty}
        row |= {f"ln_precision_{order}": part for order, part in enumerate(change.ln_precisions, start=1)}
        row |= {"smoothed": None if change.reason else change.smoothed}
        row["why"] = why_within(change, found.p_value)
    return row


def why_within(change: BleuChange, p_value: float) -> str:
    """Why BLEU changed, in words; beginning with "within noise" where the difference is no more than that."""
    within = p_value >= NOISE and not change.reason
    return f"within noise: {change.why}" if within else change.why
