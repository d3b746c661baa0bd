"""The study file that a command reads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from downlaw.study import LmStudy, Study, StudyError, load_study

ConfigFile = Annotated[Path, typer.Option("--configfile", help="The study to read.", metavar="FILE")]


def read_study(path: Path) -> Study | LmStudy:
    """The study of a file; ends the command where it cannot run."""
    try:
        return load_study(path)
    except StudyError as error:
        print(f"the study cannot run:\n{error}", file=sys.stderr)
        raise typer.Exit(1) from None
