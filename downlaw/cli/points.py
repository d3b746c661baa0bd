"""`downlaw fit` and `downlaw predict` with a family of other inputs than pretraining tokens.

Any table will do that has a column for each input and one for the metric.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Group, RenderableType

from downlaw.laws import FAMILIES, METRICS, Family, ScalingLaw, TableError
from downlaw.laws.fit import Method

from .errors import CommandError, note
from .options import amount, pairs
from .output import number, percent, table_for_people, titled, with_interval
from .tables import read_any

DEFAULT_DELTA = 1e-3
"""The Huber threshold of Hoffmann et al. 2022, for a metric that is none of ours."""


@dataclass(frozen=True)
class Points:
    """A table of points for one family: its inputs, one metric, and the columns that tell groups apart."""

    table: pd.DataFrame
    family: Family
    metric: str
    by: tuple[str, ...]

    def groups(self) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
        """Each group's own columns, and its rows."""
        if not self.by:
            yield {}, self.table
            return
        for values, rows in self.table.groupby(list(self.by), sort=True):
            yield dict(zip(self.by, values, strict=True)), rows


def takes_other_inputs(law: str | None) -> bool:
    """Whether a family is fitted to points of a table rather than to curves over pretraining tokens."""
    return law in FAMILIES and FAMILIES[law].inputs != ("pretrain_tokens",)


def open_points(
    path: Path, law: str, metrics: Sequence[str] | None, by: Sequence[str] | None, columns: list[str] | None
) -> Points:
    """Read a table of points as the options say.

    Rows that are marked as not selected or not ok, that lack the metric, or whose input is 0 (a baseline) are
    left out, and counted on standard error. Raises CommandError for options that do not fit the table,
    TableError for a table that is none.
    """
    family, by = FAMILIES[law], tuple(by or ())
    if not metrics or len(metrics) != 1:
        raise CommandError(f"--law {law}: name the column to fit, as in --metric loss")
    metric = metrics[0]
    table = read_any(path, pairs(columns, "--column"))
    for name in (*family.inputs, metric, *by):
        if name not in table.columns:
            there = ", ".join(map(str, table.columns))
            raise CommandError(
                f"{path}: column {name!r} is missing; there are {there}. Name the one that holds it:"
                f" --column {name}=NAME"
            )
    for column in (*family.inputs, metric):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = numbers.isna() & table[column].notna() | np.isinf(numbers) | (numbers < 0)
        if wrong.any():
            line = wrong[wrong].index[0] + 2
            raise TableError(f"{path}, line {line}: {column} is {table[column][line - 2]!r}, not a number")
        table[column] = numbers
    for name in by:  # the mixture of a baseline is empty, and a group of its own
        if table[name].dtype == object:
            table[name] = table[name].fillna("")
    kept = table[metric].notna() & (table[list(family.inputs)] > 0).all(axis=1)
    if "selected" in table.columns:
        kept &= table["selected"].astype(str).str.lower() == "true"
    if "status" in table.columns:
        kept &= table["status"] == "ok"
    if not kept.all():
        note(
            f"{path}: {(~kept).sum()} of {len(kept)} rows without a score or with an input of 0 are left out"
        )
    again = table[kept].duplicated([*family.inputs, *by])
    if again.any():
        line = again[again].index[0] + 2
        raise TableError(
            f"{path}, line {line}: a second row with the same {', '.join(family.inputs)}; average them, or"
            " tell them apart by a column: --by NAME"
        )
    return Points(table[kept], family, metric, by)


def fit_points(
    given: Points, *, n_fit: int | None, method: Method, noise: float | None
) -> list[tuple[dict[str, object], ScalingLaw]]:
    """The law of each group."""
    delta = METRICS[given.metric].delta if given.metric in METRICS else DEFAULT_DELTA
    found = []
    for group, rows in given.groups():
        law = ScalingLaw(given.family.name, delta=delta, n_fit=n_fit, method=method)
        inputs = rows[list(given.family.inputs)].to_numpy(float)
        found.append((group, law.fit(inputs, rows[given.metric].to_numpy(float), noise=noise)))
    return found


def laws_of(given: Points, fitted: Sequence[tuple[dict[str, object], ScalingLaw]]) -> pd.DataFrame:
    """One row a group: the parameters with their intervals, errors and status."""
    rows = []
    for group, law in fitted:
        row = group | {"metric": given.metric, "law": given.family.name}
        for each in given.family.parameters:
            low, high = law.parameter_intervals_.get(each.name, (math.nan, math.nan))
            value = law.parameters_.get(each.name, math.nan)
            row |= {each.name: value, f"{each.name}_low": low, f"{each.name}_high": high}
        row |= {
            "n_fit": law.fit_.n_fit,
            "n_held_out": law.fit_.n_held_out,
            "objective": law.objective_,
            "fit_error": law.fit_error_,
            "held_out_error": law.held_out_error_,
            "on_bound": "; ".join(law.fit_.on_bound),
            "interval_status": law.interval_status_,
            "status": str(law.status_),
        }
        rows.append(row)
    return pd.DataFrame(rows).replace([math.inf, -math.inf], math.nan)


def predictions_of(
    given: Points,
    fitted: Sequence[tuple[dict[str, object], ScalingLaw]],
    places: Sequence[str] | None,
    level: float,
) -> pd.DataFrame:
    """What each group's law says at `places`, each NAME=VALUE,NAME=VALUE."""
    if not places:
        names = ",".join(f"{name}=VALUE" for name in given.family.inputs)
        raise CommandError(f"--law {given.family.name}: say where to predict, as in --at {names}")
    inputs = np.array([_place(text, given.family) for text in places])
    rows = []
    for group, law in fitted:
        empty = np.full(len(inputs), math.nan)
        predicted = law.predict(inputs) if law.fit_.place is not None else empty
        low, high = law.predict_interval(inputs, level) if law.bootstrap_ is not None else (empty, empty)
        for number_, point in enumerate(inputs):
            row = group | {"metric": given.metric, "law": given.family.name}
            row |= dict(zip(given.family.inputs, point, strict=True))
            row |= {"predicted": predicted[number_], "low": low[number_], "high": high[number_]}
            rows.append(row | {"interval_status": law.interval_status_, "status": str(law.status_)})
    return pd.DataFrame(rows)


def show_laws(given: Points, table: pd.DataFrame) -> RenderableType:
    """For people: a line a parameter, for each group."""
    family, tables = given.family, []
    for row in table.to_dict("records"):
        view = table_for_people(
            {"parameter": "left", "estimate": "right", "unit": "left", "fixed by": "fold"}
        )
        for each in family.parameters:
            estimate = with_interval(row[each.name], row[f"{each.name}_low"], row[f"{each.name}_high"])
            if not each.derived and estimate:
                view.add_row(each.name, estimate, each.unit, each.fixed_by)
        group = "".join(f"{name} {row[name]}, " for name in given.by)
        points = f"{row['n_fit']} points fitted, mean error {percent(row['fit_error'])}"
        if row["n_held_out"]:
            points += f"; {row['n_held_out']} held out, {percent(row['held_out_error'])}"
        said = f"status: {row['status']}; {points if row['fit_error'] == row['fit_error'] else 'no law'}"
        tables.append(titled(f"{group}{given.metric}, {family.name}: {family.formula}", view, said))
    return Group(*tables)


def show_predictions(given: Points, table: pd.DataFrame) -> RenderableType:
    """For people: a line a group and place."""
    columns = dict.fromkeys(given.by, "left") | dict.fromkeys([*given.family.inputs, "predicted"], "right")
    view = table_for_people(columns | {"status": "fold"})
    for row in table.to_dict("records"):
        view.add_row(
            *(str(row[name]) for name in given.by),
            *(f"{row[name]:.4g}" for name in given.family.inputs),
            with_interval(row["predicted"], row["low"], row["high"]) if number(row["predicted"]) else "",
            row["status"],
        )
    return Group(titled(f"{given.metric}, {given.family.name}: {given.family.formula}", view, ""))


def _place(text: str, family: Family) -> list[float]:
    given = pairs(text.split(","), "--at")
    if set(given) != set(family.inputs):
        raise CommandError(f"--at {text}: give {' and '.join(family.inputs)}, and nothing else")
    return [amount(given[name], f"--at {name}") for name in family.inputs]
