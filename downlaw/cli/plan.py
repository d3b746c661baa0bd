"""`downlaw plan`: a study before it runs, and what was planned beside what it took."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from downlaw.plan import (
    Machine,
    PlanError,
    Throughput,
    actual_table,
    as_json,
    beside_actual,
    calibrate,
    calibrate_anew,
    differences,
    last_calibration,
    machine_of,
    plan_path,
    plan_study,
    print_plan,
    stated_speeds,
    stored_plan,
    write_beside,
    write_plan,
)
from downlaw.plan.calibration import Say
from downlaw.study import LmStudy, Study

from .errors import CommandError, note
from .study_file import ConfigFile, read_study


def show_plan(
    configfile: ConfigFile = Path("config.yaml"),
    cores: Annotated[int | None, typer.Option(min=1, help="Cores that jobs share. [default: all]")] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="GPUs that jobs share.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Jobs of a cluster at once.")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="Take cores, GPUs and jobs from a Snakemake profile.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--calibrate", help="Measure this machine now, in about a minute.")
    ] = False,
    throughput: Annotated[
        Path | None, typer.Option(help="Speeds of another machine, in a JSON file (docs/plan.md).")
    ] = None,
    as_json_text: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write the plan as JSON here too.")] = None,
    actual: Annotated[
        bool, typer.Option("--actual", help="Set the stored plan beside what the study took.")
    ] = False,
) -> None:
    """Say what a study takes before it is run: jobs, tokens, FLOPs, time, memory and room on disk.

    Counts need nothing. Times need a speed: a calibration of this machine, which is kept, or a file of stated
    speeds. What is done already is left out.

    Example: downlaw plan --configfile studies/mine.yaml --cores 2 --calibrate
    """
    if actual and (throughput or output):
        option = "--throughput" if throughput else "--output"
        raise typer.BadParameter(
            "cannot be given with --actual, which reads the stored plan", param_hint=option
        )
    if measure and throughput:
        raise CommandError("--calibrate and --throughput: take one of them")
    study = read_study(configfile)
    try:
        machine = machine_of(profile, cores, gpus, jobs)
        if actual:
            _show_actual(study, machine, measure, as_json_text)
            return
        made = plan_study(study, machine, _speed(study, machine, measure, throughput))
    except PlanError as error:
        raise CommandError(str(error)) from None
    if output:
        write_plan(output, made)
    if as_json_text:
        print(json.dumps(as_json(made), indent=2))
        for line in differences(study, made.speed):
            note(line)
    else:
        print_plan(study, made, Console())


def _speed(study: Study | LmStudy, machine: Machine, measure: bool, stated: Path | None) -> Throughput | None:
    """Stated, measured now, or measured before; None where there is none of them."""
    if stated:
        return stated_speeds(study, stated)
    if measure:
        with _progress() as say:
            return calibrate_anew(study, machine, say)
    return last_calibration(study)


@contextmanager
def _progress() -> Iterator[Say]:
    """Shows each step of a calibration on standard error, where somebody looks."""
    columns = (SpinnerColumn(), TextColumn("calibrating: {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda line: progress.update(task, description=line)


def _show_actual(study: Study | LmStudy, machine: Machine, measure: bool, as_json_text: bool) -> None:
    before = stored_plan(plan_path(study))
    again = None
    if measure:
        with _progress() as say:
            again = calibrate(study, Machine(before["machine"]["cores"], machine.gpus), say)
    found = beside_actual(study, before, again)
    table = study.results / "plan.csv"
    write_beside(table, found)
    note(f"{table}: written; the report shows it once it is made again: downlaw report")
    if as_json_text:
        print(found.table.to_json(orient="records", indent=2))
        return
    Console().print(actual_table(found))
    for line in found.lines():
        print(line)
