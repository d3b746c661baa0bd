"""Figures of the over-training track: loss over compute, error over loss, predictions of held-out runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from downlaw.laws import check_lm_runs
from downlaw.laws.lm_tables import ERROR, LOSS

from .canvas import GREY, canvas, footnote
from .figures import DPI, FORMATS, save_figure
from .labels import name_stem
from .lm_marks import BAND, LEEWAY, TEXT_SIZE, draw_line, draw_points, multiplier_legend, set_log_axis, title
from .lm_predictions_figure import draw_lm_predictions
from .lm_shown import (
    NO_FLOOR,
    cell_points,
    cells_of,
    compute_note,
    fitted_or_chosen,
    law_notes,
    law_of,
    line_of,
    multiplier_styles,
    name_shown,
    outcome,
    points_note,
    tasks_said,
    wrapped,
)

_WIDTH, _HEIGHT, _RIGHT = 5.9, 3.5, 0.35


def write_lm_figures(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    predictions: pd.DataFrame,
    lines: pd.DataFrame,
    folder: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    dpi: int = DPI,
) -> list[Path]:
    """Draw every figure of the tables of fit_lm_runs into `folder`, each in all formats.

    `loss_{training set}_{evaluation set}` for every law of loss, `error_{training set}` where tasks were
    scored, and `predictions` where runs were held out. The same tables give the same bytes. Returns the
    paths. Raises TableError where the table of runs is no such table.
    """
    runs = check_lm_runs(runs)
    figures: dict[str, Figure | None] = {}
    for law in laws[laws["role"] == "law"].itertuples():
        place = law.training_set, law.evaluation_set
        if law.metric == LOSS:
            stem, figure = f"loss_{'_'.join(place)}", draw_loss(runs, laws, predictions, lines, *place)
        else:
            stem, figure = f"error_{place[0]}", draw_error(runs, laws, predictions, lines, *place)
        figures[name_stem(stem, figures)] = figure
    figures["predictions"] = draw_lm_predictions(runs, predictions)
    paths = []
    for stem, figure in figures.items():
        for ending in formats if figure else ():
            paths.append(Path(folder) / f"{stem}.{ending}")
            save_figure(figure, paths[-1], dpi)
    return paths


def draw_loss(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    predictions: pd.DataFrame,
    lines: pd.DataFrame,
    training_set: str,
    evaluation: str,
) -> Figure | None:
    """Reducible loss, L - E, of one training set on one evaluation set over compute, after Gadre et al. 2024,
    Fig. 1: a colour and marker a token multiplier, on logarithmic axes.

    Filled points are fitted, hollow ones held out; lines are solid over the compute that was fitted and
    dashed beyond. Without a law, or with one whose E is 0 or above a point, the loss itself is drawn, and the
    footnote says so. None where no run has that loss. Raises TableError.
    """
    runs = check_lm_runs(runs)
    cells, styles = cells_of(runs, training_set), multiplier_styles(runs)
    points = cell_points(cells, [evaluation], LOSS)
    if points.empty:
        return None
    law = law_of(laws, training_set, evaluation, LOSS)
    line = line_of(law, lines)
    floor, reason = _floor(law, line, points)
    own = _of_law(predictions, training_set, evaluation, LOSS)
    notes = []
    if law is not None:
        bands = ", with the fitted E taken off" if floor else ""
        notes += [*law_notes(law, line, bands, "compute"), *compute_note(own)]
    size = "C = 6 N D: N parameters, read D = M N tokens."
    shown = f" L - E: the loss less the fitted E = {floor:.3g}." if floor else f" Loss as measured: {reason}."
    notes = wrapped([*notes, size + shown, *points_note(cells.runs, points, law)])

    here = {one: styles[one] for one in sorted(points["multiplier_asked"].unique())}
    figure, axes = canvas(_WIDTH, _HEIGHT, _RIGHT, 1 + len(here), len(notes), TEXT_SIZE)
    what = "reducible loss" if floor else "loss"
    title(axes, f"{name_shown(training_set)}: {what} on {name_shown(evaluation)}")
    axes.set_xlabel("training compute C (FLOPs)")
    axes.set_ylabel("L - E (nats per token)" if floor else "L (nats per token)")
    axes.set_xscale("log")
    axes.set_yscale("log")
    shown = points.assign(x=points["flops"])
    shown[["value", "low", "high"]] -= floor
    fitted = shown["loss_fit"]
    for multiplier, style in here.items():
        mine = line[line["multiplier"] == multiplier]
        y = mine[["predicted", "low", "high"]].to_numpy(float) - floor
        flops, alpha = mine["flops"].to_numpy(float), min(BAND, 0.4 / len(here))
        draw_line(axes, flops, y, shown.loc[fitted, "x"], style.colour, alpha)
    draw_points(axes, shown, fitted, ~fitted, styles)
    ends = shown[["value", "low", "high"]].where(lambda each: each > 0)
    set_log_axis(axes.xaxis, shown["x"].to_numpy(), np.array([]))
    set_log_axis(axes.yaxis, ends.to_numpy(), line["predicted"].to_numpy(float) - floor)
    multiplier_legend(
        figure,
        axes,
        outcome(law, "loss"),
        fitted_or_chosen(line),
        len(line) > 0,
        shown,
        fitted,
        ~fitted,
        styles,
    )
    footnote(figure, notes)
    return figure


def draw_error(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    predictions: pd.DataFrame,
    lines: pd.DataFrame,
    training_set: str,
    evaluation: str,
) -> Figure | None:
    """Average top-1 error of one training set over measured loss, with the error law and that of guessing.

    Where no task is in the average of the law, all are in the points. None where no run has both. Raises
    TableError.
    """
    runs = check_lm_runs(runs)
    cells, styles = cells_of(runs, training_set), multiplier_styles(runs)
    law = law_of(laws, training_set, evaluation, ERROR)
    of_tasks = cells.runs[(cells.runs["metric"] == ERROR) & (cells.runs["kind"] == "task")]
    entering = law is not None and pd.notna(law["tasks"])
    tasks = str(law["tasks"]).split("; ") if entering else sorted(of_tasks["evaluation"].unique())
    losses = cell_points(cells, [evaluation], LOSS)
    points = cell_points(cells, tasks, ERROR) if tasks else losses.iloc[:0]
    points = points.merge(losses[["model", "multiplier_asked", "value"]], on=["model", "multiplier_asked"])
    points = points.rename(columns={"value_x": "value", "value_y": "x"})
    if points.empty:
        return None
    line = line_of(law, lines)
    notes = []
    if law is not None:
        notes += law_notes(law, line, "", "losses")
        notes += compute_note(_of_law(predictions, training_set, evaluation, ERROR))
    fitted, held_out = points["error_fit"], ~points["loss_fit"] & ~points["error_fit"]
    if len(line):
        notes.append("Points lie at measured losses; held-out runs are predicted from predicted losses.")
    if not (fitted | held_out).all():
        notes.append("Faint: fitted by the loss law alone, so neither fitted nor held out here.")
    chance = of_tasks.drop_duplicates("evaluation").set_index("evaluation")["chance"].reindex(tasks).mean()
    which = "the task" if len(tasks) == 1 else f"{len(tasks)} tasks"
    count = "" if entering else " (none is far enough below guessing for the law, so all are shown)"
    notes.append(f"Error: mean of {which}{count}: {tasks_said(tasks)}.")
    notes = wrapped([*notes, *points_note(cells.runs, points, law)])

    entries = 1 + points["multiplier_asked"].nunique()
    figure, axes = canvas(_WIDTH, _HEIGHT, _RIGHT, entries, len(notes), TEXT_SIZE)
    title(axes, f"{name_shown(training_set)}: average error over loss on {name_shown(evaluation)}")
    axes.set_xlabel(f"loss on {name_shown(evaluation)} (nats per token)")
    axes.set_ylabel("average top-1 error (0 to 1)")
    draw_points(axes, points, fitted, held_out, styles)
    axes.axhline(chance, color=GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1)
    left = {"xycoords": ("axes fraction", "data"), "xytext": (2, -3), "textcoords": "offset points"}
    axes.annotate("guessing", (0, chance), color=GREY, fontsize=TEXT_SIZE, va="top", **left)
    ends = axes.get_ylim()
    y = line[["predicted", "low", "high"]].to_numpy(float)
    draw_line(axes, line["loss"].to_numpy(float), y, points.loc[fitted, "x"], "#222222")
    leeway = LEEWAY * (ends[1] - ends[0])
    reached = axes.get_ylim()
    axes.set_ylim(max(reached[0], ends[0] - leeway), min(reached[1], ends[1] + leeway))
    multiplier_legend(
        figure, axes, outcome(law, "error"), fitted_or_chosen(line), False, points, fitted, held_out, styles
    )
    footnote(figure, notes)
    return figure


def _of_law(table: pd.DataFrame, training_set: str, evaluation: str, metric: str) -> pd.DataFrame:
    same = (table["training_set"] == training_set) & (table["evaluation_set"] == evaluation)
    return table[same & (table["metric"] == metric)]


def _floor(law: pd.Series | None, line: pd.DataFrame, points: pd.DataFrame) -> tuple[float, str]:
    """What to take off losses, and, where that is nothing, why."""
    if law is None or line.empty:
        return 0.0, "there is no law to tell E"
    floor = float(law["E"])
    if not floor > NO_FLOOR:
        return 0.0, "the fitted E is 0"
    below = int((points["value"] <= floor).sum())
    if below:
        return 0.0, f"{below} point{'s lie' if below > 1 else ' lies'} below the fitted E = {floor:.3g}"
    return floor, ""
