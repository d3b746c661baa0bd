"""The figure of alignment: what mixtures gained, against each measure of how close they are to the task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from downlaw.alignment.measures import MEASURES, Measure
from downlaw.alignment.points import LOWER_IS_BETTER, points
from downlaw.alignment.relations import LEAST_MIXTURES

from .canvas import GREY, footnote
from .figures import DPI, FORMATS, figure_name, save_figure
from .labels import METRIC_LABELS, short_count

_COLUMNS = 4
_PANEL, _GAP = (2.25, 1.7), (0.22, 0.72)
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.75, 0.2, 1.15, 1.05
"""Inches: width and height of a panel, the gaps between, and what is around them."""

_VERDICTS = {
    "aligned": ("#009E73", "o"),
    "misaligned": ("#D55E00", "X"),
    "saturated": ("#CC79A7", "s"),
    "inconclusive": ("#777777", "D"),
    "no verdict": ("#0072B2", "o"),
}
_NAMED = 10
"""More mixtures are numbered in the panels, and named at the foot."""

_NAMES_A_LINE = 130
_WARNING = "#B00020"


def write_alignment_figures(
    runs: pd.DataFrame,
    alignment: pd.DataFrame,
    relations: pd.DataFrame,
    verdicts: pd.DataFrame | None,
    folder: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    dpi: int = DPI,
) -> list[Path]:
    """Draw the gains of cross-entropy and of the first score that has any, for every task and finetuning
    size, into `folder`; returns the paths.

    relations: of relate_alignment, of the same tables. Raises TableError where a table is no such table.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    found = points(runs, verdicts)
    paths = []
    for task, pairs, metric in _drawn(found):
        here, mine = (
            table[(table["task"] == task) & (table["finetune_pairs"] == pairs) & (table["metric"] == metric)]
            for table in (found, relations)
        )
        figure = draw_alignment(here, alignment, mine)
        for ending in formats:
            path = Path(folder) / f"{figure_name(task, pairs, metric)}_alignment.{ending}"
            save_figure(figure, path, dpi)
            paths.append(path)
    return paths


def _drawn(found: pd.DataFrame) -> Iterator[tuple[str, int, str]]:
    """The scores of a study say much the same, and all of them are in the table."""
    gained = found[found["gain"].notna()]
    for (task, pairs), here in gained.groupby(["task", "finetune_pairs"], sort=False):
        losses = here["metric"].isin(LOWER_IS_BETTER)
        for which in (here[losses], here[~losses]):
            for metric in which["metric"].unique()[:1]:
                yield task, pairs, metric


def draw_alignment(here: pd.DataFrame, alignment: pd.DataFrame, relations: pd.DataFrame) -> Figure:
    """Gain over each measure, one panel a measure, closer to the task at the right.

    here: rows of `points` for one task, finetuning size and metric, one of them with a gain at least.
    """
    joined = here.merge(alignment, on=["task", "mixture"], how="left")
    shown = joined[joined["gain"].notna()].sort_values("mixture").reset_index(drop=True)
    names = shown["mixture"].tolist()
    numbered = len(names) > _NAMED
    shown["_tag"] = [str(place) for place in range(1, len(names) + 1)] if numbered else names
    shown["_verdict"] = shown["verdict"].where(shown["verdict"].isin(list(_VERDICTS)), "no verdict")
    notes = [*_notes(here, names if numbered else [])]
    rows = -(-len(MEASURES) // _COLUMNS)
    bottom = _BOTTOM + 0.125 * len(notes)
    width = _LEFT + _COLUMNS * _PANEL[0] + (_COLUMNS - 1) * _GAP[0] + _RIGHT
    height = _TOP + rows * _PANEL[1] + (rows - 1) * _GAP[1] + bottom
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    limits = _limits(shown["gain"], 0.16)
    for index, measure in enumerate(MEASURES):
        row, column = divmod(index, _COLUMNS)
        left = _LEFT + column * (_PANEL[0] + _GAP[0])
        low = height - _TOP - (row + 1) * _PANEL[1] - row * _GAP[1]
        axes = figure.add_axes((left / width, low / height, _PANEL[0] / width, _PANEL[1] / height))
        relation = relations[relations["measure"] == measure.name]
        _panel(axes, shown, measure, relation.iloc[0] if len(relation) else None)
        axes.set_ylim(limits)
        if column:
            axes.set_yticklabels([])
    _headings(figure, here.iloc[0], relations, len(shown), (width, height))
    _legend(figure, shown["_verdict"], (bottom - 0.5) / height, _LEFT / width)
    footnote(figure, notes)
    return figure


def _panel(axes: Axes, shown: pd.DataFrame, measure: Measure, relation: pd.Series | None) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.axhline(0, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_title(f"{measure.label}\n{_outcome(relation)}", fontsize=7.5, loc="left", linespacing=1.3)
    axes.tick_params(labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    known = shown[shown[measure.name].notna()]
    if known.empty:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", fontsize=8, color=GREY)
        axes.set_xticks([])
        return
    values = known[measure.name].astype(float)
    low, high = _limits(values, 0.2)
    axes.set_xlim((low, high) if measure.higher_is_closer else (high, low))
    middle = (low + high) / 2
    for value, row in zip(values, known.to_dict("records"), strict=True):
        colour, marker = _VERDICTS[row["_verdict"]]
        axes.plot(value, row["gain"], marker, color=colour, markersize=5.5, markeredgecolor="white",
                  markeredgewidth=0.5, zorder=3)  # fmt: skip
        at_right = (value > middle) == measure.higher_is_closer and value != middle
        place = {"xytext": (-5 if at_right else 5, 3), "ha": "right" if at_right else "left"}
        axes.annotate(row["_tag"], (value, row["gain"]), textcoords="offset points", fontsize=6.5,
                      color="#333333", annotation_clip=False, **place)  # fmt: skip


def _limits(values: pd.Series, margin: float) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = margin * (high - low) or max(0.1, 0.1 * abs(high))
    return low - room, high + room


def _outcome(relation: pd.Series | None) -> str:
    """The correlation, its rank among the measures, and what it says of verdicts."""
    if relation is None or pd.isna(relation["spearman"]):
        return "no rank correlation"
    said = f"rho {relation['spearman']:+.2f}, rank {relation['rank']}, p {relation['p']:.2g}"
    return said if pd.isna(relation["auc"]) else f"{said}, AUC {relation['auc']:.2f}"


def _headings(
    figure: Figure, first: pd.Series, relations: pd.DataFrame, mixtures: int, size: tuple[float, float]
) -> None:
    width, height = size
    label = METRIC_LABELS[first["metric"]]
    title = (
        f"{first['task']}: gain of {label.name} over no pretraining at Dp = "
        f"{short_count(first['pretrain_tokens'])}, finetuned on {first['finetune_pairs']:,} pairs"
    )
    figure.text(_LEFT / width, 1 - 0.3 / height, title, fontsize=11)
    said, colour = _answer(relations, mixtures)
    figure.text(_LEFT / width, 1 - 0.53 / height, said, fontsize=9, color=colour)
    unit = f"gain of {label.name} ({label.unit.removesuffix(' per target token')})"
    figure.text(0.18 / width, 0.5, unit, fontsize=9, rotation=90, va="center")


def _answer(relations: pd.DataFrame, mixtures: int) -> tuple[str, str]:
    """Which measure ranks the gains best, or that it cannot be told, and the colour to say it in."""
    ranked = relations[(relations["decidable"] == "yes") & relations["rank"].notna()].sort_values("rank")
    said = f"{mixtures} mixture{'s'[: mixtures != 1]}: "
    if mixtures < LEAST_MIXTURES or ranked.empty:
        why = f", at least {LEAST_MIXTURES} are needed" if mixtures < LEAST_MIXTURES else ""
        return f"{said}which measure predicts best is not decidable{why}", _WARNING
    best = ranked.iloc[0]
    label = next(measure.label for measure in MEASURES if measure.name == best["measure"])
    said += f"best is {label} (rho {best['spearman']:+.2f}); by chance "
    if pd.isna(best["p_adjusted"]):
        return f"{said}it alone does as well in {best['p']:.2g} of all orders", GREY
    return f"{said}the best of all does as well in {best['p_adjusted']:.2g} of all orders", GREY


def _legend(figure: Figure, verdicts: pd.Series, top: float, left: float) -> None:
    there = [verdict for verdict in _VERDICTS if verdict in set(verdicts)]
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", markersize=6)
        for colour, marker in (_VERDICTS[verdict] for verdict in there)
    ]
    place = {"loc": "upper left", "bbox_to_anchor": (left, top), "ncols": len(there)}
    figure.legend(handles, there, frameon=False, fontsize=8, borderpad=0, **place)


def _notes(here: pd.DataFrame, names: list[str]) -> Iterator[str]:
    direction = "fall" if METRIC_LABELS[here["metric"].iloc[0]].lower_is_better else "rise"
    yield (
        f"Gain: the {direction} from the baseline, in units of the metric. Axes are turned so that a mixture "
        "closer to the task is at the right."
    )
    yield (
        "rho: Spearman's, positive where closer mixtures gain more; rank: of rho among the measures; p: "
        "share of all orders of the gains with as strong a rho."
    )
    yield "AUC: how often an aligned mixture is closer than a misaligned or saturated one."
    for reason, which in here.dropna(subset="reason").groupby("reason")["mixture"]:
        yield f"Not shown: {', '.join(which)} ({reason})."
    line = ""
    for place, name in enumerate(names, start=1):
        entry = f"{place} {name}"
        if line and len(line) + len(entry) > _NAMES_A_LINE:
            yield line
            line = ""
        line = f"{line}, {entry}" if line else entry
    if line:
        yield line
