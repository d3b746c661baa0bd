"""Figures of curves and their laws, one for each task, finetuning size and metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator
from scipy.optimize import isotonic_regression

from downlaw.files import write_aside
from downlaw.laws import FAMILIES, METRICS, Curve, Point, Status, check_runs, curves

from .labels import METRIC_LABELS, MixtureStyle, mixture_styles, short_count

FORMATS = ("png", "svg")
DRAWN = frozenset({Status.OK, Status.NO_HELD_OUT, Status.INTERPOLATED, Status.UNIDENTIFIED})
"""Statuses whose law is a curve worth drawing; under `unidentified` only its coefficients are in doubt."""

_GREY = "#555555"
_TEXT_SIZE = 9
_LEGEND_LINE = 0.19
"""Height of one line of the legend, in inches."""


def figure_name(task: str, finetune_pairs: int, metric: str) -> str:
    """The name of a figure's files, without their ending."""
    return f"{task}_{finetune_pairs}_{metric}"


def write_figures(runs: pd.DataFrame, laws: pd.DataFrame, folder: str | Path) -> list[Path]:
    """Draw every figure of a table of runs and its table of laws into `folder`, each as PNG and SVG.

    The same tables give the same bytes; curves without a point have no figure. Returns the paths, in the
    order of the laws. Raises TableError where the table of runs is no such table.
    """
    paths = []
    with_points = laws[laws["n_fit"] + laws["n_held_out"] > 0]
    places = with_points[["task", "finetune_pairs", "metric"]].drop_duplicates()
    for task, pairs, metric in places.itertuples(index=False):
        figure = draw_figure(runs, laws, task, pairs, metric)
        for ending in FORMATS:
            path = Path(folder) / f"{figure_name(task, pairs, metric)}.{ending}"
            save_figure(figure, path)
            paths.append(path)
    return paths


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure in the format that the path's ending names, without dates and random names in it."""
    ending = Path(path).suffix.removeprefix(".")
    metadata = {"Date": None} if ending == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": "downlaw"}), write_aside(path) as aside:
        figure.savefig(aside, format=ending, dpi=150, metadata=metadata)


def draw_figure(
    runs: pd.DataFrame, laws: pd.DataFrame, task: str, finetune_pairs: int, metric: str
) -> Figure:
    """The curves of one metric over pretraining tokens, with their laws and the baseline.

    Filled points and solid lines are fitted, hollow points and dashed lines held out. Laws that could not be
    fitted are not drawn; the legend gives their status. Raises ValueError where there is no such curve.
    """
    runs = check_runs(runs)
    runs = runs[runs["task"] == task]
    styles = mixture_styles(runs)
    runs = runs[runs["finetune_pairs"] == finetune_pairs]
    shown = [_Shown(curve, _law_of(curve, laws)) for curve in curves(runs, metric) if curve.points]
    if not shown:
        raise ValueError(f"no finished runs of {task} with {finetune_pairs} pairs have a {metric}")
    shown.sort(key=lambda one: list(styles).index(one.curve.mixture))

    label = METRIC_LABELS[metric]
    names = [*styles, "no pretraining"]
    figure, axes = _canvas(legend_lines=len(shown), longest_name=max(map(len, names)))
    title = f"{task}: test {label.name} after finetuning on {finetune_pairs:,} pairs"
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlabel("pretraining tokens (Dp)")
    axes.set_ylabel(f"{label.name} ({label.unit})")
    ends = [
        _End(one.curve.points[-1].value, one.curve.mixture, styles[one.curve.mixture].colour) for one in shown
    ]
    baseline = shown[0].curve.baseline
    if baseline is not None:
        _draw_baseline(axes, baseline)
        ends.append(_End(baseline.value, "no pretraining", _GREY))
    for one in shown:
        _draw_curve(axes, one, styles[one.curve.mixture])
    _set_token_axis(axes, sorted({tokens for one in shown for tokens in one.curve.tokens}))
    _label_ends(axes, ends)
    _legend(figure, axes, shown, styles)
    footnote = "\n".join(_footnote(runs, metric, shown))
    figure.text(0.02, 0.1 / figure.get_figheight(), footnote, fontsize=7, color=_GREY, va="bottom")
    return figure


@dataclass(frozen=True)
class _Shown:
    """A curve with the row of its law, None where there is none."""

    curve: Curve
    law: pd.Series | None

    @property
    def n_fit(self) -> int:
        return int(self.law["n_fit"]) if self.law is not None else 0

    def predict(self, tokens: np.ndarray) -> np.ndarray | None:
        """The law at these tokens, None where it is not drawn."""
        if self.law is None or self.law["status"] not in DRAWN:
            return None
        family = FAMILIES[self.law["law"]]
        coefficients = {each.name: float(self.law[each.name]) for each in family.coefficients}
        values = family.predict(tokens, coefficients)
        return values if np.all(np.isfinite(values)) else None

    def outcome(self) -> str:
        """What became of the fit, in the fewest words."""
        if self.law is None:
            return "no law fitted"
        status = str(self.law["status"])
        if status not in DRAWN:
            return f"no law: {status}"
        error = self.law["held_out_error"]
        words = [] if pd.isna(error) else [f"held-out error {error:.3f}"]
        return ", ".join(words if status == Status.OK else [*words, status])


@dataclass(frozen=True, order=True)
class _End:
    """Where a line ends at the right edge of the axes, and what it is called there."""

    height: float
    text: str
    colour: str


def _canvas(legend_lines: int, longest_name: int) -> tuple[Figure, Axes]:
    """A figure with axes of one size, and as much room as the names at the right and the legend below
    take."""
    left, right, top, axes_width, axes_height = 0.75, 0.3 + 0.08 * longest_name, 0.4, 5.9, 3.2
    below = 1.0 + _LEGEND_LINE * legend_lines
    width, height = left + axes_width + right, top + axes_height + below
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((left / width, below / height, axes_width / width, axes_height / height))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _law_of(curve: Curve, laws: pd.DataFrame) -> pd.Series | None:
    same = (laws["task"] == curve.task) & (laws["finetune_pairs"] == curve.finetune_pairs)
    same &= (laws["mixture"] == curve.mixture) & (laws["metric"] == curve.metric)
    return laws[same].iloc[0] if same.any() else None


def _draw_baseline(axes: Axes, baseline: Point) -> None:
    axes.axhline(baseline.value, color=_GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1)
    if np.isfinite([baseline.low, baseline.high]).all():
        axes.axhspan(baseline.low, baseline.high, color=_GREY, alpha=0.08, linewidth=0, zorder=0)


def _draw_curve(axes: Axes, one: _Shown, style: MixtureStyle) -> None:
    tokens, n_fit = one.curve.tokens, one.n_fit
    for line, first, last in (("-", 0, n_fit - 1), ("--", n_fit - 1, len(tokens) - 1)):
        if n_fit and last > first:
            span = np.geomspace(tokens[first], tokens[last], 200)
            values = one.predict(span)
            if values is not None:
                axes.plot(span, values, line, color=style.colour, linewidth=1.6, zorder=2)
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
            markerfacecolor=style.colour if number < n_fit else "white",
            markersize=6,
            markeredgewidth=1.4,
            zorder=3,
        )


def _set_token_axis(axes: Axes, tokens: Sequence[float]) -> None:
    """A logarithmic axis with a tick at every Dp, and a label wherever there is room for one."""
    axes.set_xscale("log")
    margin = (tokens[-1] / tokens[0]) ** 0.04 if len(tokens) > 1 else 2.0
    axes.set_xlim(tokens[0] / margin, tokens[-1] * margin)
    width = np.log(tokens[-1] / tokens[0]) or 1.0
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
    ends = sorted(ends)
    low, high = axes.get_ylim()
    # The least movement that leaves a gap between neighbours is an isotonic regression.
    gaps = np.arange(len(ends)) * 0.052 * (high - low)
    heights = isotonic_regression([end.height for end in ends] - gaps).x + gaps
    heights -= max(0.0, heights[-1] - high)
    for end, height in zip(ends, heights, strict=True):
        place = {"xy": (1.01, height), "xycoords": ("axes fraction", "data"), "va": "center"}
        axes.annotate(end.text, color=end.colour, fontsize=_TEXT_SIZE, annotation_clip=False, **place)
    axes.set_ylim(low, high)


def _legend(figure: Figure, axes: Axes, shown: Sequence[_Shown], styles: dict[str, MixtureStyle]) -> None:
    handles, texts = [], []
    for one in shown:
        style = styles[one.curve.mixture]
        line = "-" if one.predict(one.curve.tokens) is not None else ""
        handles.append(Line2D([], [], color=style.colour, marker=style.marker, linestyle=line, markersize=6))
        texts.append(f"{style.label}: {one.outcome()}")
    corner = (axes.get_position().x0, axes.get_position().y0 - 0.5 / figure.get_figheight())
    figure.legend(
        handles,
        texts,
        loc="upper left",
        bbox_to_anchor=corner,
        frameon=False,
        fontsize=_TEXT_SIZE,
        borderpad=0,
        labelspacing=_LEGEND_LINE * 72 / _TEXT_SIZE - 1.1,
    )


def _footnote(runs: pd.DataFrame, metric: str, shown: Sequence[_Shown]) -> Iterator[str]:
    family = FAMILIES[METRICS[metric].law]
    fitted = sorted({one.n_fit for one in shown if one.predict(one.curve.tokens) is not None})
    if fitted:
        points = f"{fitted[0]} smallest Dp" if len(fitted) == 1 else "smallest Dp"
        yield (
            f"Filled points, solid line: fitted ({points}). Hollow points, dashed line: held out."
            f" Law: {family.formula} ({family.source.split(',')[0]})."
        )
    points = [point for one in shown for point in one.curve.points]
    bars = ""
    if max(point.n_seeds for point in points) > 1:
        bars = " Bars: smallest and largest run."
    elif any(np.isfinite(point.low) for point in points):
        bars = " Bars: 95% bootstrap interval over test segments."
    yield f"{_seeds(runs)}.{bars}{_segments(runs)}"


def _seeds(runs: pd.DataFrame) -> str:
    kept = runs[runs["selected"] & (runs["status"] == "ok") & (runs["pretrain_tokens"] > 0)]
    counts = [(kept[f"{stage}_seed"].nunique(), stage) for stage in ("pretraining", "finetuning")]
    return ", ".join(f"{count} {stage} seed{'s' if count > 1 else ''}" for count, stage in counts)


def _segments(runs: pd.DataFrame) -> str:
    segments = runs["test_segments"].dropna().unique() if "test_segments" in runs else []
    return f" {int(segments[0]):,} test segments." if len(segments) == 1 else ""
