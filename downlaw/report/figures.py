"""Figures of curves and their laws, one for each task, finetuning size and metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator
from scipy.optimize import isotonic_regression

from downlaw.files import write_aside
from downlaw.laws import Point, check_runs, curves

from .budgets import draw_budgets
from .canvas import GREY, canvas, legend
from .canvas import footnote as draw_footnote
from .labels import METRIC_LABELS, MixtureStyle, mixture_styles, name_stem, short_count
from .metrics_figure import draw_metrics
from .shown import ShownCurve, footnote

FORMATS = ("png", "svg")
DPI = 150

_TEXT_SIZE = 9
_WIDTH, _HEIGHT = 5.9, 3.2
_LEEWAY = 0.5
"""Lines and bands may widen the vertical axis by this share at either end; beyond it they are cut off."""


def figure_name(task: str, finetune_pairs: int, metric: str) -> str:
    """The name of a figure's files, without their ending, whatever the task is called."""
    return name_stem(f"{task}_{finetune_pairs}_{metric}", ())


def write_figures(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    folder: str | Path,
    *,
    lines: pd.DataFrame | None = None,
    verdicts: pd.DataFrame | None = None,
    valuations: pd.DataFrame | None = None,
    relations: pd.DataFrame | None = None,
    formats: Sequence[str] = FORMATS,
    dpi: int = DPI,
) -> list[Path]:
    """Draw every figure of a table of runs and its table of laws into `folder`, each in all formats.

    The same tables give the same bytes; curves without a point have no figure. lines, verdicts: see
    draw_figure. valuations: of value_runs, for figures of what is predicted at budgets. relations: of
    relate_runs, for figures of BLEU against cross-entropy. Returns the paths, in the order of the laws, those
    of relations last. Raises TableError where the table of runs is no such table.
    """
    runs = check_runs(runs)
    paths = []
    with_points = laws[laws["n_fit"] + laws["n_held_out"] > 0]
    places = with_points[["task", "finetune_pairs", "metric"]].drop_duplicates()
    for task, pairs, metric in places.itertuples(index=False):
        name = figure_name(task, pairs, metric)
        figures = {name: draw_figure(runs, laws, task, pairs, metric, lines=lines, verdicts=verdicts)}
        if valuations is not None:
            styles = mixture_styles(runs[runs["task"] == task])
            figures[f"{name}_budgets"] = draw_budgets(valuations, styles, task, pairs, metric)
        paths += _save(figures, folder, formats, dpi)
    if relations is not None:
        for task, pairs in relations[["task", "finetune_pairs"]].drop_duplicates().itertuples(index=False):
            name = figure_name(task, pairs, "metrics")
            figures = {name: draw_metrics(runs, relations, task, pairs)}
            paths += _save(figures, folder, formats, dpi)
    return paths


def _save(
    figures: Mapping[str, Figure | None], folder: str | Path, formats: Sequence[str], dpi: int
) -> list[Path]:
    """Write the figures that there are, in every format; returns the paths."""
    paths = []
    for stem, figure in figures.items():
        for ending in formats if figure else ():
            path = Path(folder) / f"{stem}.{ending}"
            save_figure(figure, path, dpi)
            paths.append(path)
    return paths


def save_figure(figure: Figure, path: str | Path, dpi: int = DPI) -> None:
    """Write a figure in the format that the path's ending names, without dates and random names in it."""
    ending = Path(path).suffix.removeprefix(".")
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending, {"Software": None})
    with matplotlib.rc_context({"svg.hashsalt": "downlaw"}), write_aside(path) as aside:
        figure.savefig(aside, format=ending, dpi=dpi, metadata=metadata)


def draw_figure(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    task: str,
    finetune_pairs: int,
    metric: str,
    *,
    lines: pd.DataFrame | None = None,
    verdicts: pd.DataFrame | None = None,
) -> Figure:
    """The curves of one metric over pretraining tokens, with their laws and the baseline.

    Filled points and solid lines are fitted, hollow points and dashed lines held out; dotted lines are the
    laws of all points, extrapolated. Laws that could not be fitted are not drawn; the legend gives their
    status. lines: of law_lines; without it laws end at the last point and have no intervals. verdicts: of
    verdict_runs, for the legend. Raises ValueError where there is no such curve.
    """
    runs = check_runs(runs)
    runs = runs[runs["task"] == task]
    styles = mixture_styles(runs)
    runs = runs[runs["finetune_pairs"] == finetune_pairs]
    shown = [ShownCurve.of(curve, laws, lines, verdicts) for curve in curves(runs, metric) if curve.points]
    if not shown:
        raise ValueError(f"no finished runs of {task} with {finetune_pairs} pairs have a {metric}")
    shown.sort(key=lambda one: list(styles).index(one.curve.mixture))

    label, notes = METRIC_LABELS[metric], footnote(runs, metric, shown)
    names = [*styles, "no pretraining"]
    right = 0.3 + 0.08 * max(map(len, names))  # for the names at the ends of lines
    figure, axes = canvas(_WIDTH, _HEIGHT, right, len(shown), len(notes), _TEXT_SIZE)
    title = f"{task}: test {label.name} after finetuning on {finetune_pairs:,} pairs"
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlabel("pretraining tokens (Dp)")
    axes.set_ylabel(f"{label.name} ({label.unit})")
    ends = [_End(one.last, one.curve.mixture, styles[one.curve.mixture].colour) for one in shown]
    baseline = shown[0].curve.baseline
    if baseline is not None:
        _draw_baseline(axes, baseline)
        ends.append(_End(baseline.value, "no pretraining", GREY))
    for one in shown:
        _draw_points(axes, one, styles[one.curve.mixture])
    low, high = axes.get_ylim()
    for one in shown:
        _draw_laws(axes, one, styles[one.curve.mixture])
    axes.set_ylim(*_with_leeway(axes.get_ylim(), low, high))
    _set_token_axis(axes, shown)
    _label_ends(axes, ends)
    _legend(figure, axes, shown, styles)
    draw_footnote(figure, notes)
    return figure


@dataclass(frozen=True, order=True)
class _End:
    """Where a line ends at the right edge of the axes, and what it is called there."""

    height: float
    text: str
    colour: str


def _draw_baseline(axes: Axes, baseline: Point) -> None:
    axes.axhline(baseline.value, color=GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1)
    if np.isfinite([baseline.low, baseline.high]).all():
        axes.axhspan(baseline.low, baseline.high, color=GREY, alpha=0.08, linewidth=0, zorder=0)


def _draw_laws(axes: Axes, one: ShownCurve, style: MixtureStyle) -> None:
    last_fitted = one.curve.tokens[one.n_fit - 1]
    tested = one.tested["pretrain_tokens"]
    for line, dashes in (
        (one.tested[tested <= last_fitted], "-"),
        (one.tested[tested >= last_fitted], "--"),
        (one.extrapolated, ":"),
    ):
        if len(line) > 1:
            tokens = line["pretrain_tokens"].to_numpy(float)
            axes.plot(tokens, line["predicted"], dashes, color=style.colour, linewidth=1.6, zorder=2)
            ends = line[["low", "high"]].to_numpy(float)
            if np.isfinite(ends).all():
                axes.fill_between(tokens, *ends.T, color=style.colour, alpha=0.1, linewidth=0, zorder=0)


def _draw_points(axes: Axes, one: ShownCurve, style: MixtureStyle) -> None:
    for number, point in enumerate(one.curve.points):
        if np.isfinite([point.low, point.high]).all():
            axes.vlines(
                point.pretrain_tokens,
                point.low,
                point.high,
                color=style.colour,
                alpha=0.55,
                linewidth=1.1,
                zorder=2,
            )
        axes.plot(
            point.pretrain_tokens,
            point.value,
            style.marker,
            color=style.colour,
            markerfacecolor=style.colour if number < one.n_fit else "white",
            markersize=6,
            markeredgewidth=1.4,
            zorder=3,
        )


def _with_leeway(limits: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    """Limits of the vertical axis with everything drawn, kept near those of the points, low and high."""
    leeway = _LEEWAY * (high - low)
    return max(limits[0], low - leeway), min(limits[1], high + leeway)


def _set_token_axis(axes: Axes, shown: Sequence[ShownCurve]) -> None:
    """A logarithmic axis with a tick at every Dp and at doublings beyond, and a label wherever there is room
    for one."""
    tokens = sorted({tokens for one in shown for tokens in one.curve.tokens})
    end = max(
        [tokens[-1], *(one.extrapolated["pretrain_tokens"].max() for one in shown if len(one.extrapolated))]
    )
    while tokens[-1] * 2 <= end * 1.001:
        tokens.append(tokens[-1] * 2)
    if end > tokens[-1] * 1.001:
        tokens.append(end)
    axes.set_xscale("log")
    margin = (end / tokens[0]) ** 0.04 if len(tokens) > 1 else 2.0
    axes.set_xlim(tokens[0] / margin, end * margin)
    width = np.log(end / tokens[0]) or 1.0
    labels, last = [], -np.inf
    for count in tokens:
        room = (np.log(count) - last) / width > 0.075
        labels.append(short_count(count) if room else "")
        last = np.log(count) if room else last
    axes.xaxis.set_major_locator(FixedLocator(list(tokens)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(list(tokens), labels)


def _label_ends(axes: Axes, ends: list[_End]) -> None:
    """Name each line at the right edge, moved apart where the names would overlap."""
    low, high = axes.get_ylim()
    ends = sorted(ends)
    wanted = np.clip([end.height for end in ends], low, high)
    # The least movement that leaves a gap between neighbours is an isotonic regression.
    gaps = np.arange(len(ends)) * 0.052 * (high - low)
    heights = isotonic_regression(wanted - gaps).x + gaps
    heights -= max(0.0, heights[-1] - high)
    for end, height in zip(ends, heights, strict=True):
        place = {"xy": (1.01, height), "xycoords": ("axes fraction", "data"), "va": "center"}
        axes.annotate(end.text, color=end.colour, fontsize=_TEXT_SIZE, annotation_clip=False, **place)
    axes.set_ylim(low, high)


def _legend(figure: Figure, axes: Axes, shown: Sequence[ShownCurve], styles: dict[str, MixtureStyle]) -> None:
    handles, texts = [], []
    for one in shown:
        style = styles[one.curve.mixture]
        line = "-" if len(one.tested) else ""
        handles.append(Line2D([], [], color=style.colour, marker=style.marker, linestyle=line, markersize=6))
        texts.append(f"{style.label}: {one.outcome()}")
    legend(figure, axes, handles, texts, _TEXT_SIZE)
