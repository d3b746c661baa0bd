"""The sheet that figures are drawn on: axes of one size, and below them a legend and a footnote."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

GREY = "#555555"

_LEFT, _TOP = 0.75, 0.4
_LEGEND_LEADING, _FOOTNOTE_LINE = 1.52, 0.125
"""Height of a line of the legend in its text sizes, and of the footnote in inches."""


def _legend_line(text_size: float) -> float:
    return _LEGEND_LEADING * text_size / 72


def canvas(
    width: float, height: float, right: float, legend_lines: int, footnote_lines: int, text_size: float
) -> tuple[Figure, Axes]:
    """A figure with axes of `width` x `height` inches, `right` inches beside them, and as much room below as
    legend (in `text_size` points) and footnote take."""
    below = 0.75 + _legend_line(text_size) * legend_lines + _FOOTNOTE_LINE * footnote_lines
    whole_width, whole_height = _LEFT + width + right, _TOP + height + below
    figure = Figure(figsize=(whole_width, whole_height))
    FigureCanvasAgg(figure)
    axes = figure.add_axes(
        (_LEFT / whole_width, below / whole_height, width / whole_width, height / whole_height)
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def legend(figure: Figure, axes: Axes, handles: Sequence[Line2D], texts: Sequence[str], size: float) -> None:
    """A legend below the axes, one entry a line."""
    corner = (axes.get_position().x0, axes.get_position().y0 - 0.5 / figure.get_figheight())
    figure.legend(
        handles,
        texts,
        loc="upper left",
        bbox_to_anchor=corner,
        frameon=False,
        fontsize=size,
        borderpad=0,
        labelspacing=_LEGEND_LEADING - 1.1,
    )


def footnote(figure: Figure, notes: Sequence[str]) -> None:
    """Small grey lines at the foot of the figure."""
    figure.text(0.02, 0.1 / figure.get_figheight(), "\n".join(notes), fontsize=7, color=GREY, va="bottom")
