"""`downlaw report`: a study as one HTML page, from whatever tables there are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from downlaw.report.page import State, write_page
from downlaw.study import StudyError, load_study

from .errors import CommandError, note


def report(
    results: Annotated[Path, typer.Argument(help="The results folder of a study, finished or not.")] = Path(
        "results"
    ),
    output: Annotated[
        Path | None,
        typer.Option("--output", help="The page; report/report.html in the results folder by default."),
    ] = None,
    configfile: Annotated[
        Path | None,
        typer.Option(
            "--configfile", help="The study file, to be shown; by default the one kept beside the page."
        ),
    ] = None,
    figures: Annotated[
        bool,
        typer.Option("--figures/--no-figures", help="Draw the PNG and SVG files that are not there yet."),
    ] = True,
) -> None:
    """Write the page of a study, from the tables of its results folder alone.

    Tables that are not there, or of another version, are named in the page. Without a study file, the one
    that the study's own page, or an archive, kept is shown.

    Nothing is trained, fitted or fetched.

    Example: downlaw report results --output report.html
    """
    output = output or results / "report/report.html"
    if output.suffix.lower() not in (".html", ".htm"):
        raise CommandError(f"--output {output}: the page is HTML; let the name end in .html")
    config = None
    if configfile is not None:
        try:
            config = load_study(configfile).model_dump(mode="json", exclude_unset=True)
        except StudyError as error:
            raise CommandError(f"the study file cannot be read:\n{error}") from None
    written = write_page(
        results, output, config=config, draw=figures, say=lambda line: print(line, file=sys.stderr)
    )
    size = written.page.stat().st_size / 2**20
    print(f"{written.page}: {size:.1f} MiB, {len(written.tables)} tables as CSV beside it")
    for one in written.left_out:
        if one.state == State.MISSING:
            note(f"{one.file} is not there: the study has not come so far")
        else:
            note(f"{one.file} is left out: {one.why}")
