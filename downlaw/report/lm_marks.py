"""Marks of the figures of the over-training track: titles, laws, points, axes and legends."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, LogLocator, MaxNLocator, NullLocator

from .canvas import legend
from .lm_shown import MultiplierStyle

TEXT_SIZE = 9
BAND = 0.1
"""How opaque a band is."""

LEEWAY = 0.35
"""Lines and bands may widen the vertical axis by this share at either end; beyond it they are cut off."""

_TITLE_WIDTH = 74
_FEW_TICKS, _SOME_TICKS = 2.5, 30
"""An axis over less than the first factor has ticks at round numbers; over less than the second, all have a
label."""
_TICKS = (
    (6, (1, 1.5, 2, 3, 4, 5, 6, 8)),
    (_SOME_TICKS, (1, 2, 3, 5, 7)),
    (500, (1, 3)),
    (np.inf, (1,)),
)
"""Ticks of each decade for an axis over less than a factor."""


def title(axes: Axes, text: str) -> None:
    lines = textwrap.wrap(text, _TITLE_WIDTH)
    axes.set_title("\n".join(lines), fontsize=11 if len(lines) == 1 else 9, loc="left")


def draw_line(
    axes: Axes, x: np.ndarray, y: np.ndarray, fitted: pd.Series, colour: str, alpha: float = BAND
) -> None:
    """A law (columns of y: predicted, low and high), solid from the first to the last fitted x, else dashed.

    alpha: of its band.
    """
    if len(x) < 2:
        return
    first, last = (fitted.min(), fitted.max()) if len(fitted) else (np.inf, -np.inf)
    at = np.union1d(x, [end for end in (first, last) if x[0] < end < x[-1]])
    # On the scales of the axes a law is all but straight between two of its points.
    predicted = np.interp(at, x, y[:, 0])
    if axes.get_xscale() == "log":
        predicted = np.exp(np.interp(np.log(at), np.log(x), np.log(y[:, 0])))
    inside = (at >= first) & (at <= last)
    for part, dashes in ((inside, "-"), (at <= first, "--"), (at >= last, "--")):
        if part.sum() > 1:
            axes.plot(at[part], predicted[part], dashes, color=colour, linewidth=1.6, zorder=2)
    if np.isfinite(y[:, 1:]).all():
        axes.fill_between(x, y[:, 1], y[:, 2], color=colour, alpha=alpha, linewidth=0, zorder=0)


def draw_points(
    axes: Axes,
    points: pd.DataFrame,
    fitted: pd.Series,
    held_out: pd.Series,
    styles: Mapping[float, MultiplierStyle],
) -> None:
    for place, point in points.iterrows():
        style = styles[point["multiplier_asked"]]
        look = {"color": style.colour, "alpha": 1.0 if fitted[place] or held_out[place] else 0.4}
        if np.isfinite([point["low"], point["high"]]).all():
            axes.vlines(point["x"], point["low"], point["high"], linewidth=1.1, zorder=2, **look)
        face = style.colour if fitted[place] else "white"
        look |= {"markersize": 6, "markeredgewidth": 1.4, "markerfacecolor": face, "zorder": 3}
        axes.plot(point["x"], point["value"], style.marker, **look)


def set_log_axis(axis: Axis, points: np.ndarray, line: np.ndarray) -> None:
    """Limits and ticks of a logarithmic axis around points, and around a line as far as there is leeway."""
    known = points[np.isfinite(points)]
    low, high = known.min(), known.max()
    spread = max(high / low, 1.05)
    line = line[np.isfinite(line) & (line > 0)]
    if len(line):
        low = min(low, max(line.min(), low / spread**LEEWAY))
        high = max(high, min(line.max(), high * spread**LEEWAY))
    margin = max(high / low, 1.05) ** 0.06
    axis.axes.set(**{f"{axis.axis_name}lim": (low / margin, high * margin)})
    span = (high / low) * margin**2
    if span < _FEW_TICKS:
        axis.set_major_locator(MaxNLocator(6))
    else:
        axis.set_major_locator(LogLocator(10, subs=next(subs for most, subs in _TICKS if span < most)))
    if span < _SOME_TICKS:
        axis.set_minor_locator(NullLocator())
    large = high >= 1e4
    axis.set_major_formatter(
        LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(np.inf, np.inf))
        if large
        else FuncFormatter(lambda value, _: f"{value:g}")
    )


def multiplier_legend(
    figure: Figure,
    axes: Axes,
    law: str,
    done: str,
    lines: bool,
    points: pd.DataFrame,
    fitted: pd.Series,
    held_out: pd.Series,
    styles: Mapping[float, MultiplierStyle],
) -> None:
    """What became of the law; then, for each multiplier, its points, fitted or only meant to be (done), and
    its line, if it has one."""
    handles, texts = [Line2D([], [], linestyle="")], [law]
    for multiplier in sorted(points["multiplier_asked"].unique()):
        style, mine = styles[multiplier], points["multiplier_asked"] == multiplier
        look = {
            "color": style.colour,
            "marker": style.marker,
            "markersize": 6,
            "linestyle": "-" if lines else "",
        }
        handles.append(Line2D([], [], **look))
        texts.append(f"{style.label}: {(mine & fitted).sum()} {done}, {(mine & held_out).sum()} held out")
    legend(figure, axes, handles, texts, TEXT_SIZE)
