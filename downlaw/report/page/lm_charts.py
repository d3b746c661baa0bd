"""Charts of the over-training track: loss over compute, error over loss, predictions of held-out runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from downlaw.laws.lm_tables import ERROR, LOSS

from ..labels import mixture_styles
from ..lm_shown import (
    MultiplierStyle,
    cell_points,
    cells_of,
    compute_note,
    law_notes,
    law_of,
    line_of,
    multiplier_styles,
    outcome,
    points_note,
)
from .blocks import Axis, Chart, Column, Entry, Names, Series, Table, count, fixed

_BLACK = "#444444"


def loss_chart(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    predictions: pd.DataFrame | None,
    lines: pd.DataFrame | None,
    training_set: str,
    evaluation: str,
    stem: str,
    names: Names,
) -> Chart | None:
    """The loss of one training set on one evaluation set over compute; None where no run has it."""
    cells, styles = cells_of(runs, training_set), multiplier_styles(runs)
    points = cell_points(cells, [evaluation], LOSS)
    if points.empty:
        return None
    law = law_of(laws, training_set, evaluation, LOSS)
    line = line_of(law, lines) if lines is not None else _no_line()
    points = points.assign(x=points["flops"].astype(float))
    fitted = points["loss_fit"].astype(bool)
    here = {one: styles[one] for one in sorted(points["multiplier_asked"].unique())}
    series: list[Series] = []
    for multiplier, style in here.items():
        mine = line[line["multiplier"] == multiplier]
        group = f"{multiplier:g}"
        series += _law_series(mine, "flops", points.loc[fitted, "x"], style.colour, group)
        series += _marks(points, fitted, multiplier, style, group)
    notes = []
    if law is not None:
        notes += [*law_notes(law, line, "", "compute")]
        if predictions is not None:
            notes += compute_note(_of_law(predictions, training_set, evaluation, LOSS))
    notes += ["C = 6 N D: N parameters, read D = M N tokens.", *points_note(cells.runs, points, law)]
    title = f"{training_set}: loss on {evaluation} over training compute"
    id = names.unused("loss", training_set, evaluation)
    return Chart(
        id=id,
        stem=stem,
        title=title,
        alt=f"{title}. {len(points)} sizes and multipliers, loss from {points['value'].max():.3f} down to"
        f" {points['value'].min():.3f}. {outcome(law, 'loss')}.",
        x=Axis("training compute C (FLOPs)", log=True),
        y=Axis("loss (nats per token)"),
        series=series,
        entries=_entries(here, points, fitted, ~fitted),
        table=_points_table(points, fitted, id, title, "loss"),
        notes=[f"{outcome(law, 'loss')[0].upper()}{outcome(law, 'loss')[1:]}.", *notes],
    )


def error_chart(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    lines: pd.DataFrame | None,
    training_set: str,
    evaluation: str,
    stem: str,
    names: Names,
) -> Chart | None:
    """Average top-1 error of one training set over measured loss; None where no run has both."""
    cells, styles = cells_of(runs, training_set), multiplier_styles(runs)
    law = law_of(laws, training_set, evaluation, ERROR)
    of_tasks = cells.runs[(cells.runs["metric"] == ERROR) & (cells.runs["kind"] == "task")]
    entering = law is not None and pd.notna(law["tasks"])
    tasks = str(law["tasks"]).split("; ") if entering else sorted(of_tasks["evaluation"].unique())
    if not tasks:
        return None
    losses, points = cell_points(cells, [evaluation], LOSS), cell_points(cells, tasks, ERROR)
    points = points.merge(losses[["model", "multiplier_asked", "value"]], on=["model", "multiplier_asked"])
    points = points.rename(columns={"value_x": "value", "value_y": "x"})
    if points.empty:
        return None
    line = line_of(law, lines) if lines is not None else _no_line()
    fitted = points["error_fit"].astype(bool)
    here = {one: styles[one] for one in sorted(points["multiplier_asked"].unique())}
    series = list(_law_series(line, "loss", points.loc[fitted, "x"], _BLACK, "law"))
    entries = _entries(here, points, fitted, ~points["loss_fit"].astype(bool) & ~fitted)
    if series:
        entries = [Entry("law", "the error law", _BLACK, ""), *entries]
    for multiplier, style in here.items():
        series += _marks(points, fitted, multiplier, style, f"{multiplier:g}")
    chance = float(
        of_tasks.drop_duplicates("evaluation").set_index("evaluation")["chance"].reindex(tasks).mean()
    )
    notes = [f"{outcome(law, 'error')[0].upper()}{outcome(law, 'error')[1:]}."]
    if law is not None:
        notes += law_notes(law, line, "", "losses")
    notes += [
        f"Error: mean of {len(tasks)} task{'s' if len(tasks) > 1 else ''}.",
        *points_note(cells.runs, points, law),
    ]
    title = f"{training_set}: average error over loss on {evaluation}"
    id = names.unused("error", training_set, evaluation)
    return Chart(
        id=id,
        stem=stem,
        title=title,
        alt=f"{title}. {len(points)} sizes and multipliers, error from {points['value'].max():.3f} down to"
        f" {points['value'].min():.3f}; guessing {chance:.3f}. {outcome(law, 'error')}.",
        x=Axis(f"loss on {evaluation} (nats per token)"),
        y=Axis("average top-1 error (0 to 1)"),
        series=series,
        entries=entries,
        table=_points_table(points, fitted, id, title, "error"),
        level=(chance, "guessing") if math.isfinite(chance) else None,
        notes=notes,
    )


def held_out_charts(predictions: pd.DataFrame, names: Names) -> Iterator[Chart]:
    """How far predictions of held-out runs were from what was measured: of losses, and of errors."""
    known = predictions[predictions["predicted"].notna() & predictions["observed"].notna()]
    styles = mixture_styles(pd.DataFrame({"mixture": known["training_set"].unique()}))
    for metric, what in ((LOSS, "loss"), (ERROR, "average error")):
        rows = known[known["metric"] == metric]
        if rows.empty:
            continue
        for end in ("low", "high"):
            rows = rows.assign(**{f"off_{end}": rows[f"measured_{end}"].astype(float) / rows["observed"] - 1})
        series, entries = [], []
        for training_set, style in styles.items():
            mine = rows[rows["training_set"] == training_set]
            if mine.empty:
                continue
            off = mine["relative_error"].abs()
            entries.append(
                Entry(
                    training_set,
                    f"{style.label}: off by {100 * off.mean():.1f}% on average,"
                    f" {100 * off.max():.1f}% at most",
                    style.colour,
                    style.marker,
                )
            )
            own = (mine["evaluation_set"] == training_set) | (metric == ERROR)
            for filled, part in ((True, mine[own]), (False, mine[~own])):
                if len(part):
                    series.append(
                        Series(
                            "points",
                            part["flops"].astype(float).tolist(),
                            part["relative_error"].astype(float).tolist(),
                            style.colour,
                            style.marker,
                            filled,
                            low=part["off_low"].tolist(),
                            high=part["off_high"].tolist(),
                            group=training_set,
                            hover=[_told(row, what) for row in part.itertuples()],
                        )
                    )
        title = f"Held-out runs: {what} predicted less measured"
        worst = rows.loc[rows["relative_error"].abs().idxmax()]
        id = names.unused("held-out", what)
        inside = rows["inside"].dropna().astype(bool)
        note = "Above 0: predicted higher than measured."
        if metric == LOSS:
            note += " Hollow: on other text than the training set's own."
        if len(inside):
            note += (
                f" Bars: where a measurement was to lie ({100 * rows['interval_level'].dropna().iloc[0]:g}%);"
                f" {inside.sum()} of {len(inside)} did."
            )
        columns = (
            *(Column(name, name.replace("_", " ")) for name in ("training_set", "evaluation_set", "model")),
            Column("multiplier_asked", "M", numeric=True),
            Column("observed", "measured", fixed(3), numeric=True),
            Column("predicted", "predicted", fixed(3), numeric=True),
            Column("measured_low", "from", fixed(3), numeric=True),
            Column("measured_high", "to", fixed(3), numeric=True),
            Column("relative_error", "off by", lambda value: f"{100 * value:+.1f}%", numeric=True),
        )
        yield Chart(
            id=id,
            stem=f"held_out_{metric}",
            title=title,
            alt=f"{title}. {len(rows)} predictions; the farthest is {worst['model']} at M ="
            f" {worst['multiplier_asked']:g}, off by {100 * worst['relative_error']:+.1f}%.",
            x=Axis("training compute C (FLOPs)", log=True),
            y=Axis("predicted / measured - 1", percent=True, zero_line=True),
            series=series,
            entries=entries,
            table=Table(f"{id}-points", title, rows[[c.name for c in columns]], columns, "predictions.csv"),
            notes=[note],
        )


def _told(row, what: str) -> str:
    return (
        f"{row.model} at M = {row.multiplier_asked:g}, {what} on {row.evaluation_set}: predicted"
        f" {row.predicted:.3f}, measured {row.observed:.3f}"
    )


def _of_law(table: pd.DataFrame, training_set: str, evaluation: str, metric: str) -> pd.DataFrame:
    same = (table["training_set"] == training_set) & (table["evaluation_set"] == evaluation)
    return table[same & (table["metric"] == metric)]


def _no_line() -> pd.DataFrame:
    return pd.DataFrame(columns=["multiplier", "flops", "loss", "predicted", "low", "high"])


def _law_series(line: pd.DataFrame, x: str, fitted: pd.Series, colour: str, group: str) -> Iterator[Series]:
    """A law and its band, solid over what was fitted and dashed beyond."""
    if len(line) < 2:
        return
    line = line.sort_values(x)
    at = line[x].to_numpy(float)
    values = line[["predicted", "low", "high"]].to_numpy(float)
    if np.isfinite(values[:, 1:]).all():
        low, high = values[:, 1].tolist(), values[:, 2].tolist()
        yield Series("band", at.tolist(), [], colour, low=low, high=high, group=group)
    first, last = (fitted.min(), fitted.max()) if len(fitted) else (np.inf, -np.inf)
    # Neighbouring parts share the point where they meet.
    start, stop = np.searchsorted(at, first), np.searchsorted(at, last, side="right")
    for dash, part in (
        ("dash", slice(0, start + 1)),
        ("solid", slice(start, stop)),
        ("dash", slice(max(stop - 1, 0), None)),
    ):
        if len(at[part]) > 1:
            yield Series("line", at[part].tolist(), values[part, 0].tolist(), colour, dash=dash, group=group)


def _marks(
    points: pd.DataFrame, fitted: pd.Series, multiplier: float, style: MultiplierStyle, group: str
) -> Iterator[Series]:
    for filled in (True, False):
        mine = points[(points["multiplier_asked"] == multiplier) & (fitted == filled)]
        if len(mine):
            yield Series(
                "points",
                mine["x"].astype(float).tolist(),
                mine["value"].astype(float).tolist(),
                style.colour,
                style.marker,
                filled,
                low=mine["low"].astype(float).tolist(),
                high=mine["high"].astype(float).tolist(),
                group=group,
                hover=[
                    f"{row.model} at M = {multiplier:g}: {row.value:.3f}{', fitted' if filled else ''}"
                    for row in mine.itertuples()
                ],
            )


def _entries(
    here: Mapping[float, MultiplierStyle], points: pd.DataFrame, fitted: pd.Series, held_out: pd.Series
) -> list[Entry]:
    entries = []
    for multiplier, style in here.items():
        mine = points["multiplier_asked"] == multiplier
        words = f"{style.label}: {(mine & fitted).sum()} fitted, {(mine & held_out).sum()} held out"
        entries.append(Entry(f"{multiplier:g}", words, style.colour, style.marker))
    return entries


def _points_table(points: pd.DataFrame, fitted: pd.Series, id: str, title: str, what: str) -> Table:
    frame = points.assign(used=np.where(fitted, "fitted", "held out or not fitted"))
    columns = (
        Column("model", "model"),
        Column("multiplier_asked", "M", numeric=True),
        Column("flops", "FLOPs", lambda value: f"{value:.3g}", numeric=True),
        Column("value", what, fixed(3), numeric=True),
        Column("low", "from", fixed(3), numeric=True),
        Column("high", "to", fixed(3), numeric=True),
        Column("n_seeds", "seeds", count, numeric=True),
        Column("used", "used"),
    )
    return Table(f"{id}-points", title, frame[[c.name for c in columns]], columns)
