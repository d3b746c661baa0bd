"""Figures of what the mixtures of a task are predicted to score at budgets of pretraining tokens."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .findings import at_budget
from .labels import METRIC_LABELS, NOISE_LABELS, MixtureStyle, short_count

_GREY = "#555555"
_ROW = 0.36
"""Height of a mixture's row, in inches."""
_PANEL = 2.3
_LEAST_WIDTH = 7.6
"""Widths of a budget's panel, and of a figure with few of them, in inches."""
_LEEWAY = 1.0
"""Intervals may widen the axis by this multiple of the span of predictions; beyond it they are cut off."""
_MOST_PANELS = 4


def draw_budgets(
    valuations: pd.DataFrame,
    styles: dict[str, MixtureStyle],
    task: str,
    finetune_pairs: int,
    metric: str,
) -> Figure | None:
    """The predicted score of every mixture, a panel for each of at most four budgets, with its interval.

    valuations: of value_runs. styles: of mixture_styles, for colours and order. None where no mixture has a
    prediction.
    """
    here = at_budget(valuations, metric)
    here = here[(here["task"] == task) & (here["finetune_pairs"] == finetune_pairs)]
    budgets = sorted(here.loc[here["predicted"].notna(), "pretrain_tokens"].unique())[:_MOST_PANELS]
    if not budgets:
        return None
    mixtures = [mixture for mixture in styles if mixture in set(here["mixture"])]
    figure, panels = _canvas(len(mixtures), len(budgets), max(map(len, mixtures)))
    label = METRIC_LABELS[metric]
    for axes, budget in zip(panels, budgets, strict=True):
        axes.set_title(f"Dp = {short_count(budget)}", fontsize=9, loc="left")
        _draw_panel(axes, here[here["pretrain_tokens"] == budget], mixtures, styles)
    panels[0].set_xlim(*_limits(panels[0].get_xlim(), here[here["pretrain_tokens"].isin(budgets)]))
    panels[0].set_ylim(len(mixtures) - 0.5, -0.5)
    panels[0].set_yticks(range(len(mixtures)), mixtures)
    for name, text in zip(mixtures, panels[0].get_yticklabels(), strict=True):
        text.set_color(styles[name].colour)
    for axes in panels:
        axes.set_xlabel(f"{label.name} ({label.unit})", fontsize=8)
    height = figure.get_figheight()
    title = f"{task}: predicted {label.name} after finetuning on {finetune_pairs:,} pairs"
    figure.text(0.02, 1 - 0.12 / height, title, fontsize=11, va="top")
    figure.text(0.02, 0.1 / height, "\n".join(_notes(here)), fontsize=7, color=_GREY, va="bottom")
    return figure


def _canvas(rows: int, columns: int, longest_name: int) -> tuple[Figure, list[Axes]]:
    left, right, top, below, gap = 0.35 + 0.08 * longest_name, 0.25, 0.62, 0.95, 0.18
    panel = max(_PANEL, (_LEAST_WIDTH - left - right + gap) / columns - gap)
    width = left + columns * (panel + gap) - gap + right
    height = top + rows * _ROW + below
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    panels: list[Axes] = []
    for column in range(columns):
        across = (left + column * (panel + gap)) / width
        place = (across, below / height, panel / width, rows * _ROW / height)
        share = {"sharex": panels[0], "sharey": panels[0]} if panels else {}
        axes = figure.add_axes(place, **share)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8, labelleft=not panels)
        panels.append(axes)
    return figure, panels


def _draw_panel(axes: Axes, rows: pd.DataFrame, mixtures: list[str], styles: dict[str, MixtureStyle]) -> None:
    for _, row in rows.iterrows():
        height, style = mixtures.index(row["mixture"]), styles[row["mixture"]]
        if pd.isna(row["predicted"]):
            said = row["verdict"] if row["answer"] == "void" else row["answer"]
            place = {
                "xy": (0.5, height),
                "xycoords": ("axes fraction", "data"),
                "va": "center",
                "ha": "center",
            }
            axes.annotate(said, color=_GREY, fontsize=8, fontstyle="italic", **place)
            continue
        ends = row[["predicted_low", "predicted_high"]].to_numpy(float)
        if np.isfinite(ends).all():
            axes.hlines(height, *ends, color=style.colour, linewidth=2, alpha=0.55, zorder=2)
        axes.plot(row["predicted"], height, style.marker, color=style.colour, markersize=6, zorder=3)
    baseline = rows["baseline"].dropna()
    if len(baseline):
        axes.axvline(baseline.iloc[0], color=_GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1)


def _limits(limits: tuple[float, float], rows: pd.DataFrame) -> tuple[float, float]:
    """The axis with everything drawn, kept near what is predicted."""
    values = pd.concat([rows["predicted"], rows["baseline"]]).dropna()
    low, high = values.min(), values.max()
    leeway = _LEEWAY * (high - low)
    return limits if leeway == 0 else (max(limits[0], low - leeway), min(limits[1], high + leeway))


def _notes(rows: pd.DataFrame) -> list[str]:
    """What the points and lines are, and what the intervals know."""
    first = "By the laws of all points."
    known = rows[rows["predicted_low"].notna()]
    if len(known):
        sources = dict.fromkeys(NOISE_LABELS[source] for source in known["noise"])
        level = 100 * float(known["interval_level"].iloc[0])
        first += f" Lines: {level:g}% intervals of the laws, from {' or '.join(sources)}."
    if rows["baseline"].notna().any():
        first += " Dotted: no pretraining."
    notes = [first]
    if known["mixture"].nunique() > 1 and known["noise"].str.contains("segments").any():
        notes.append(
            "All mixtures share one test set: their differences are surer than these intervals"
            " (valuations.csv has them)."
        )
    return notes
