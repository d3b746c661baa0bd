"""The figure of BLEU against cross-entropy, with the exponential relation where it holds and where not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from downlaw.laws import FAMILIES, check_runs
from downlaw.laws.relations import LEAVE_ONE_OUT_GAIN, MARGIN, MISFIT, values_at
from downlaw.laws.tables import KEYS, SEEDS

from .canvas import GREY, canvas, footnote, legend
from .labels import METRIC_LABELS, NOISE_LABELS, MixtureStyle, mixture_styles

_FAILED = {"linestyle": ":", "alpha": 0.6}
_ALL = "#222222"
_BASELINE_MARKER = "x"
_LEGEND_SIZE = 8
_MARKER_SIZES = (4.0, 9.0)
"""Of the smallest and of the largest Dp."""
_FEW_TICKS = 2.5
"""An axis over less than this factor has ticks at round numbers, others at some of each decade."""
_LEAST_BAR = 1e-3
"""An interval that begins at 0 is drawn from here, far below the axis."""
_WIDTH, _HEIGHT, _RIGHT = 6.6, 3.6, 0.35


@dataclass(frozen=True)
class _Line:
    """A relation as it is drawn: where from and to, and what the legend says of it."""

    relation: pd.Series
    style: MixtureStyle
    losses: tuple[float, float]

    @property
    def holds(self) -> bool:
        return self.relation["holds"] is not pd.NA and bool(self.relation["holds"])

    @property
    def fitted(self) -> bool:
        return pd.notna(self.relation["b"])

    @property
    def outcome(self) -> str:
        r = self.relation
        if not self.holds:
            return f"{'undecided' if pd.isna(r['holds']) else 'fails'}: {r['reason']}"
        interval = f" [{r['b_low']:.2f}, {r['b_high']:.2f}]" if pd.notna(r["b_low"]) else ""
        return f"holds, b = {r['b']:.2f}{interval} per nat"

    def draw(self, axes: Axes) -> None:
        if not self.fitted:
            return
        ends = np.linspace(*self.losses, 100)
        axes.plot(ends, values_at(self.relation, ends), zorder=2, **self._look())

    def handle(self) -> Line2D:
        look = self._look() | ({} if self.fitted else {"linestyle": ""})
        return Line2D([], [], marker=self.style.marker, markersize=6, **look)

    def _look(self) -> dict[str, object]:
        return {"color": self.style.colour, "linewidth": 1.6, **({} if self.holds else _FAILED)}


def draw_metrics(
    runs: pd.DataFrame, relations: pd.DataFrame, task: str, finetune_pairs: int
) -> Figure | None:
    """BLEU over cross-entropy for all selected runs of a task and finetuning size, after Isik et al. 2024,
    Fig. 5.

    Marks grow with Dp; a thin line joins the means over seeds of one mixture. The exponential relation, a
    straight line on this axis, is solid where it holds, and dotted and faint where it fails or is undecided;
    the legend says which, and why. relations: of relate_runs. None where no run has a BLEU above 0 and a
    cross-entropy. Raises TableError where the table of runs is no such table.
    """
    runs = check_runs(runs)
    runs = runs[runs["task"] == task]
    styles = mixture_styles(runs)
    kept = runs[(runs["finetune_pairs"] == finetune_pairs) & runs["selected"] & (runs["status"] == "ok")]
    if not {"bleu", "cross_entropy"} <= set(kept.columns):
        return None
    kept = kept.dropna(subset=["bleu", "cross_entropy"])
    shown = kept[kept["bleu"] > 0].sort_values([*KEYS, *SEEDS], kind="stable")
    if shown.empty:
        return None
    here = relations[(relations["task"] == task) & (relations["finetune_pairs"] == finetune_pairs)]
    lines = _lines(here, shown, styles)
    baseline = shown[shown["pretrain_tokens"] == 0]
    notes = _notes(here, len(kept) - len(shown))
    if {"bleu_low", "bleu_high"} <= set(shown.columns) and shown["bleu_low"].notna().any():
        notes.insert(1, "Bars: 95% bootstrap interval over test segments.")
    entries = len(lines) + bool(len(baseline))
    figure, axes = canvas(_WIDTH, _HEIGHT, _RIGHT, entries, len(notes), _LEGEND_SIZE)
    loss, bleu = METRIC_LABELS["cross_entropy"], METRIC_LABELS["bleu"]
    title = f"{task}: test BLEU against cross-entropy after finetuning on {finetune_pairs:,} pairs"
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlabel(f"{loss.name} ({loss.unit})")
    axes.set_ylabel(f"{bleu.name} ({bleu.unit}, logarithmic)")
    _draw_points(axes, shown, styles)
    _set_bleu_axis(axes, shown["bleu"])
    for line in lines:
        line.draw(axes)
    _legend(figure, axes, lines, bool(len(baseline)))
    footnote(figure, notes)
    return figure


def _lines(relations: pd.DataFrame, shown: pd.DataFrame, styles: dict[str, MixtureStyle]) -> list[_Line]:
    found = []
    for mixture, style in styles.items():
        own = relations[(relations["scope"] == "mixture") & (relations["mixture"] == mixture)]
        losses = shown.loc[shown["mixture"] == mixture, "cross_entropy"]
        if len(own):
            found.append(_Line(own.iloc[0], style, (losses.min(), losses.max())))
    everything = relations[relations["scope"] == "all"]
    if len(everything):
        ends = shown["cross_entropy"].min(), shown["cross_entropy"].max()
        found.append(_Line(everything.iloc[0], MixtureStyle("all runs together", _ALL, ""), ends))
    return found


def _draw_points(axes: Axes, shown: pd.DataFrame, styles: dict[str, MixtureStyle]) -> None:
    sizes = sorted(set(shown["pretrain_tokens"]) - {0})
    for mixture, style in styles.items():
        mine = shown[shown["mixture"] == mixture]
        means = mine.groupby("pretrain_tokens", sort=True)[["cross_entropy", "bleu"]].mean()
        look = {"color": style.colour, "linewidth": 0.8, "alpha": 0.35, "zorder": 1}
        axes.plot(means["cross_entropy"], means["bleu"], **look)
        for tokens, same in mine.groupby("pretrain_tokens", sort=True):
            step = sizes.index(tokens) / max(1, len(sizes) - 1)
            size = _MARKER_SIZES[0] + step * (_MARKER_SIZES[1] - _MARKER_SIZES[0])
            look = {"color": style.colour, "markersize": size, "markeredgecolor": "white", "zorder": 3}
            axes.plot(same["cross_entropy"], same["bleu"], style.marker, markeredgewidth=0.5, **look)
    for colour, bars in _bars(shown, styles):
        axes.vlines(*bars.T, color=colour, alpha=0.3, linewidth=1, zorder=1)
    baseline = shown[shown["pretrain_tokens"] == 0]
    look = {"color": GREY, "markersize": 7, "zorder": 3}
    axes.plot(baseline["cross_entropy"], baseline["bleu"], _BASELINE_MARKER, **look)


def _bars(shown: pd.DataFrame, styles: dict[str, MixtureStyle]) -> Iterator[tuple[str, np.ndarray]]:
    """Cross-entropy and both ends of the interval of BLEU, (runs, 3), with the colour of their mixture."""
    columns = ["cross_entropy", "bleu_low", "bleu_high"]
    if set(columns) <= set(shown.columns):
        known = shown.dropna(subset=columns)
        for mixture, same in known.groupby("mixture", sort=True):
            colour = styles[mixture].colour if mixture else GREY
            yield colour, same[columns].clip(lower=_LEAST_BAR).to_numpy(float)


def _set_bleu_axis(axes: Axes, scores: pd.Series) -> None:
    """A logarithmic axis around the points, whatever lines do beyond them."""
    low, high = float(scores.min()), float(scores.max())
    axes.set_yscale("log")
    margin = max(high / low, 1.05) ** 0.08
    axes.set_ylim(low / margin, high * margin)
    few = high / low < _FEW_TICKS
    axes.yaxis.set_major_locator(MaxNLocator(6) if few else LogLocator(10, subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _legend(figure: Figure, axes: Axes, lines: Sequence[_Line], baseline: bool) -> None:
    handles = [line.handle() for line in lines]
    texts = [f"{line.style.label}: {line.outcome}" for line in lines]
    if baseline:
        handles.append(Line2D([], [], color=GREY, marker=_BASELINE_MARKER, linestyle=""))
        texts.append("no pretraining")
    legend(figure, axes, handles, texts, _LEGEND_SIZE)


def _notes(relations: pd.DataFrame, zeros: int) -> list[str]:
    """What the marks and lines are, and when a relation is said to hold."""
    family = FAMILIES["exponential"]
    formula = family.formula.replace("f(L)", "BLEU").replace("* L", "* cross-entropy")
    notes = [
        "Marks: selected runs, larger with Dp. Thin lines join a mixture's means over seeds.",
        f"Straight lines: {formula} ({family.source.split(',')[0]}); dotted where it does not hold.",
    ]
    known = relations[relations["noise"].notna()]
    if len(known):
        level = 100 * float(known["interval_level"].iloc[0])
        sources = " or ".join(dict.fromkeys(NOISE_LABELS[source] for source in known["noise"]))
        notes += [
            f"It holds where b is above 0 ({level:g}% interval) and noise explains the scatter (misfit_p of"
            f" {MISFIT:g} or more) or leaves all points within {100 * MARGIN:g}%.",
            f"Noise: {sources}.",
        ]
    if relations["leave_one_out_error"].notna().sum() > len(known):
        share = f"{100 * LEAVE_ONE_OUT_GAIN:g}%"
        notes.append(
            f"Noise unknown: it holds where a point left out is off by {share} of a constant's error."
        )
    if zeros:
        notes.append(f"{zeros} run{'s' if zeros > 1 else ''} with a BLEU of 0 not shown.")
    return notes
