"""The figure of translation choice: the error of taking a wrong translation for the right one, over
cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from downlaw.laws import CHOICE_ERROR, FAMILIES, Status, check_runs

from .canvas import GREY, canvas, footnote, legend
from .figures import DPI, FORMATS, figure_name, save_figure
from .labels import METRIC_LABELS, mixture_styles

_DRAWN = {Status.OK, Status.NO_HELD_OUT, Status.INTERPOLATED, Status.UNIDENTIFIED}
_LEGEND_SIZE = 8


def write_choice_figures(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    choices: int,
    folder: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    dpi: int = DPI,
) -> list[Path]:
    """Draw every task and finetuning size of a table of `choice_laws` into `folder`; returns the paths.

    choices: targets that the models choose among. Raises TableError where the table of runs is no such table.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = []
    for task, pairs in laws[["task", "finetune_pairs"]].drop_duplicates().itertuples(index=False):
        for ending in formats:
            path = Path(folder) / f"{figure_name(task, pairs, 'choice')}.{ending}"
            save_figure(draw_choice(runs, laws, choices, task, pairs), path, dpi)
            paths.append(path)
    return paths


def draw_choice(runs: pd.DataFrame, laws: pd.DataFrame, choices: int, task: str, pairs: int) -> Figure:
    """Error over cross-entropy for the selected runs of a task and finetuning size.

    A mark is the mean over the seeds at one Dp, filled where the law of its mixture was fitted to it; lines
    are the law of each mixture, and of all together. laws: of `choice_laws`.
    """
    runs = check_runs(runs)
    styles = mixture_styles(runs[runs["task"] == task])
    kept = runs[(runs["task"] == task) & (runs["finetune_pairs"] == pairs) & runs["selected"]]
    kept = kept[kept["status"] == "ok"].dropna(subset=[CHOICE_ERROR, "cross_entropy"])
    means = kept.groupby(["mixture", "pretrain_tokens"], sort=True)[["cross_entropy", CHOICE_ERROR]].mean()
    here = laws[(laws["task"] == task) & (laws["finetune_pairs"] == pairs)]
    family, chance = FAMILIES["error_law"], 1 - 1 / choices
    notes = [
        f"Error of choosing the right one of {choices} test targets by mean log-likelihood a piece.",
        "Filled marks: fitted (smallest Dp of each mixture). Hollow: held out. Dotted: guessing.",
        f"Lines: {family.formula} ({family.source.split(',')[0]}).",
    ]
    figure, axes = canvas(6.6, 3.6, 0.35, len(here) + ("" in means.index), len(notes), _LEGEND_SIZE)
    axes.set_title(f"{task}: translation choice, finetuned on {pairs:,} pairs", fontsize=11, loc="left")
    loss = METRIC_LABELS["cross_entropy"]
    axes.set_xlabel(f"{loss.name} ({loss.unit})")
    axes.set_ylabel("top-1 error")
    axes.axhline(chance, color=GREY, linestyle=":", linewidth=1)
    handles, texts = [], []
    for law in here.to_dict("records"):
        alone = law["scope"] == "mixture"
        names = [law["mixture"]] if alone else list(means.index.unique("mixture"))
        colour = styles[law["mixture"]].colour if alone else "#222222"
        marker = styles[law["mixture"]].marker if alone else ""
        mine = means[means.index.isin(names, level="mixture")]
        if law["status"] in _DRAWN:
            ends = np.linspace(mine["cross_entropy"].min(), mine["cross_entropy"].max(), 100)
            values = family.predict(ends, {each.name: law[each.name] for each in family.parameters})
            axes.plot(ends, values, color=colour, linewidth=1.6 if alone else 1.0, zorder=2)
        for place, row in enumerate(mine.itertuples() if alone else ()):
            face = colour if place < law["n_fit"] else "white"
            axes.plot(row.cross_entropy, getattr(row, CHOICE_ERROR), marker, color=colour,
                      markerfacecolor=face, markersize=6, zorder=3)  # fmt: skip
        handles.append(Line2D([], [], color=colour, marker=marker, linewidth=1.6 if alone else 1.0))
        texts.append(f"{styles[law['mixture']].label if alone else 'all runs together'}: {_outcome(law)}")
    if "" in means.index:
        baseline = means.loc[""]
        axes.plot(baseline["cross_entropy"], baseline[CHOICE_ERROR], "x", color=GREY, markersize=7, zorder=3)
        handles.append(Line2D([], [], color=GREY, marker="x", linestyle=""))
        texts.append("no pretraining")
    legend(figure, axes, handles, texts, _LEGEND_SIZE)
    footnote(figure, notes)
    return figure


def _outcome(law: dict[str, object]) -> str:
    if law["status"] not in _DRAWN:
        return f"no law: {law['status']}"
    said = "" if law["status"] == Status.OK else f", {law['status']}"
    if pd.isna(law["held_out_error"]):
        return f"fit error {law['fit_error']:.3f}{said}"
    return f"held-out error {law['held_out_error']:.3f}{said}"
