"""`downlaw plan`, `schema` and `summary`: a study before and after it runs."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from downlaw.laws import read_laws, read_lm_runs, read_runs
from downlaw.plan import StageCost, as_records, grid_flops, plan
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
from downlaw.study import TRACKS, LmStudy, Study, StudyError, load_study

from .errors import CommandError


class Track(StrEnum):
    """The keys of TRACKS."""

    transfer = "transfer"
    lm = "lm"


ConfigFile = Annotated[Path, typer.Option("--configfile", help="The study to read.")]


def show_plan(
    configfile: ConfigFile = Path("config.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Count a study's jobs, tokens and FLOPs before anything is trained.

    Example: downlaw plan --configfile studies/mine.yaml
    """
    study = read_study(configfile)
    stages = plan(study)
    if as_json:
        print(json.dumps(as_records(stages), indent=2))
        return
    Console().print(_plan_table(stages, bounded=isinstance(study, Study)))
    if isinstance(study, LmStudy):
        print(_grid_line(study))


def schema(
    track: Annotated[Track, typer.Option("--track", help="The track of the study.")] = Track.transfer,
) -> None:
    """Print the JSON schema of a study file of a track, for editors that complete and check YAML.

    Example: downlaw schema > study.schema.json
    """
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


def read_study(path: Path) -> Study:
    """The study of a file; ends the command where it cannot run."""
    try:
        return load_study(path)
    except StudyError as error:
        print(f"the study cannot run:\n{error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _grid_line(study: LmStudy) -> str:
    flops = grid_flops(study)
    line = f"All runs: {flops['six_n_d']:.3g} FLOPs by 6ND, {flops['exact']:.3g} counted exactly"
    saved = 1 - flops["trained"] / flops["exact"]
    return f"{line}; one trunk a size saves {saved:.0%} of them." if saved > 0 else f"{line}."


def _plan_table(stages: list[StageCost], bounded: bool) -> Table:
    """bounded: whether tokens and FLOPs are upper bounds."""
    table = Table(
        title="What this study runs if nothing is done yet",
        caption="Finetuning fills its updates with at most so many tokens." if bounded else None,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("rule", no_wrap=True)
    for heading in ("jobs", "trainings", "updates", "tokens", "FLOPs"):
        table.add_column(heading, justify="right", no_wrap=True)
    for stage in stages:
        table.add_row(stage.rule, *_plan_cells([stage], bound="≤" if stage.stage == "finetune" else ""))
    table.add_section()
    table.add_row("all", *_plan_cells(stages, bound="≤" if bounded else ""))
    return table


_LONG = 10**10
"""Tokens from here on are printed in powers of ten."""


def _plan_cells(stages: list[StageCost], bound: str) -> list[str]:
    """Jobs, trainings, updates, tokens and FLOPs of stages together; what they have none of is empty."""
    jobs, trainings, updates, tokens, flops = (
        sum(getattr(stage, name) for stage in stages)
        for name in ("jobs", "trainings", "updates", "tokens", "flops")
    )
    return [
        f"{jobs:,}",
        f"{trainings:,}" if trainings else "",
        f"{updates:,}" if updates else "",
        f"{bound}{tokens:{',' if tokens < _LONG else '.4g'}}" if tokens else "",
        f"{bound}{flops:.2e}" if flops else "",
    ]
