"""Charts as PNG and SVG, for those that no other module of the report draws."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from ..canvas import GREY, canvas, footnote, legend
from ..lm_shown import name_shown, wrapped
from .blocks import Axis, Chart

_DASHES = {"solid": "-", "dash": "--", "dot": ":"}
_WIDTH, _HEIGHT, _RIGHT = 6.2, 3.3, 0.35
_BAR = 0.3
_SIZE = 8
_MOST_ENTRIES = 20


def draw_chart(chart: Chart) -> Figure:
    """The chart as the page shows it at first: a legend of what is drawn, the notes below it."""
    entries = [entry for entry in chart.entries if entry.shown][:_MOST_ENTRIES]
    shown = {entry.group for entry in entries} | {""}
    notes = wrapped([note.replace("$", r"\$") for note in chart.notes])
    bars = [one for one in chart.series if one.kind == "bars"]
    height = max(1.0, _BAR * len(bars[0].x)) if bars else _HEIGHT
    right = _RIGHT
    figure, axes = canvas(_WIDTH, height, right, len(entries), len(notes), _SIZE)
    axes.set_title(_plain(chart.title), fontsize=9, loc="left")
    for one in chart.series:
        if one.group in shown:
            _draw(axes, one)
    if bars:
        axes.tick_params(labelsize=7)
        axes.set_position((0.28, *axes.get_position().bounds[1:2], 0.68, axes.get_position().height))
    if chart.level is not None:
        axes.axhline(chart.level[0], color=GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1)
        place = {"xycoords": ("axes fraction", "data"), "xytext": (-2, 2), "textcoords": "offset points"}
        axes.annotate(chart.level[1], (1, chart.level[0]), color=GREY, fontsize=_SIZE, ha="right", **place)
    _set(axes, chart.x, "x")
    _set(axes, chart.y, "y")
    handles = [
        Line2D([], [], color=entry.colour, marker=entry.marker, linestyle="", markersize=6)
        for entry in entries
    ]
    legend(figure, axes, handles, [_plain(entry.label) for entry in entries], _SIZE)
    footnote(figure, notes)
    return figure


def _plain(text: str) -> str:
    return name_shown(text) if len(text) < 30 else text.replace("$", r"\$")


def _draw(axes: Axes, one) -> None:
    if one.kind == "bars":
        axes.barh([name.replace("$", r"\$") for name in one.y], one.x, color=one.colour)
    elif one.kind == "band":
        axes.fill_between(one.x, one.low, one.high, color=one.colour, alpha=0.1, linewidth=0)
    elif one.kind == "line":
        axes.plot(one.x, one.y, _DASHES[one.dash], color=one.colour, linewidth=1.4, zorder=2)
    else:
        face = one.colour if one.filled else "white"
        look = {"color": one.colour, "markerfacecolor": face, "markersize": 6, "zorder": 3}
        axes.plot(one.x, one.y, one.marker or "o", linestyle="", **look)
        ends = np.array([one.low, one.high], float) if len(one.low) else np.empty((2, 0))
        if ends.size and np.isfinite(ends).any():
            axes.vlines(one.x, *ends, color=one.colour, alpha=0.55, linewidth=1.1, zorder=2)


def _set(axes: Axes, asked: Axis, which: str) -> None:
    axis = getattr(axes, f"{which}axis")
    axes.set(**{f"{which}label": asked.title.replace("$", r"\$")})
    if asked.log:
        axes.set(**{f"{which}scale": "log"})
    if asked.limits:
        axes.set(**{f"{which}lim": asked.limits})
    if asked.ticks:
        places, words = asked.ticks
        axis.set_major_locator(FixedLocator(list(places)))
        axis.set_minor_locator(NullLocator())
        axis.set_ticks(list(places), list(words))
    if asked.percent:
        axis.set_major_formatter(PercentFormatter(1))
    elif asked.log and not asked.ticks:
        axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    axis.set_tick_params(labelsize=_SIZE)
