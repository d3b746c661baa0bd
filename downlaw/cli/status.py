"""`downlaw status`: how far a study is, while it runs or after."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from downlaw import status
from downlaw.look import Look, Looker
from downlaw.report.labels import enumerate_words
from downlaw.status import RunStatus

from .status_curves import curve_lines, legend
from .status_live import watch
from .status_words import failed_line, left_line, run_line, speed_lines
from .study_file import ConfigFile, read_study

_SHOWN = 20
"""So many running and failed trainings are named; --runs names all."""
_SHOWN_LOGS = 5
_SHOWN_CURVES = 40


def show_status(
    configfile: ConfigFile = Path("config.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    list_runs: Annotated[bool, typer.Option("--runs", help="List every training and every run.")] = False,
    list_curves: Annotated[
        bool, typer.Option("--curves", help=f"Show every curve, and not {_SHOWN_CURVES} lines at most.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", "-w", "--watch", help="Look again and again until all is done.")
    ] = False,
    interval: Annotated[
        float,
        typer.Option(
            "--interval",
            help="With --live: seconds from look to look; more where a look takes over a tenth of that.",
            min=0.5,
            metavar="SECONDS",
        ),
    ] = 2.0,
) -> None:
    """Say which points of each curve are done, running, failed or to do, how fast it goes and what is left.

    It reads files alone, at any time, and changes nothing. Start it where the workflow was started.

    Example: downlaw status --configfile studies/mine.yaml --live
    """
    study = read_study(configfile)
    looker = Looker(study)
    if as_json:
        print(json.dumps(_records(looker.look()), indent=2))
        return
    console = Console()
    if console.options.ascii_only:  # a log may hold what this terminal cannot show
        sys.stdout.reconfigure(errors="replace")
    if live and console.is_terminal and not console.is_dumb_terminal:
        look = watch(looker, console, interval)
        if look is None:
            return
    else:
        look = looker.look()
        if live:
            print("note: --live needs a terminal; this is one look", file=sys.stderr)
    _print(look, console, list_runs, list_curves)


def _print(look: Look, console: Console, list_runs: bool, list_curves: bool) -> None:
    ascii_only = console.options.ascii_only
    console.print(_table(look.found))
    most = None if list_curves else _SHOWN_CURVES
    for line in curve_lines(look.curves, console.width, ascii_only, most):
        console.print(line)
    console.print(legend(ascii_only))
    console.print()
    for line in speed_lines(look.paces):
        print(f"speed: {line}")
    print(left_line(look))
    if list_runs:
        for run in look.found:
            print(f"{run.state}: {run_line(run, look)}")
    else:
        _tell("running", [run_line(run, look) for run in _running(look.found)])
        diverged = [run for run in look.found if run.state == status.DIVERGED and run.stage != "evaluate"]
        _tell("diverged", [run_line(run, look) for run in diverged])
    _tell("running", list(look.other_jobs or ()))
    _tell_failures(look, list_runs)
    for name, versions in look.mixed_versions.items():
        told = enumerate_words([f"{one} ({count:,})" for one, count in versions.items()])
        print(f"runs were made with {name} {told}")


def _running(found: Iterable[RunStatus]) -> Iterator[RunStatus]:
    """Runs that are trained, and of each job of evaluation one."""
    jobs: set[str] = set()
    for run in found:
        if run.state == status.RUNNING and (run.updates or run.job not in jobs):
            jobs.add(run.job)
            yield run


def _tell(heading: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        print(f"{heading}: {line}")
    if len(lines) > _SHOWN:
        print(f"{heading}: {len(lines) - _SHOWN:,} more (--runs lists all)")


def _tell_failures(look: Look, all_of_them: bool) -> None:
    """Each failure in a line; of the first ones the end of the log."""
    most = len(look.failures) if all_of_them else _SHOWN
    for place, failure in enumerate(look.failures[:most]):
        print(f"{failure.heading}: {failed_line(failure)}")
        if failure.log is None:
            continue
        print(f"  {failure.log}")
        if place < _SHOWN_LOGS:
            for line in failure.lines:
                print(f"  | {line}")
    if len(look.failures) > most:
        print(f"failed: {len(look.failures) - most:,} more (--runs lists all)")


def _table(found: Iterable[RunStatus]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
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


def _records(look: Look) -> dict[str, Any]:
    return {
        "counts": [
            {"stage": stage, "task": task, "mixture": mixture, **{one: counted[one] for one in status.STATES}}
            for (stage, task, mixture), counted in status.counts(look.found).items()
        ],
        "runs": [vars(run) for run in look.found],
        "curves": [vars(curve) | {"points": list(map(vars, curve.points))} for curve in look.curves],
        "speeds": [
            {
                "kind": pace.kind,
                "running": {folder: vars(speed) for folder, speed in pace.running.items()},
                "finished": pace.finished and vars(pace.finished),
                "measured": pace.measured,
            }
            for pace in look.paces.values()
        ],
        "time_left": vars(look.left),
        "open_metrics": list(look.open_metrics),
        "other_jobs": look.other_jobs,
        "failures": [vars(failure) | {"log": failure.log and str(failure.log)} for failure in look.failures],
        "failed_jobs": {one.name: one.reason for one in look.failures if one.heading == "failed"},
        "mixed_versions": look.mixed_versions,
    }
