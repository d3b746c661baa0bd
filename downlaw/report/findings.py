"""What was seen in one task and finetuning size, in plain sentences, from the tables alone."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from downlaw.laws import METRICS, Point, check_runs, curves
from downlaw.laws.comparison import AT_BUDGET
from downlaw.laws.estimates import lower_is_better

from .degenerate import degenerate_said
from .labels import (
    FAMILY_LABELS,
    METRIC_LABELS,
    NOISE_LABELS,
    enumerate_words,
    mixture_styles,
    percentage,
    short_count,
    with_interval,
)

Points = dict[tuple[str, str, int], Point]
"""The points of one task and finetuning size by mixture (empty for the baseline), metric and Dp."""

TOLD = ("cross_entropy", "bleu")
"""Metrics that sentences speak of; more would say the same again."""

MISFIT = 0.01
"""Below this misfit_p, noise alone would seldom part points as far from their law."""


def points_of(runs: pd.DataFrame) -> Points:
    """Every point of a table of runs of one task and finetuning size."""
    found: Points = {}
    for metric in measured(runs):
        for curve in curves(runs, metric):
            found |= {(curve.mixture, metric, point.pretrain_tokens): point for point in curve.points}
            if curve.baseline:
                found["", metric, 0] = curve.baseline
    return found


def measured(runs: pd.DataFrame) -> list[str]:
    """The metrics with at least one number."""
    return [metric for metric in METRICS if metric in runs and runs[metric].notna().any()]


def changes(points: Points, mixture: str) -> Iterator[str]:
    """From the baseline to the largest Dp, in cross-entropy and BLEU."""
    clauses, largest = [], 0
    for metric in TOLD:
        reached = [tokens for name, what, tokens in points if (name, what) == (mixture, metric)]
        if reached and ("", metric, 0) in points:
            largest = max(reached)
            clauses.append(_compared(metric, points["", metric, 0], points[mixture, metric, largest]))
    if clauses:
        yield f"With {mixture}, from no pretraining to Dp = {short_count(largest)}: {'; '.join(clauses)}."


def _compared(metric: str, before: Point, after: Point) -> str:
    label = METRIC_LABELS[metric]
    old, new = (f"{point.value:.{label.decimals}f}" for point in (before, after))
    if old == new:
        return f"{label.name} stayed at {old}"
    went = "fell" if after.value < before.value else "rose"
    better = (after.value < before.value) == label.lower_is_better
    sentence = f"{label.name} {went} from {old} to {new} ({'better' if better else 'worse'}"
    if before.low <= after.high and after.low <= before.high:
        sentence += ", but the intervals overlap"
    return sentence + ")"


def extrapolation(laws: pd.DataFrame) -> Iterator[str]:
    """How far the laws that have a slope were from what they had not seen."""
    laws = laws[(laws["role"] == "law") & laws["held_out_error"].notna() & (laws["status"] != "flat")]
    for metric in TOLD:
        said = [
            f"{_percent(law.held_out_error)} with {law.mixture}"
            for law in laws[laws["metric"] == metric].itertuples()
        ]
        if said:
            yield (
                f"The laws of {METRIC_LABELS[metric].name}, fitted to the smallest Dp, missed the held-out"
                f" points by {enumerate_words(said)} on average."
            )


def misfits(laws: pd.DataFrame) -> Iterator[str]:
    """Where fitted points lie farther from their law than their noise explains."""
    bad = laws[(laws["role"] == "law") & (laws["misfit_p"] < MISFIT)]
    for metric in METRICS:
        mixtures = list(bad.loc[bad["metric"] == metric, "mixture"])
        if mixtures:
            name = METRIC_LABELS[metric].name
            yield (
                f"The points of {name} with {enumerate_words(mixtures)} lie farther from their law than the"
                " noise explains: its intervals are too narrow."
            )


def families(laws: pd.DataFrame) -> Iterator[str]:
    """Which of the compared families predicted points best from those before them, where there were two."""
    compared = laws.groupby(["mixture", "metric"])["leave_last_out_error"].transform("count") > 1
    best = laws[laws["best"] & compared]
    for metric in TOLD:
        groups = [
            f"{FAMILY_LABELS[law]} with {enumerate_words(list(same['mixture']))}"
            for law, same in best[best["metric"] == metric].groupby("law", sort=False)
        ]
        if groups:
            yield (
                f"Points of {METRIC_LABELS[metric].name} were predicted best, each from those before it, by"
                f" {enumerate_words(groups)}."
            )


def verdicts_said(verdicts: pd.DataFrame) -> Iterator[str]:
    """The verdict on each curve, with its reason."""
    for row in verdicts.itertuples():
        name = METRIC_LABELS[row.metric].name
        yield f"{row.mixture}, {name}: {row.verdict}. {row.reason[0].upper()}{row.reason[1:]}."


def winners(valuations: pd.DataFrame) -> Iterator[str]:
    """Which mixture the laws put ahead at the largest budget, by how much, and how sure that is."""
    for metric in TOLD:
        here = at_budget(valuations, metric)
        known = here[(here["pretrain_tokens"] == here["pretrain_tokens"].max()) & here["predicted"].notna()]
        if len(known) < 2:
            continue
        best = known[known["mixture"] == known["best_mixture"]].iloc[0]
        others = known[known["mixture"] != best["mixture"]]
        reached = with_interval(metric, best["predicted"], best["predicted_low"], best["predicted_high"])
        gaps = [f"{behind_by(metric, row)} over {row['mixture']}" for _, row in others.iterrows()]
        name, budget = METRIC_LABELS[metric].name, short_count(best["pretrain_tokens"])
        sentence = (
            f"Extrapolated to Dp = {budget}, the laws of these models put {best['mixture']} ahead in {name}:"
            f" {reached}, by {enumerate_words(gaps)}."
        )
        if pd.notna(best["share_best"]):
            sentence += f" It is ahead in {percentage(best['share_best'], 0)} of the draws of the noise."
        yield sentence


def behind_by(metric: str, behind: pd.Series) -> str:
    """How much better the best mixture is, with the interval of the difference."""
    value, low, high = behind[["difference", "difference_low", "difference_high"]]
    return with_interval(metric, *((value, low, high) if lower_is_better(metric) else (-value, -high, -low)))


def at_budget(valuations: pd.DataFrame, metric: str) -> pd.DataFrame:
    """What each mixture is worth in a metric at budgets of pretraining tokens."""
    asked = (valuations["question"] == AT_BUDGET) & valuations["budget_flops"].isna()
    return valuations[asked & (valuations["metric"] == metric)]


def noise(laws: pd.DataFrame, one_pretraining_seed: bool) -> Iterator[str]:
    """Where intervals come from, and what they leave out."""
    mine = laws[laws["role"] == "law"]
    known = mine[mine["interval_level"].notna()]
    if not known.empty:
        sources = dict.fromkeys(NOISE_LABELS[source] for source in known["noise"])
        level = 100 * float(known["interval_level"].iloc[0])
        yield f"Intervals of laws are {level:g}% intervals, from {' or '.join(sources)}."
    unknown = mine[mine["interval_status"] == "noise unknown"]
    if not unknown.empty:
        names = [METRIC_LABELS[metric].name for metric in METRICS if metric in set(unknown["metric"])]
        yield f"The noise of curves of {enumerate_words(names)} is unknown: their laws have no intervals."
    if one_pretraining_seed:
        yield "One pretraining seed: how much another one would change these numbers is not known."


def what_was_seen(
    runs: pd.DataFrame, laws: pd.DataFrame, valuations: pd.DataFrame | None = None
) -> Iterator[str]:
    """All of the above but the verdicts, for the runs of one task and finetuning size and the rows of other
    tables that belong to them."""
    runs = check_runs(runs)
    points = points_of(runs)
    for mixture in mixture_styles(runs):
        yield from changes(points, mixture)
    yield from degenerate_said(runs)
    yield from extrapolation(laws)
    yield from misfits(laws)
    yield from families(laws)
    if valuations is not None:
        yield from winners(valuations)
    failed = int((runs["status"] != "ok").sum())
    if failed:
        yield f"{failed} {'run' if failed == 1 else 'runs'} diverged and are in no curve."
    seeds = runs[runs["pretrain_tokens"] > 0]["pretraining_seed"].nunique()
    yield from noise(laws, one_pretraining_seed=seeds == 1)


def _percent(error: float) -> str:
    """A mean |ln predicted - ln observed| as a percentage of the metric."""
    return f"{100 * math.expm1(error):.1f}%"
