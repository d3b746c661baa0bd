"""`downlaw status`: how far a study is, while it runs or after."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from downlaw import status
from downlaw.lm_status import lm_statuses
from downlaw.status import RunStatus
from downlaw.study import LmStudy

from .study import ConfigFile, read_study

_SHOWN = 20
"""So many running and failed trainings are named; --runs names all."""


def show_status(
    configfile: ConfigFile = Path("config.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    list_runs: Annotated[bool, typer.Option("--runs", help="List every training and every run.")] = False,
) -> None:
    """Say of every run whether it is done, running, crashed, diverged or still to do.

    It reads files alone, at any time, and changes nothing.

    Example: downlaw status --configfile studies/mine.yaml --runs
    """
    study = read_study(configfile)
    found = lm_statuses(study) if isinstance(study, LmStudy) else status.statuses(study)
    mixed, errors = status.mixed_versions(found), status.other_errors(study)
    if as_json:
        print(json.dumps(_records(found, mixed, errors), indent=2))
        return
    console = Console()
    console.print(_table(found))
    if list_runs:
        _tell(found, "", None)
    else:
        _tell([run for run in found if run.state == status.RUNNING], "running", _SHOWN)
        _tell([run for run in found if run.state == status.CRASHED], "crashed", _SHOWN)
        _tell(
            [run for run in found if run.state == status.DIVERGED and run.stage != "evaluate"],
            "diverged",
            _SHOWN,
        )
    for job, error in errors.items():
        print(f"failed: {job}: {error}")
    for name, versions in mixed.items():
        print(f"runs were made with {name} {_and([f'{one} ({count:,})' for one, count in versions.items()])}")


def _table(found: Iterable[RunStatus]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("stage", "task", "mixture"):
        table.add_column(heading, no_wrap=True)
    for state in status.STATES:
        table.add_column(state, justify="right", no_wrap=True)
    stage = None
    for (here, task, mixture), counted in status.counts(found).items():
        if stage not in (None, here):
            table.add_section()
        cells = [f"{counted[state]:,}" if counted[state] else "" for state in status.STATES]
        table.add_row("" if stage == here else here, task or "", Text(mixture), *cells)
        stage = here
    return table


def _tell(found: list[RunStatus], heading: str, most: int | None) -> None:
    for run in found[:most]:
        print(f"{heading or run.state}: {_line(run)}")
    if most is not None and len(found) > most:
        print(f"{heading}: {len(found) - most:,} more (--runs lists all)")


def _line(run: RunStatus) -> str:
    where = f", update {run.update:,} of {run.updates:,}"
    if run.state == status.RUNNING:
        return f"{run.name}{where} ({run.reason})"
    if run.state == status.CRASHED:
        on = f"; goes on at update {run.update:,} of {run.updates:,}" if run.update else ""
        return f"{run.name}: {run.reason}{on}"
    return f"{run.name}: {run.reason}" if run.reason else run.name


def _records(
    found: Iterable[RunStatus], mixed: dict[str, dict[str, int]], errors: dict[str, str]
) -> dict[str, Any]:
    found = list(found)
    return {
        "counts": [
            {"stage": stage, "task": task, "mixture": mixture, **{one: counted[one] for one in status.STATES}}
            for (stage, task, mixture), counted in status.counts(found).items()
        ],
        "runs": [vars(run) for run in found],
        "failed_jobs": errors,
        "mixed_versions": mixed,
    }


def _and(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
