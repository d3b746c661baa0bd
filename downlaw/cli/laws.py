"""`downlaw fit` and `downlaw predict`: laws of a table of runs, and what they say of larger Dp."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Group, RenderableType

from downlaw.laws import FAMILIES, Status, fit_runs, predict_runs
from downlaw.laws.bootstrap import DEFAULT_LEVEL
from downlaw.laws.fit import DEFAULT_N_FIT
from downlaw.report.labels import METRIC_LABELS

from .errors import note
from .options import (
    DEFAULT_TABLE,
    ByOption,
    ColumnsOption,
    ConstantsOption,
    CsvOption,
    FileOption,
    FitPointsOption,
    JsonOption,
    LawOption,
    LevelOption,
    MethodOption,
    MetricsOption,
    NoiseOption,
    ResamplesOption,
    TableArgument,
    amount,
    check_level,
    fit_points,
)
from .output import (
    Output,
    as_printed,
    count,
    heading,
    noise_of,
    number,
    percent,
    table_for_people,
    tell_of_noise,
    titled,
    with_interval,
)
from .plots import draw, places_to_draw
from .points import fit_points as laws_of_points
from .points import laws_of, open_points, predictions_of, show_laws, show_predictions, takes_other_inputs
from .tables import Input, open_runs

MOST_PARAMETERS = 2
"""Parameters of a law that a terminal has room for: the last ones, which say more than the level."""

MISFIT = 0.01
"""Noise alone would seldom part points as far from their law as a misfit_p below this says."""


def fit(
    table: TableArgument = DEFAULT_TABLE,
    metric: MetricsOption = None,
    law: LawOption = None,
    by: ByOption = None,
    n_fit: FitPointsOption = None,
    method: MethodOption = "fast",
    noise: NoiseOption = None,
    resamples: ResamplesOption = None,
    level: LevelOption = DEFAULT_LEVEL,
    rivals: Annotated[
        bool, typer.Option("--rivals", help="On a terminal, show the families compared with as well.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Also draw, into a folder or one file (.png, .svg).", metavar="PATH"),
    ] = None,
    column: ColumnsOption = None,
    constant: ConstantsOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    output: FileOption = None,
) -> None:
    """Fit a law to each curve, test it on the larger Dp, and compare it with rival families.

    Example: downlaw fit runs.csv --metric bleu --noise 0.02 --plot figures
    """
    check_level(level)
    points, out = fit_points(n_fit or str(DEFAULT_N_FIT)), Output(as_json, as_csv, output)
    if takes_other_inputs(law):
        some = open_points(table, law, metric, by, column)
        fitted = laws_of_points(some, n_fit=points if n_fit else None, method=method, noise=noise)
        out.write(laws_of(some, fitted), lambda found: show_laws(some, found))
        return
    given = open_runs(
        table,
        metrics=metric,
        law=law,
        resamples=resamples,
        noise=noise,
        columns=column,
        constants=constant,
    )
    places = places_to_draw(given, plot) if plot else []
    found = fit_runs(given.runs, n_fit=points, method=method, level=level, **given.how)
    if plot is not None:
        draw(given, found, places, plot, n_fit=points, level=level)
    tell_of_noise(found[found["role"] == "law"])
    _tell_of_misfits(found[found["misfit_p"] < MISFIT])
    shown = found if rivals else found[found["role"] == "law"]
    out.write(as_printed(found, given), lambda _: _laws(shown, found, given))


def predict(
    table: TableArgument = DEFAULT_TABLE,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            "--budget",
            help="Predict at this many pretraining tokens, as in 2e9, 500M or 10B (repeatable). By default at"
            " 2, 4 and 8 times the largest Dp of each curve.",
            metavar="TOKENS",
        ),
    ] = None,
    metric: MetricsOption = None,
    law: LawOption = None,
    by: ByOption = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            help="With a family of other inputs: where to predict, as in params=7e9,tokens=140B"
            " (repeatable).",
            metavar="NAME=VALUE,...",
        ),
    ] = None,
    n_fit: FitPointsOption = None,
    noise: NoiseOption = None,
    resamples: ResamplesOption = None,
    level: LevelOption = DEFAULT_LEVEL,
    column: ColumnsOption = None,
    constant: ConstantsOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    output: FileOption = None,
) -> None:
    """Predict scores at larger Dp, and show how well held-out points were predicted.

    Rows with an observed value are predicted from the smallest Dp alone, the others from all points.

    Example: downlaw predict runs.csv --metric bleu --budget 10B --noise 0.02
    """
    check_level(level)
    points, out = fit_points(n_fit or str(DEFAULT_N_FIT)), Output(as_json, as_csv, output)
    if takes_other_inputs(law):
        some = open_points(table, law, metric, by, column)
        fitted = laws_of_points(some, n_fit=points if n_fit else None, method="fast", noise=noise)
        out.write(predictions_of(some, fitted, at, level), lambda found: show_predictions(some, found))
        return
    budgets = [round(amount(text, "--budget")) for text in budget or []]
    given = open_runs(
        table,
        metrics=metric,
        law=law,
        resamples=resamples,
        noise=noise,
        columns=column,
        constants=constant,
    )
    found = predict_runs(given.runs, n_fit=points, budgets=budgets or None, level=level, **given.how)
    tell_of_noise(found)
    out.write(as_printed(found, given), lambda _: _predictions(found, given, level))


def _tell_of_misfits(rows: pd.DataFrame) -> None:
    for row in rows.itertuples():
        note(
            f"{row.task}, {row.mixture}, {row.metric}: the points part from their law by more than the noise"
            " explains; the law or the noise is wrong, and intervals are too narrow"
        )


def _laws(shown: pd.DataFrame, found: pd.DataFrame, given: Input) -> RenderableType:
    """A table for each task, finetuning size, metric and family."""
    tables = []
    keys = ["task", "finetune_pairs", "metric", "law"]
    for (task, pairs, metric, law), rows in shown.groupby(keys, sort=False):
        family = FAMILIES[law]
        names = [each.name for each in family.parameters if not each.derived][-MOST_PARAMETERS:]
        columns = {"mixture": "fold", "status": "fold"}
        columns |= dict.fromkeys([*names, "points", "held-out", "best"], "right")
        title = f"{heading(task, pairs, metric, given)}, {law}: {family.formula}"
        view = table_for_people(columns)
        for row in rows.to_dict("records"):
            view.add_row(
                row["mixture"],
                row["status"],
                *(_parameter(row, name) for name in names),
                f"{row['n_fit']} + {row['n_held_out']}",
                percent(row["held_out_error"]),
                _best(row, found),
            )
        tables.append(titled(title, view, _how(rows)))
    return Group(*tables)


def _parameter(row: dict, name: str) -> str:
    value = row[name]
    if pd.isna(value):
        return ""
    if row["interval_status"] != "ok":
        return number(value)
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return with_interval(
        value, float("-inf") if pd.isna(low) else low, float("inf") if pd.isna(high) else high
    )


def _best(row: dict, found: pd.DataFrame) -> str:
    """The family that predicts each next point of this curve best."""
    place = ["task", "finetune_pairs", "mixture", "metric"]
    same = (found[place] == pd.Series({name: row[name] for name in place})).all(axis=1) & found["best"]
    return found.loc[same, "law"].iloc[0] if same.any() else ""


def _how(rows: pd.DataFrame) -> str:
    said = ["points: fitted + held out; held-out: mean error; best: family that best predicts the next point"]
    with_noise = rows[rows["interval_status"] == "ok"]
    if not with_noise.empty:
        said.append(f"[ ]: {with_noise['interval_level'].iloc[0]:.0%} interval; {noise_of(with_noise)}")
    return "\n".join(said)


def _predictions(found: pd.DataFrame, given: Input, level: float) -> RenderableType:
    tables = []
    for (task, pairs, metric, law), rows in found.groupby(
        ["task", "finetune_pairs", "metric", "law"], sort=False
    ):
        decimals = METRIC_LABELS[metric].decimals + 1
        columns = {"mixture": "fold", "Dp": "right", "law of": "left"}
        columns |= dict.fromkeys(["observed", "predicted", "a measurement"], "right") | {"status": "fold"}
        caption = f"[ ]: {level:.0%} interval, of the law and of a measurement there; {noise_of(rows)}"
        view = table_for_people(columns)
        previous = None
        for row in rows.to_dict("records"):
            if previous not in (None, row["mixture"]):
                view.add_section()
            by_design = row["fitted"] == "all" and row["status"] == Status.NO_HELD_OUT
            low, high = (number(row[f"measured_{end}"], decimals) for end in ("low", "high"))
            view.add_row(
                row["mixture"] if row["mixture"] != previous else "",
                count(row["pretrain_tokens"]),
                f"{row['n_fit']} smallest" if row["fitted"] == "smallest" else "all points",
                number(row["observed"], decimals),
                with_interval(row["predicted"], row["low"], row["high"], decimals),
                f"[{low}, {high}]" if low else "",
                "" if by_design else row["status"],
            )
            previous = row["mixture"]
        tables.append(titled(f"{heading(task, pairs, metric, given)}, {law}", view, caption))
    return Group(*tables)
