"""The end of a study of the over-training track on the terminal: runs, laws, tasks, predictions, and what was
seen in them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from downlaw.laws import check_lm_runs
from downlaw.laws.lm_tables import ERROR, LOSS

from .labels import short_count
from .lm_findings import divergences, doubts, farthest, misses, predicted_said, savings, tasks_told
from .lm_shown import (
    cell_points,
    cells_of,
    coefficients,
    percent,
    shortened,
    source,
    times,
)
from .summary import PIPED_WIDTH

_LAWS = {"overtraining_law": "over-training", "chinchilla": "Chinchilla, rival", "error_law": "error"}
_COLUMN = 12
"""The widest that a name over numbers gets."""
_OTHER_COLUMNS = 54
"""The width of what stands in a table of runs beside losses, but for the name of the model."""
_MODEL = 14
_CELL = ["params", "multiplier_asked", "model"]
_MOST_CELLS = 15
"""As many held-out cells are shown."""


def print_lm_summary(
    runs: pd.DataFrame,
    laws: pd.DataFrame,
    predictions: pd.DataFrame,
    tasks: pd.DataFrame,
    console: Console | None = None,
) -> None:
    """Print runs, laws, tasks and predictions of every training set, and what was seen in them.

    laws, predictions, tasks: of fit_lm_runs. Without a `console` it goes to standard output, 100 columns wide
    where that is no terminal. Raises TableError where the table of runs is no such table.
    """
    if console is None:
        console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    runs = check_lm_runs(runs)
    for name in runs["training_set"].unique():
        here, mine, asked, predicted = (
            table[table["training_set"] == name] for table in (runs, laws, tasks, predictions)
        )
        mine = mine.sort_values("evaluation_set", key=lambda sets, name=name: sets != name, kind="stable")
        mine = mine.sort_values("metric", key=lambda metrics: metrics != LOSS, kind="stable")
        own = own_predictions(name, mine, predicted)
        sets = _evaluation_sets(name, mine)
        _heading(console, f"{name}: runs", _how_to_read(here, mine))
        console.print(runs_table(here, name, sets, mine))
        _heading(
            console, f"{name}: laws", "Points: fitted + held out. Errors: mean |ln predicted - ln observed|."
        )
        console.print(laws_table(mine))
        _bullets(console, _coefficients(mine))
        if len(asked):
            _heading(console, f"{name}: tasks")
            _bullets(console, tasks_told(asked))
        if own["predicted"].notna().any():
            _heading(console, f"{name}: held-out runs", _how_predicted(own))
            console.print(predictions_table(own))
        _heading(console, f"{name}: what was seen", "In these models, at their size.")
        _bullets(console, [*farthest(own), *misses(mine, own, name), *doubts(mine, here), *divergences(here)])
    said = [*across(laws), *savings(runs)]
    if said:
        _heading(console, "all training sets")
        _bullets(console, said)


def _heading(console: Console, text: str, note: str = "") -> None:
    console.print(Text(text, style="bold"))
    if note:
        console.print(Text(note, style="dim"))


def _bullets(console: Console, sentences: Iterable[str]) -> None:
    for sentence in sentences:
        console.print(Text(f"- {sentence}"))
    console.print()


def _evaluation_sets(training_set: str, laws: pd.DataFrame) -> list[str]:
    """Those with a law of loss, the training set's own first."""
    names = list(dict.fromkeys(laws.loc[laws["metric"] == LOSS, "evaluation_set"]))
    return sorted(names, key=lambda name: name != training_set)


def own_predictions(training_set: str, laws: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions of loss on the training set's own text, or else on the first, and of error."""
    own = _evaluation_sets(training_set, laws)[:1]
    loss = (predictions["metric"] == LOSS) & predictions["evaluation_set"].isin(own)
    return predictions[loss | (predictions["metric"] == ERROR)]


def _how_to_read(runs: pd.DataFrame, laws: pd.DataFrame) -> str:
    said = "N: parameters. M: tokens for each. D: tokens read. Loss: nats a token."
    if entering := _tasks(laws):
        said += f" Error: mean of {len(entering)} {'task' if len(entering) == 1 else 'tasks'}."
    seeds = runs.drop_duplicates(["model", "multiplier_asked", "seed"])
    several = seeds.groupby(["model", "multiplier_asked"]).size().max() > 1
    return said + (" Means over seeds." if several else "")


def _tasks(laws: pd.DataFrame) -> list[str]:
    named = laws.loc[laws["metric"] == ERROR, "tasks"].dropna()
    return str(named.iloc[0]).split("; ") if len(named) else []


def runs_table(runs: pd.DataFrame, training_set: str, sets: Sequence[str], laws: pd.DataFrame) -> Table:
    """The cells of one training set: sizes, losses on as many evaluation sets as fit, and average error."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    cells, tasks = cells_of(runs, training_set), _tasks(laws)
    model = min(_MODEL, max(cell_len(name) for name in ["model", *runs["model"]]))
    table.add_column("model", overflow="fold", min_width=model, max_width=_MODEL)
    for heading in ("N", "M", "D"):
        table.add_column(heading, justify="right", no_wrap=True)
    scores = [cell_points(cells, [name], LOSS) for name in _fitting(sets, model)]
    for name in _fitting(sets, model):
        heading = f"loss on {shortened(name, 2 * _COLUMN)}"
        table.add_column(heading, justify="right", overflow="fold", min_width=6, max_width=_COLUMN)
    if tasks:
        scores.append(cell_points(cells, tasks, ERROR))
        table.add_column("error", justify="right", no_wrap=True)
    table.add_column("fitted by", no_wrap=True)
    keys = ["model", "multiplier_asked"]
    scores = [each.set_index(keys)["value"] for each in scores]
    previous = None
    order = cells.grid.sort_values(["params", "multiplier_asked"], kind="stable")
    for cell in order.itertuples():
        values = [each.get((cell.model, cell.multiplier_asked), math.nan) for each in scores]
        fitted = [law for law, on in (("loss", cell.loss_fit), ("error", tasks and cell.error_fit)) if on]
        table.add_row(
            cell.model if cell.model != previous else "",
            short_count(cell.params) if cell.model != previous else "",
            f"{cell.multiplier_asked:g}",
            short_count(cell.tokens),
            *("" if math.isnan(value) else f"{value:.3f}" for value in values),
            "diverged" if cell.diverged else " + ".join(fitted) or "held out",
        )
        previous = cell.model
    return table


def _fitting(sets: Sequence[str], model: int) -> list[str]:
    """As many evaluation sets as leave room for the rest of a table of runs, at least one."""
    room, found = PIPED_WIDTH - _OTHER_COLUMNS - model, []
    for name in sets:
        room -= 2 + min(_COLUMN, max(len("loss on"), cell_len(name)))
        if room < 0 and found:
            break
        found.append(name)
    return found


def laws_table(laws: pd.DataFrame) -> Table:
    """The laws of one training set, with their rivals."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("law of", overflow="fold", min_width=13)
    table.add_column("law", no_wrap=True)
    table.add_column("status", min_width=len("underdetermined"))
    table.add_column("points", justify="right", no_wrap=True)
    for column in ("fit error", "held-out error"):
        table.add_column(column, justify="right", min_width=8)
    for law in laws.itertuples():
        status = f"{law.status}: {law.reason}" if pd.notna(law.reason) else law.status
        table.add_row(
            f"loss on {law.evaluation_set}" if law.metric == LOSS else "average error",
            _LAWS.get(law.law, law.law),
            status,
            f"{law.n_fit} + {law.n_held_out}",
            *("" if pd.isna(error) else f"{error:.4f}" for error in (law.fit_error, law.held_out_error)),
        )
    return table


def _coefficients(laws: pd.DataFrame) -> Iterator[str]:
    """The coefficients of each law, and once for each family what they are those of."""
    mine, told = laws[laws["role"] == "law"], set()
    for _, law in mine.iterrows():
        values = ", ".join(coefficients(law))
        if not values:
            continue
        if law["law"] not in told:
            yield f"The {_LAWS[law['law']]} law is {source(law['law'])}."
            told.add(law["law"])
        name = f"Loss on {law['evaluation_set']}" if law["metric"] == LOSS else "Average error"
        yield f"{name}: {values}."


def _how_predicted(predictions: pd.DataFrame) -> str:
    said = "Compute: times that of all fitted runs. Off: predicted / measured - 1."
    level = predictions["interval_level"].dropna()
    said += f" Intervals: {100 * level.iloc[0]:g}%." if len(level) else ""
    cells = len(predictions.drop_duplicates(_CELL))
    return said + (
        f"\nThe {_MOST_CELLS} of most compute; all {cells} are in predictions.csv."
        if cells > _MOST_CELLS
        else ""
    )


def predictions_table(predictions: pd.DataFrame) -> Table:
    """What was predicted of held-out cells, those of most compute, beside what was measured."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("model", overflow="fold", max_width=_MODEL, min_width=5)
    for heading in ("M", "compute"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("of", no_wrap=True)
    for heading in ("predicted", "measured", "off"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("in interval", no_wrap=True)
    dearest = predictions.drop_duplicates(_CELL).nlargest(_MOST_CELLS, "flops")
    shown = predictions.merge(dearest[_CELL], on=_CELL)
    for (_, multiplier, model), rows in shown.groupby(_CELL, sort=True):
        name, asked = model, f"{multiplier:g}"
        for _, row in rows.iterrows():
            measured = pd.notna(row["observed"])
            inside = "" if pd.isna(row["inside"]) else ("yes" if row["inside"] else "no")
            table.add_row(
                name,
                asked,
                "" if pd.isna(row["times_less_compute"]) else times(row["times_less_compute"]),
                "loss" if row["metric"] == LOSS else "error",
                predicted_said(row) if pd.notna(row["predicted"]) else str(row["status"]),
                f"{row['observed']:.3f}" if measured else "no value",
                f"{row['relative_error']:+.1%}" if pd.notna(row["relative_error"]) else "",
                inside,
            )
            name = asked = ""
    return table


def across(laws: pd.DataFrame) -> Iterator[str]:
    """How far the loss law of each training set was off on each evaluation set, and its exponent there."""
    for _, law in laws[(laws["role"] == "law") & (laws["metric"] == LOSS)].iterrows():
        eta = next((each for each in coefficients(law) if each.startswith("eta")), None)
        said = f"no law, {law['status']}" if eta is None else eta
        if pd.notna(law["held_out_error"]):
            count = int(law["n_held_out"])
            points = f"{count} held-out {'point' if count == 1 else 'points'}"
            said += f", {points} missed by {percent(law['held_out_error'])} on average"
        if eta is not None and law["status"] != "ok":
            said += f", {law['status']}"
        yield f"Trained on {law['training_set']}, loss on {law['evaluation_set']}: {said}."
