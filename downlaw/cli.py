"""The `downlaw` command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from downlaw.laws import TableError, read_laws, read_runs
from downlaw.plan import StageCost, as_records, plan
from downlaw.report.summary import print_summary
from downlaw.study import Study, StudyError, load_study

app = typer.Typer(
    help="Downstream scaling laws: which data to pretrain on, and how much.",
    no_args_is_help=True,
    add_completion=True,
)

ConfigFile = Annotated[Path, typer.Option("--configfile", help="The study to read.")]


@app.callback()
def main() -> None:
    """Downstream scaling laws: which data to pretrain on, and how much."""


@app.command("plan")
def show_plan(
    configfile: ConfigFile = Path("config.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Count a study's jobs, tokens and FLOPs before anything is trained.

    Example: downlaw plan --configfile studies/mine.yaml
    """
    stages = plan(_study(configfile))
    if as_json:
        print(json.dumps(as_records(stages), indent=2))
        return
    Console().print(_plan_table(stages))


@app.command()
def schema() -> None:
    """Print the JSON schema of a study file, for editors that complete and check YAML.

    Example: downlaw schema > study.schema.json
    """
    print(json.dumps(Study.model_json_schema(), indent=2))


@app.command("summary")
def show_summary(
    results: Annotated[Path, typer.Argument(help="A results folder with runs.csv and laws.csv.")] = Path(
        "results"
    ),
) -> None:
    """Show the tables of a finished study again.

    Example: downlaw summary results
    """
    try:
        print_summary(read_runs(results / "runs.csv"), read_laws(results / "laws.csv"))
    except OSError as error:
        print(f"{error.filename}: {error.strerror}; run the study first", file=sys.stderr)
        raise typer.Exit(1) from None
    except TableError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def _study(path: Path) -> Study:
    try:
        return load_study(path)
    except StudyError as error:
        print(f"the study cannot run:\n{error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _plan_table(stages: list[StageCost]) -> Table:
    table = Table(title="Plan: what this study trains, if nothing is done yet", title_justify="left")
    table.add_column("stage")
    table.add_column("rule", no_wrap=True)
    for heading in ("jobs", "trainings", "updates", "tokens", "FLOPs"):
        table.add_column(heading, justify="right")
    for stage in stages:
        bound = "at most " if stage.stage == "finetune" else ""
        table.add_row(
            stage.stage,
            stage.rule,
            f"{stage.jobs:,}",
            f"{stage.trainings:,}" if stage.trainings else "",
            f"{stage.updates:,}" if stage.updates else "",
            f"{bound}{stage.tokens:,}" if stage.tokens else "",
            f"{bound}{stage.flops:.2e}" if stage.flops else "",
        )
    table.add_section()
    table.add_row(
        "all", "", f"{sum(s.jobs for s in stages):,}", f"{sum(s.trainings for s in stages):,}",
        f"{sum(s.updates for s in stages):,}", f"at most {sum(s.tokens for s in stages):,}",
        f"at most {sum(s.flops for s in stages):.2e}",
    )  # fmt: skip
    return table
