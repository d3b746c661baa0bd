"""The end of a study on the terminal: what was measured, what was fitted, and what was seen, in plain
words."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from downlaw.laws import METRICS, Point, check_runs, curves

from .labels import METRIC_LABELS, enumerate_words, mixture_styles, short_count

PIPED_WIDTH = 100

_Points = dict[tuple[str, str, int], Point]
"""The points of one task and finetuning size by mixture (empty for the baseline), metric and Dp."""

_WITH_INTERVAL = ("cross_entropy", "bleu")
"""Metrics whose interval is printed; more would not fit the width."""


def print_summary(runs: pd.DataFrame, laws: pd.DataFrame, console: Console | None = None) -> None:
    """Print the tables of every task and finetuning size, and what was seen in them.

    Without a `console` it goes to standard output, 100 columns wide where that is no terminal. Raises
    TableError where the table of runs is no such table.
    """
    if console is None:
        console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    runs = check_runs(runs)
    for (task, pairs), here in runs.groupby(["task", "finetune_pairs"], sort=True):
        name = f"{task}, finetuned on {pairs:,} pairs"
        console.print(Text(f"{name}: test scores", style="bold"))
        console.print(scores_table(here))
        mine = laws[(laws["task"] == task) & (laws["finetune_pairs"] == pairs)]
        order = {mixture: place for place, mixture in enumerate(mixture_styles(here))}
        mine = mine.sort_values("mixture", key=lambda names: names.map(order), kind="stable")
        console.print(Text(f"{name}: laws", style="bold"))
        console.print(
            Text("Points: fitted + held out. Errors: mean |ln predicted - ln observed|.", style="dim")
        )
        console.print(laws_table(mine))
        for line in what_was_seen(here, mine):
            console.print(Text(f"- {line}"))
        console.print()


def scores_table(runs: pd.DataFrame) -> Table:
    """The selected runs of one task and finetuning size: the baseline, then each mixture by growing Dp."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    metrics = _measured(runs)
    penalty = "brevity_penalty" in runs and runs["brevity_penalty"].notna().any()
    _add_mixture_column(table, ["no pretraining", *mixture_styles(runs)])
    table.add_column("Dp", justify="right", no_wrap=True)
    for metric in metrics:
        table.add_column(METRIC_LABELS[metric].name, justify="right", no_wrap=True)
    if penalty:
        table.add_column("BP", justify="right", no_wrap=True)
    points = _points(runs)
    for mixture in ("", *mixture_styles(runs)):
        label = mixture or "no pretraining"
        for tokens, here in runs[runs["mixture"] == mixture].groupby("pretrain_tokens", sort=True):
            cells = [_cell(points.get((mixture, metric, tokens)), metric) for metric in metrics]
            if penalty:
                cells.append(_mean_penalty(here))
            failed = here.loc[here["status"] != "ok", "status"]
            if not any(cells) and not failed.empty:
                cells[0] = failed.iloc[0]
            table.add_row(label, short_count(tokens), *cells)
            label = ""
        if not label:
            table.add_section()
    return table


def laws_table(laws: pd.DataFrame) -> Table:
    """The laws of one task and finetuning size; errors are means of |ln predicted - ln observed|."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    _add_mixture_column(table, list(laws["mixture"]))
    for column in ("metric", "law"):
        table.add_column(column, no_wrap=True)
    table.add_column("status", min_width=len("underdetermined"))
    table.add_column("points", justify="right", no_wrap=True)
    for column in ("fit error", "held-out error"):
        table.add_column(column, justify="right", min_width=8)
    for law in laws.itertuples():
        table.add_row(
            law.mixture,
            METRIC_LABELS[law.metric].name,
            law.law.replace("_", " "),
            law.status,
            f"{law.n_fit} + {law.n_held_out}",
            "" if pd.isna(law.fit_error) else f"{law.fit_error:.4f}",
            "" if pd.isna(law.held_out_error) else f"{law.held_out_error:.4f}",
        )
    return table


def what_was_seen(runs: pd.DataFrame, laws: pd.DataFrame) -> Iterator[str]:
    """Plain sentences on one task and finetuning size, from the tables alone."""
    runs = check_runs(runs)
    points = _points(runs)
    for mixture in mixture_styles(runs):
        yield from _change(points, mixture)
    yield from _extrapolation(laws)
    failed = int((runs["status"] != "ok").sum())
    if failed:
        yield f"{failed} {'run' if failed == 1 else 'runs'} diverged and are in no curve."
    if runs[runs["pretrain_tokens"] > 0]["pretraining_seed"].nunique() == 1:
        yield "One pretraining seed: how much another one would change these numbers is not known."


def _change(points: _Points, mixture: str) -> Iterator[str]:
    """From the baseline to the largest Dp, in cross-entropy and BLEU."""
    clauses, largest = [], 0
    for metric in ("cross_entropy", "bleu"):
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


def _extrapolation(laws: pd.DataFrame) -> Iterator[str]:
    """How far the laws that have a slope were from what they had not seen."""
    for metric in ("cross_entropy", "bleu"):
        tested = laws[(laws["metric"] == metric) & laws["held_out_error"].notna()]
        tested = tested[tested["status"] != "flat"]
        said = [f"{_percent(law.held_out_error)} with {law.mixture}" for law in tested.itertuples()]
        if said:
            name = METRIC_LABELS[metric].name
            yield (
                f"The laws of {name}, fitted to the smallest Dp, missed the held-out points by"
                f" {enumerate_words(said)} on average."
            )


def _measured(runs: pd.DataFrame) -> list[str]:
    return [metric for metric in METRICS if metric in runs and runs[metric].notna().any()]


def _points(runs: pd.DataFrame) -> _Points:
    found: _Points = {}
    for metric in _measured(runs):
        for curve in curves(runs, metric):
            found |= {(curve.mixture, metric, point.pretrain_tokens): point for point in curve.points}
            if curve.baseline:
                found["", metric, 0] = curve.baseline
    return found


def _add_mixture_column(table: Table, names: list[str]) -> None:
    """A column that gives way before numbers do, but not below what most names need."""
    table.add_column("mixture", overflow="fold", min_width=min(14, max(map(len, names), default=0)))


def _cell(point: Point | None, metric: str) -> str:
    if point is None:
        return ""
    decimals = METRIC_LABELS[metric].decimals
    value = f"{point.value:.{decimals}f}"
    if metric not in _WITH_INTERVAL or math.isnan(point.low) or math.isnan(point.high):
        return value
    return f"{value} [{point.low:.{decimals}f}, {point.high:.{decimals}f}]"


def _mean_penalty(rows: pd.DataFrame) -> str:
    kept = rows[rows["selected"] & (rows["status"] == "ok")]["brevity_penalty"]
    return f"{kept.mean():.2f}" if kept.notna().any() else ""


def _percent(error: float) -> str:
    """A mean |ln predicted - ln observed| as a percentage of the metric."""
    return f"{100 * math.expm1(error):.1f}%"
