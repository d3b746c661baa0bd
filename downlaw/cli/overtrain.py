"""`downlaw overtrain`: the loss law and the error law of a table of language models."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from downlaw.files import write_aside
from downlaw.laws import fit_lm_runs, read_lm_resamples, read_lm_runs
from downlaw.laws.downstream_error import DEFAULT_MARGIN
from downlaw.report.lm_figures import write_lm_figures
from downlaw.report.lm_summary import print_lm_summary

from .errors import CommandError, note
from .options import JsonOption, LevelOption, ResamplesOption, check_level

_TABLES = ("laws", "predictions", "tasks", "lines")


def overtrain(
    table: Annotated[Path, typer.Argument(help="One row a run and evaluation, CSV or Parquet.")] = Path(
        "results/lm_runs.csv"
    ),
    resamples: ResamplesOption = None,
    error_loss: Annotated[
        str | None,
        typer.Option(
            help="The evaluation set whose loss the error law reads; default: each training set's own."
        ),
    ] = None,
    task_margin: Annotated[
        float, typer.Option(help="A task counts if a fitted run is this far below the error of guessing.")
    ] = DEFAULT_MARGIN,
    level: LevelOption = 0.9,
    output: Annotated[
        Path | None, typer.Option("--output", help="Also write tables and figures into this folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the laws of Gadre et al. 2024 to the runs marked as cheap, and predict all others.

    The table has columns training_set, model, params, tokens, loss_fit and error_fit (true for the runs that
    a law is fitted to), kind (set or task), evaluation, metric (cross_entropy or error), value and, for
    tasks, chance.

    Example: downlaw overtrain lm_runs.csv --output laws
    """
    check_level(level)
    if not 0 <= task_margin < 1:
        raise CommandError(f"--task-margin {task_margin:g}: give a difference of errors, from 0 to below 1")
    runs = read_lm_runs(table)
    beside = table.with_name("lm_resamples.parquet")
    if resamples is None and beside.exists():
        resamples = beside
    drawn = None if resamples is None else read_lm_resamples(resamples)
    try:
        found = fit_lm_runs(
            runs, resamples=drawn, error_loss=error_loss, task_margin=task_margin, level=level
        )
    except ValueError as error:
        raise CommandError(f"{table}: {error}") from None
    if output is not None:
        for name in _TABLES:
            with write_aside(output / f"{name}.csv") as aside:
                getattr(found, name).to_csv(aside, index=False)
        write_lm_figures(runs, found.laws, found.predictions, found.lines, output)
        note(f"{output}: {', '.join(_TABLES)} and figures written")
    if as_json:
        records = {name: json.loads(getattr(found, name).to_json(orient="records")) for name in _TABLES}
        json.dump(records, sys.stdout, indent=2)
        print()
    else:
        print_lm_summary(runs, found.laws, found.predictions, found.tasks)
