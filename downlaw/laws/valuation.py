"""What mixtures are worth: scores at a budget, and tokens to a target, with intervals (Isik et al. 2024,
arXiv:2402.04177, section 3.5)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from .bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES
from .comparison import FAR, Comparison, Contender
from .costs import flops_per_token as flops_of_a_token
from .costs import require_flops_per_token
from .curves import curves_by_metric
from .estimates import with_comparable_rows
from .fitted import fit_curves
from .tables import METRICS, FittedMetric, TableError, check_runs

VALUATION_COLUMNS = (
    *("track", "task", "finetune_pairs", "metric", "question", "budget_flops", "target", "mixture"),
    *("pretrain_tokens", "pretrain_tokens_low", "pretrain_tokens_high", "pretrain_flops", "extrapolation"),
    *("predicted", "predicted_low", "predicted_high", "best_mixture", "share_best"),
    *("difference", "difference_low", "difference_high"),
    *("baseline", "gain", "gain_low", "gain_high"),
    *("share_reached", "times_tokens", "times_tokens_low", "times_tokens_high"),
    *("answer", "reason", "verdict", "law", "n_fit", "noise"),
    *("interval_level", "interval_status", "status"),
)
BUDGETS_OVER_COMMON = (1, 2, 4)
"""Budgets that are compared unasked: these multiples of the largest Dp that all mixtures have reached."""

VERDICT_COLUMNS = ("task", "finetune_pairs", "mixture", "metric", "verdict")


def value_runs(
    runs: pd.DataFrame,
    *,
    budgets: Sequence[float] | None = None,
    flop_budgets: Sequence[float] | None = None,
    targets: Mapping[str, Sequence[float]] | None = None,
    metrics: Mapping[str, FittedMetric] = METRICS,
    resamples: pd.DataFrame | None = None,
    relative_noise: float | None = None,
    verdicts: pd.DataFrame | None = None,
    flops_per_token: float | None = None,
    far: float = FAR,
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
) -> pd.DataFrame:
    """Compare the mixtures of each task and finetuning size, columns VALUATION_COLUMNS, one row for each
    question and mixture; what does not exist is empty.

    question "score at a budget": `budgets` in pretraining tokens, `flop_budgets` in FLOPs of pretraining; if
    neither is given, 1, 2 and 4 times the largest Dp that all mixtures have reached. question "tokens to a
    target": `targets` of each metric; by default the best score observed in any mixture. Laws are fitted to
    all points. Noise: see curves. verdicts: columns VERDICT_COLUMNS; a misaligned curve has no value.
    flops_per_token: for all mixtures, where the table has no pretrain_flops. far: the extrapolation from
    which on a row warns. Raises TableError, and ValueError for a number that is not positive.
    """
    runs = check_runs(runs)
    for name, numbers in (("budgets", budgets), ("flop_budgets", flop_budgets), ("far", [far])):
        _refuse_unless_positive(name, numbers or ())
    for metric, numbers in (targets or {}).items():
        if metric not in metrics:
            raise ValueError(f"targets: there is no metric {metric!r}; there are {', '.join(metrics)}")
        _refuse_unless_positive(f"targets of {metric}", numbers)
    rates = flops_of_a_token(runs, flops_per_token)
    if flop_budgets:
        require_flops_per_token(rates, runs, "a budget in FLOPs")
    words = read_verdicts(verdicts)
    rows: list[dict[str, object]] = []
    options = {"level": level, "samples": samples, "resamples": resamples, "relative_noise": relative_noise}
    for comparison in comparisons(runs, metrics, words, rates, far=far, **options):
        if budgets is None and flop_budgets is None:
            asked = [times * comparison.common_tokens for times in BUDGETS_OVER_COMMON]
        else:
            asked = budgets or ()
        for tokens in asked:
            rows += comparison.at_budget(tokens)
        for flops in flop_budgets or ():
            rows += comparison.at_flop_budget(flops)
        metric = comparison.metric
        for target in [comparison.best_observed] if targets is None else targets.get(metric, ()):
            rows += comparison.to_target(target)
    table = pd.DataFrame(rows, columns=list(VALUATION_COLUMNS))
    return table.sort_values(["task", "finetune_pairs"], kind="stable", ignore_index=True)


def comparisons(
    runs: pd.DataFrame,
    metrics: Mapping[str, FittedMetric],
    verdicts: Mapping[tuple[str, int, str, str], str],
    rates: Mapping[str, float],
    *,
    level: float,
    samples: int,
    resamples: pd.DataFrame | None,
    relative_noise: float | None,
    far: float = FAR,
) -> Iterator[Comparison]:
    """The mixtures of each task, finetuning size and metric of a checked table, fitted to all points, with
    draws that compare row by row."""
    for metric, found in curves_by_metric(runs, metrics, resamples, relative_noise):
        fitted = fit_curves(with_comparable_rows(found), metrics[metric], n_fit=None, samples=samples)
        alike: dict[tuple[str, int], list[Contender]] = {}
        for each in fitted:
            contender = Contender.of(each, verdicts, rates, far, level)
            alike.setdefault((each.curve.task, each.curve.finetune_pairs), []).append(contender)
        for contenders in alike.values():
            yield Comparison(tuple(contenders), metric, level)


def _refuse_unless_positive(name: str, numbers: Sequence[float]) -> None:
    if not all(0 < number < math.inf for number in numbers):
        raise ValueError(f"{name} must be positive numbers, not {list(numbers)}")


def read_verdicts(verdicts: pd.DataFrame | None) -> dict[tuple[str, int, str, str], str]:
    """The verdict on each curve, by task, finetuning size, mixture and metric; raises TableError."""
    if verdicts is None:
        return {}
    for column in VERDICT_COLUMNS:
        if column not in verdicts.columns:
            raise TableError(f"verdicts: column {column!r} is missing")
    again = verdicts.duplicated(list(VERDICT_COLUMNS[:-1]))
    if again.any():
        line = int(np.flatnonzero(again)[0]) + 2
        raise TableError(f"verdicts, line {line}: a second verdict on the same curve; keep one")
    pairs = pd.to_numeric(verdicts["finetune_pairs"], errors="coerce")
    if pairs.isna().any():
        line = int(np.flatnonzero(pairs.isna())[0]) + 2
        raise TableError(f"verdicts, line {line}: finetune_pairs is not a number")
    known = verdicts.assign(finetune_pairs=pairs).dropna(subset="verdict")[list(VERDICT_COLUMNS)]
    return {
        (str(task), int(pairs), str(mixture), str(metric)): str(verdict)
        for task, pairs, mixture, metric, verdict in known.itertuples(index=False)
    }
