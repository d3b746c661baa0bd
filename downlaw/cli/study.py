"""`downlaw schema` and `summary`: what a study file may say, and what a finished study found."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from downlaw.laws import read_laws, read_lm_runs, read_runs
from downlaw.report.lm_summary import print_lm_summary
from downlaw.report.summary import print_summary
from downlaw.report.tables import (
    read_comparisons,
    read_contamination_scores,
    read_lm_laws,
    read_lm_predictions,
    read_lm_tasks,
    read_valuations,
    read_verdicts,
)
from downlaw.study import TRACKS
from downlaw.study.reference import config_reference

from .errors import CommandError


class Track(StrEnum):
    """The keys of TRACKS."""

    transfer = "transfer"
    lm = "lm"


def schema(
    track: Annotated[Track, typer.Option("--track", help="The track of the study.")] = Track.transfer,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print docs/config.md instead: every key of both tracks.")
    ] = False,
) -> None:
    """Print the JSON schema of a study file of a track, for editors that complete and check YAML.

    Example: downlaw schema > study.schema.json
    """
    if markdown:
        print(config_reference(), end="")
        return
    print(json.dumps(TRACKS[track.value].model_json_schema(), indent=2))


def show_summary(
    results: Annotated[Path, typer.Argument(help="The results folder of a finished study.")] = Path(
        "results"
    ),
) -> None:
    """Show the tables of a finished study again.

    Example: downlaw summary results
    """
    runs, lm_runs = results / "runs.csv", results / "lm_runs.csv"
    if not runs.exists() and not lm_runs.exists():
        raise CommandError(f"{results}: neither {runs.name} nor {lm_runs.name} is here; run the study first")
    try:
        if runs.exists():
            _show_transfer(results)
        else:
            print_lm_summary(
                read_lm_runs(lm_runs),
                read_lm_laws(results / "laws.csv"),
                read_lm_predictions(results / "predictions.csv"),
                read_lm_tasks(results / "lm_tasks.csv"),
            )
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}; run the study first") from None


def _show_transfer(results: Path) -> None:
    verdicts, valuations = results / "verdicts.csv", results / "valuations.csv"
    comparisons, without_seen = results / "comparisons.csv", results / "contamination_scores.csv"
    print_summary(
        read_runs(results / "runs.csv"),
        read_laws(results / "laws.csv"),
        verdicts=read_verdicts(verdicts) if verdicts.exists() else None,
        valuations=read_valuations(valuations) if valuations.exists() else None,
        comparisons=read_comparisons(comparisons) if comparisons.exists() else None,
        without_seen=read_contamination_scores(without_seen) if without_seen.exists() else None,
    )
