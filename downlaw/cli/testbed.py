"""`downlaw testbed`: estimators of scaling laws put to a public collection of models."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from downlaw.report.figures import FORMATS, save_figure
from downlaw.testbed import TestbedError, draw, render, run

from .completion import estimator_names
from .errors import CommandError
from .options import CsvOption, FileOption, JsonOption
from .output import Output


class Testbed(StrEnum):
    """Public collections of models with their scores."""

    GADRE2024 = "gadre2024"


def testbed(
    name: Annotated[Testbed, typer.Argument(help="Which collection.")],
    estimator: Annotated[
        str,
        typer.Option(
            "--estimator",
            help="`downlaw`, or `paper`: the published procedure.",
            autocompletion=estimator_names,
        ),
    ] = "downlaw",
    archive: Annotated[
        Path | None,
        typer.Option(
            "--archive",
            help="A local copy, .tar.gz or folder. Fetched from GitHub and kept where none is given.",
            metavar="PATH",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Also draw, into a file (.png, .svg).", metavar="FILE")
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    output: FileOption = None,
) -> None:
    """Predict the large models of a paper from its small ones, and show the errors.

    Example: downlaw testbed gadre2024 --estimator paper
    """
    out = Output(as_json, as_csv, output)
    if plot is not None and plot.suffix.removeprefix(".") not in FORMATS:
        raise CommandError(f"--plot {plot}: a file ends in .{' or .'.join(FORMATS)}")
    try:
        scores = run(archive, estimator)
    except TestbedError as error:
        raise CommandError(str(error)) from None
    if plot is not None:
        save_figure(draw(scores), plot)
    out.write(scores.runs, lambda _: render(scores), records=scores.as_records)
