"""Scores for people: tables for a terminal, and a figure."""

from __future__ import annotations

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from .score import Scores
from .table import TRAINING_SETS

LABELS = {
    "loss_c4_val": "loss on c4_val",
    "error_17": "error, 17 tasks",
    "error_46": "error, 46 tasks",
}
COLOURS = {"c4_original": "#0072B2", "rpj": "#D55E00", "rw_original": "#009E73"}
MARKERS = {
    "budget": ".",
    "target": "*",
    "above the budget": "o",
    "cheaper": "s",
    "under-trained": "x",
}


def render(scores: Scores) -> RenderableType:
    """The targets and the summary as tables for a rich console."""
    source = scores.source if scores.published else f"{scores.source} (not the published files)"
    return Group(_targets(scores, source), _summary(scores))


def _targets(scores: Scores, source: str) -> Table:
    legend = "error: on 17 tasks. off: |predicted / measured - 1|. "
    if scores.targets["loss_c4_val_low"].notna().any():
        legend += "±: half a 90% interval, !: outside it. "
    table = Table(
        title=f"Gadre et al. 2024, estimator {scores.estimator}",
        caption=f"{legend}From {source}",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    table.add_column("trained on", no_wrap=True)
    table.add_column("target", no_wrap=True)
    for heading in ("loss", "predicted", "off", "error", "predicted", "off"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in scores.targets.to_dict("records"):
        cells = [TRAINING_SETS[row["training_set"]], f"{row['model']}, M={row['multiplier']:g}"]
        for metric in ("loss_c4_val", "error_17"):
            cells += [f"{row[metric]:.3f}", _predicted(row, metric), _percent(row, metric)]
        table.add_row(*cells)
    table.add_section()
    loss, error = (
        scores.targets[f"{metric}_relative_error"].abs().mean() for metric in ("loss_c4_val", "error_17")
    )
    table.add_row("mean", "", "", "", f"{loss:.2%}", "", "", f"{error:.2%}")
    return table


def _predicted(row: dict, metric: str) -> str:
    half = (row[f"{metric}_high"] - row[f"{metric}_low"]) / 2
    return f"{row[f'{metric}_predicted']:.3f}" + ("" if pd.isna(half) else f"±{half:.3f}")


def _percent(row: dict, metric: str) -> str:
    missed = row[f"{metric}_inside"] is False
    return f"{abs(row[f'{metric}_relative_error']):.2%}{'!' if missed else ''}"


def _summary(scores: Scores) -> Table:
    table = Table(
        title="All runs that were not fitted",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("runs", no_wrap=True)
    table.add_column("of", no_wrap=True)
    for heading in ("count", "mean error", "worst", "in interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    previous = None
    for row in scores.summary().itertuples(index=False):
        if previous not in (None, row.group):
            table.add_section()
        inside = "" if pd.isna(row.inside) else str(row.inside)
        name = row.group if row.group != previous else ""
        mean, worst = f"{row.mean_relative_error:.2%}", f"{row.worst_relative_error:.2%}"
        table.add_row(name, LABELS[row.metric], str(row.runs), mean, worst, inside)
        previous = row.group
    return table


def draw(scores: Scores) -> Figure:
    """Relative errors over measured values: one panel a metric, a point a run, 90% intervals as bars.

    Bars, of predictions relative to the measured value, are drawn for targets and runs above the budget.
    """
    with matplotlib.rc_context({"font.size": 9}):
        figure = Figure(figsize=(12, 4.6), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(LABELS))
        for axes, (metric, label) in zip(panels, LABELS.items(), strict=True):
            _panel(axes, scores.runs, metric)
            axes.set_xlabel(f"measured {label}")
        panels[0].set_ylabel("predicted / measured - 1")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=len(MARKERS), frameon=False, fontsize=7
        )
        figure.suptitle(f"Gadre et al. 2024, estimator {scores.estimator}")
    return figure


def _panel(axes: Axes, runs: pd.DataFrame, metric: str) -> None:
    axes.axhline(0, color="#555555", linewidth=0.8, zorder=0)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    for group, marker in MARKERS.items():
        for training_set, colour in COLOURS.items():
            rows = runs[(runs["group"] == group) & (runs["training_set"] == training_set)]
            half = (rows[f"{metric}_high"] - rows[f"{metric}_low"]) / 2 / rows[metric]
            relative = rows[f"{metric}_relative_error"]
            if group in ("target", "above the budget") and half.notna().all():
                axes.errorbar(rows[metric], relative, half, fmt="none", ecolor=colour, elinewidth=0.7)
            size = 90 if marker == "*" else 22
            label = f"{TRAINING_SETS[training_set]}, {group}"
            axes.scatter(rows[metric], relative, s=size, c=colour, marker=marker, linewidths=0.8, label=label)
