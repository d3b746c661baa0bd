"""`downlaw plan`, `schema` and `summary`: a study before and after it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from downlaw.laws import read_laws, read_runs
from downlaw.plan import StageCost, as_records, plan
from downlaw.report.summary import print_summary
from downlaw.report.tables import read_comparisons, read_valuations, read_verdicts
from downlaw.study import Study, StudyError, load_study

from .errors import CommandError

ConfigFile = Annotated[Path, typer.Option("--configfile", help="The study to read.")]


def show_plan(
    configfile: ConfigFile = Path("config.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Count a study's jobs, tokens and FLOPs before anything is trained.

    Example: downlaw plan --configfile studies/mine.yaml
    """
    stages = plan(read_study(configfile))
    if as_json:
        print(json.dumps(as_records(stages), indent=2))
        return
    Console().print(_plan_table(stages))


def schema() -> None:
    """Print the JSON schema of a study file, for editors that complete and check YAML.

    Example: downlaw schema > study.schema.json
    """
    print(json.dumps(Study.model_json_schema(), indent=2))


def show_summary(
    results: Annotated[Path, typer.Argument(help="The results folder of a finished study.")] = Path(
        "results"
    ),
) -> None:
    """Show the tables of a finished study again.

    Example: downlaw summary results
    """
    verdicts, valuations = results / "verdicts.csv", results / "valuations.csv"
    comparisons = results / "comparisons.csv"
    try:
        print_summary(
            read_runs(results / "runs.csv"),
            read_laws(results / "laws.csv"),
            verdicts=read_verdicts(verdicts) if verdicts.exists() else None,
            valuations=read_valuations(valuations) if valuations.exists() else None,
            comparisons=read_comparisons(comparisons) if comparisons.exists() else None,
        )
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}; run the study first") from None


def read_study(path: Path) -> Study:
    """The study of a file; ends the command where it cannot run."""
    try:
        return load_study(path)
    except StudyError as error:
        print(f"the study cannot run:\n{error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _plan_table(stages: list[StageCost]) -> Table:
    table = Table(
        title="What this study runs if nothing is done yet",
        caption="Finetuning fills its updates with at most so many tokens.",
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
    table.add_row("all", *_plan_cells(stages, bound="≤"))
    return table


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
        f"{bound}{tokens:,}" if tokens else "",
        f"{bound}{flops:.2e}" if flops else "",
    ]
