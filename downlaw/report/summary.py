"""The end of a study on the terminal: what was measured, fitted, judged and predicted, and what was seen in
it, in plain words."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from downlaw.laws import METRICS, Point, check_runs

from .contamination import contamination_said
from .differences import differences_said
from .findings import at_budget, measured, points_of, verdicts_said, what_was_seen
from .labels import METRIC_LABELS, mixture_styles, short_count, with_interval

PIPED_WIDTH = 100

_WITH_INTERVAL = ("cross_entropy", "bleu")
"""Metrics whose interval is printed beside scores; more would not fit the width, and beside more than
_MOST_METRICS only the first does."""
_MOST_METRICS = 5
_MOST_INTERVALS = 3
_FEW_METRICS = 4
"""As many metrics have their interval printed beside predictions; one less beside more metrics than these."""


def print_summary(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    console: Console | None = None,
    *,
    verdicts: pd.DataFrame | None = None,
    valuations: pd.DataFrame | None = None,
    comparisons: pd.DataFrame | None = None,
    without_seen: pd.DataFrame | None = None,
) -> None:
    """Print the tables of every task and finetuning size, and what was seen in them.

    verdicts, valuations, comparisons, without_seen: of verdict_runs, value_runs, compare_runs and
    score_without_seen, where they are there. Without a `console` it goes to standard output, 100 columns wide
    where that is no terminal. Raises TableError where the table of runs is no such table.
    """
    if console is None:
        console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    runs = check_runs(runs)
    for (task, pairs), here in runs.groupby(["task", "finetune_pairs"], sort=True):
        name, order = f"{task}, finetuned on {pairs:,} pairs", list(mixture_styles(here))
        mine, judged, valued = (_rows_of(t, task, pairs, order) for t in (laws, verdicts, valuations))
        _heading(console, f"{name}: test scores")
        console.print(scores_table(here))
        _heading(
            console, f"{name}: laws", "Points: fitted + held out. Errors: mean |ln predicted - ln observed|."
        )
        console.print(laws_table(mine))
        compared = _rows_at(comparisons, task, pairs)
        if compared is not None and (said := list(differences_said(compared))):
            _heading(
                console,
                f"{name}: differences",
                "By paired bootstrap, not corrected for many comparisons; other seeds may differ by more.",
            )
            _bullets(console, said)
        if judged is not None and not judged.empty:
            _heading(console, f"{name}: verdicts", "What these models showed, at their size.")
            _bullets(console, verdicts_said(judged))
        if valued is not None and (table := predictions_table(valued)).row_count:
            level = valued["interval_level"].dropna()
            said = f", with {100 * level.iloc[0]:g}% intervals" if len(level) else ""
            _heading(console, f"{name}: predictions", f"By the laws of all points{said}.")
            console.print(table)
        _heading(console, f"{name}: what was seen")
        scores = _rows_at(without_seen, task, pairs)
        contaminated = [] if scores is None else contamination_said(scores)
        _bullets(console, [*what_was_seen(here, mine, valued), *contaminated])


def _rows_of(table: pd.DataFrame | None, task: str, pairs: int, order: list[str]) -> pd.DataFrame | None:
    """The rows of one task and finetuning size, mixtures in the order of the scores."""
    mine = _rows_at(table, task, pairs)
    if mine is None:
        return None
    return mine.sort_values("mixture", key=lambda names: names.map(order.index), kind="stable")


def _rows_at(table: pd.DataFrame | None, task: str, pairs: int) -> pd.DataFrame | None:
    if table is None:
        return None
    return table[(table["task"] == task) & (table["finetune_pairs"] == pairs)]


def _heading(console: Console, text: str, note: str = "") -> None:
    console.print(Text(text, style="bold"))
    if note:
        console.print(Text(note, style="dim"))


def _bullets(console: Console, sentences: Iterable[str]) -> None:
    for sentence in sentences:
        console.print(Text(f"- {sentence}"))
    console.print()


def scores_table(runs: pd.DataFrame) -> Table:
    """The selected runs of one task and finetuning size: the baseline, then each mixture by growing Dp."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    metrics = measured(runs)
    penalty = "brevity_penalty" in runs and runs["brevity_penalty"].notna().any()
    _add_mixture_column(table, ["no pretraining", *mixture_styles(runs)])
    table.add_column("Dp", justify="right", no_wrap=True)
    for metric in metrics:
        table.add_column(METRIC_LABELS[metric].name, justify="right", no_wrap=True)
    if penalty:
        table.add_column("BP", justify="right", no_wrap=True)
    points = points_of(runs)
    with_intervals = _WITH_INTERVAL[: 1 if len(metrics) > _MOST_METRICS else None]
    for mixture in ("", *mixture_styles(runs)):
        label = mixture or "no pretraining"
        for tokens, here in runs[runs["mixture"] == mixture].groupby("pretrain_tokens", sort=True):
            cells = [
                _cell(points.get((mixture, metric, tokens)), metric, metric in with_intervals)
                for metric in metrics
            ]
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
    laws = laws[laws["role"] == "law"]
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


def predictions_table(valuations: pd.DataFrame) -> Table:
    """What the laws of one task and finetuning size say of each budget; where they say nothing, why."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    here = {metric: at_budget(valuations, metric) for metric in METRICS}
    here = {metric: rows for metric, rows in here.items() if rows["predicted"].notna().any()}
    table.add_column("Dp", justify="right", no_wrap=True)
    mixtures = list(dict.fromkeys(valuations["mixture"]))
    _add_mixture_column(table, mixtures)
    intervals = list(here)[: _MOST_INTERVALS - (len(here) > _FEW_METRICS)]
    for metric in here:
        table.add_column(METRIC_LABELS[metric].name, justify="right", no_wrap=True)
    budgets = sorted({tokens for rows in here.values() for tokens in rows["pretrain_tokens"]})
    for tokens in budgets:
        for place, mixture in enumerate(mixtures):
            cells = [
                _predicted(_one(rows, tokens, mixture), metric, metric in intervals)
                for metric, rows in here.items()
            ]
            table.add_row("" if place else short_count(tokens), mixture, *cells)
        table.add_section()
    return table


def _one(rows: pd.DataFrame, tokens: float, mixture: str) -> pd.Series | None:
    found = rows[(rows["pretrain_tokens"] == tokens) & (rows["mixture"] == mixture)]
    return None if found.empty else found.iloc[0]


def _predicted(row: pd.Series | None, metric: str, interval: bool) -> str:
    if row is None:
        return ""
    if pd.isna(row["predicted"]):
        return row["verdict"] if row["answer"] == "void" else row["answer"]
    ends = (row["predicted_low"], row["predicted_high"]) if interval else (math.nan, math.nan)
    return with_interval(metric, row["predicted"], *ends)


def _add_mixture_column(table: Table, names: list[str]) -> None:
    """A column that gives way before numbers do, but not below what most names need."""
    table.add_column("mixture", overflow="fold", min_width=min(14, max(map(len, ["mixture", *names]))))


def _cell(point: Point | None, metric: str, interval: bool) -> str:
    if point is None:
        return ""
    ends = (point.low, point.high) if interval else (math.nan, math.nan)
    return with_interval(metric, point.value, *ends)


def _mean_penalty(rows: pd.DataFrame) -> str:
    kept = rows[rows["selected"] & (rows["status"] == "ok")]["brevity_penalty"]
    return f"{kept.mean():.2f}" if kept.notna().any() else ""
