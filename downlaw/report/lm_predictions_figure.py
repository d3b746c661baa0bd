"""The figure of what was predicted of held-out runs of the over-training track, beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from downlaw.laws.lm_tables import ERROR, LOSS

from .canvas import GREY, canvas, footnote, legend
from .labels import NOISE_LABELS, MixtureStyle, mixture_styles
from .lm_shown import diverged_runs, name_shown, times, wrapped

_TEXT_SIZE = 8
_PANEL, _GAP = 2.85, 0.85
_TALL, _FLAT, _BETWEEN = 2.6, 1.0, 0.15
"""Inches: the width of a panel and the gap beside it; the heights of predictions and errors, and the gap."""
_LABEL_AT = -0.19
_PANELS = {LOSS: "loss (nats per token)", ERROR: "average error (0 to 1)"}


def draw_lm_predictions(runs: pd.DataFrame, predictions: pd.DataFrame) -> Figure | None:
    """Predicted over measured values of every held-out cell, losses left and errors right, and below them how
    far off each prediction is.

    A colour and marker a training set; filled on its own evaluation set and for errors, hollow on others.
    Bars are where a measurement was predicted to lie. None where nothing was predicted and measured.
    """
    known = predictions[predictions["predicted"].notna() & predictions["observed"].notna()]
    shown = {metric: known[known["metric"] == metric] for metric in _PANELS}
    shown = {metric: rows for metric, rows in shown.items() if len(rows)}
    if not shown:
        return None
    styles = mixture_styles(pd.DataFrame({"mixture": known["training_set"].unique()}))
    notes = wrapped(_notes(runs, predictions, known))
    width = len(shown) * (_PANEL + _GAP) - _GAP
    lines = len(styles) + sum(rows["training_set"].nunique() for rows in shown.values())
    figure, whole = canvas(width, _TALL + _FLAT + _BETWEEN, 0.35, lines, len(notes), _TEXT_SIZE)
    box = whole.get_position()
    whole.remove()
    first = None
    for place, (metric, rows) in enumerate(shown.items()):
        left = box.x0 + place * (_PANEL + _GAP) / width * box.width
        upper, lower = _panel(figure, box, left, width)
        first = first or lower
        _draw(upper, lower, rows, styles)
        lower.set_xlabel(f"measured {_PANELS[metric]}")
        if not place:
            for axes, text in ((upper, "predicted"), (lower, "off by")):
                axes.set_ylabel(text)
                axes.yaxis.set_label_coords(_LABEL_AT, 0.5)
            upper.set_title("held-out runs: predicted against measured", fontsize=11, loc="left")
    _legend(figure, first, shown, styles)
    footnote(figure, notes)
    return figure


def _panel(figure: Figure, box, left: float, width: float) -> tuple[Axes, Axes]:
    """Axes for predictions, and below them for their errors."""
    across, inch = _PANEL / width * box.width, box.height / (_TALL + _FLAT + _BETWEEN)
    lower = figure.add_axes((left, box.y0, across, _FLAT * inch))
    upper = figure.add_axes((left, box.y0 + (_FLAT + _BETWEEN) * inch, across, _TALL * inch), sharex=lower)
    upper.tick_params(labelbottom=False)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    return upper, lower


def _draw(upper: Axes, lower: Axes, rows: pd.DataFrame, styles: Mapping[str, MixtureStyle]) -> None:
    ends = rows["observed"].min(), rows["observed"].max()
    margin = 0.08 * max(ends[1] - ends[0], 0.02 * ends[1])
    reach = [ends[0] - margin, ends[1] + margin]
    upper.plot(reach, reach, color=GREY, linewidth=0.9, linestyle=(0, (1, 1.5)), zorder=1)
    lower.axhline(0, color=GREY, linewidth=0.9, linestyle=(0, (1, 1.5)), zorder=1)
    for row in rows.sort_values(["training_set", "evaluation_set", "flops"]).itertuples():
        style = styles[row.training_set]
        face = style.colour if _filled(row, rows) else "white"
        look = {"color": style.colour, "markerfacecolor": face, "markersize": 5, "zorder": 3}
        bar = {"color": style.colour, "alpha": 0.55, "linewidth": 1.1, "zorder": 2}
        band = np.array([row.measured_low, row.measured_high], float)
        upper.plot(row.observed, row.predicted, style.marker, **look)
        lower.plot(row.observed, row.relative_error, style.marker, **look)
        if np.isfinite(band).all():
            upper.vlines(row.observed, *band, **bar)
            lower.vlines(row.observed, *(band / row.observed - 1), **bar)
    lower.set_xlim(*reach)
    furthest = 1.2 * max(0.005, rows["relative_error"].abs().max())
    low, high = lower.get_ylim()
    lower.set_ylim(max(low, -2 * furthest), min(high, 2 * furthest))
    lower.xaxis.set_major_locator(MaxNLocator(5))
    lower.yaxis.set_major_locator(MaxNLocator(4))
    lower.yaxis.set_major_formatter(PercentFormatter(1))
    lower.tick_params(labelsize=_TEXT_SIZE)
    upper.tick_params(labelsize=_TEXT_SIZE)


def _filled(row, rows: pd.DataFrame) -> bool:
    same = rows.loc[rows["training_set"] == row.training_set, "evaluation_set"]
    return row.metric == ERROR or row.evaluation_set == row.training_set or row.training_set not in set(same)


def _legend(
    figure: Figure, axes: Axes, shown: Mapping[str, pd.DataFrame], styles: Mapping[str, MixtureStyle]
) -> None:
    handles, texts = [], []
    for training_set, style in styles.items():
        handles.append(Line2D([], [], color=style.colour, marker=style.marker, linestyle="", markersize=6))
        texts.append(name_shown(training_set))
        for metric, rows in shown.items():
            mine = rows[rows["training_set"] == training_set]
            if len(mine):
                handles.append(Line2D([], [], linestyle=""))
                texts.append(_said(mine, metric))
    legend(figure, axes, handles, texts, _TEXT_SIZE)


def _said(rows: pd.DataFrame, metric: str) -> str:
    """How far off the predictions of one training set are."""
    what, off = {LOSS: "loss", ERROR: "average error"}[metric], rows["relative_error"].abs()
    many = f"{len(rows)} predictions" if len(rows) > 1 else "1 prediction"
    said = f"{many} of {what}: off by {100 * off.mean():.1f}% on average, {100 * off.max():.1f}% at most"
    judged = rows["inside"].dropna().astype(bool)
    return said + (f"; {judged.sum()} of {len(judged)} in their interval" if len(judged) else "")


def _notes(runs: pd.DataFrame, predictions: pd.DataFrame, known: pd.DataFrame) -> list[str]:
    notes = ["Dotted: predicted as measured. Off by: predicted / measured - 1."]
    if (losses := known[known["metric"] == LOSS])["training_set"].ne(losses["evaluation_set"]).any():
        notes[0] += " Filled: on the training set's own held-out text; hollow losses: on other text."
    ratios = known["times_less_compute"].dropna()
    if (ratios > 1).any():
        notes.append(
            f"Predicted from up to {times(ratios.max())} less compute, that of all fitted runs together."
        )
    with_bars = known[known["measured_low"].notna()]
    if len(with_bars):
        level = 100 * float(with_bars["interval_level"].iloc[0])
        sources = " or ".join(dict.fromkeys(NOISE_LABELS[source] for source in with_bars["noise"]))
        notes.append(f"Bars: where a measurement was predicted to lie ({level:g}%), from {sources}.")
    else:
        notes.append("No bars: the noise of the points is not known, or not used.")
    if len(predictions) > len(known):
        lost = len(diverged_runs(runs))
        why = f" {lost} {'run' if lost == 1 else 'runs'} diverged." if lost else ""
        notes.append(f"Not drawn: {len(predictions) - len(known)} not measured or not predicted.{why}")
    return notes
