"""A plan as tables and lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from downlaw.durations import duration
from downlaw.study import LmStudy, Study

from .actual import Beside
from .counts import grid_flops
from .estimate import Plan, RulePlan
from .profile import UNLIMITED
from .same_machine import differences
from .throughput import NUMBERS

_LONG = 10**10
"""Tokens from here on are printed in powers of ten."""


def counts_table(made: Plan, bounded: bool) -> Table:
    """One row a rule: jobs, trainings, updates, tokens and FLOPs that are left, and the jobs that are done.

    Args:
        bounded: whether tokens and FLOPs of finetuning are upper bounds.
    """
    begun = made.is_begun
    title = "What is left of this study" if begun else "What this study runs if nothing is done yet"
    table = _table(title, ["jobs", "trainings", "updates", "tokens", "FLOPs", *(["done"] if begun else [])])
    if bounded:
        table.caption, table.caption_justify = (
            "Finetuning fills its updates with at most so many tokens.",
            "left",
        )
    for rule in made.rules:
        table.add_row(rule.whole.rule, *_counts([rule], rule.whole.stage == "finetune", begun))
    table.add_section()
    table.add_row("all", *_counts(made.rules, bounded, begun))
    return table


def times_table(made: Plan) -> Table:
    """One row a rule that has jobs left: the seconds of all of them one after the other and of the longest,
    the memory of the largest, and what they leave on disk. For plans with times."""
    table = _table("What that takes", ["jobs", "time", "longest job", "memory a job", "disk"])
    left = [rule for rule in made.rules if rule.jobs]
    for rule in left:
        table.add_row(rule.whole.rule, *_times([rule]))
    table.add_section()
    table.add_row("all", *_times(left))
    return table


def _table(title: str, headings: list[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("rule", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _counts(rules: list[RulePlan], bounded: bool, begun: bool) -> list[str]:
    jobs, trainings, updates, tokens, flops = (
        sum(getattr(rule, name) for rule in rules)
        for name in ("jobs", "trainings", "updates", "tokens", "flops")
    )
    bound = "≤" if bounded else ""
    cells = [
        f"{jobs:,}",
        f"{trainings:,}" if trainings else "",
        f"{updates:,}" if updates else "",
        f"{bound}{tokens:{',' if tokens < _LONG else '.4g'}}" if tokens else "",
        f"{bound}{flops:.2e}" if flops else "",
    ]
    done = sum(rule.whole.jobs for rule in rules) - jobs
    return [*cells, f"{done:,}" if done else ""] if begun else cells


def _times(rules: list[RulePlan]) -> list[str]:
    return [
        f"{sum(rule.jobs for rule in rules):,}",
        duration(sum(rule.seconds or 0.0 for rule in rules)),
        duration(max((rule.longest_seconds or 0.0 for rule in rules), default=0.0)),
        size(1e6 * max((rule.memory_mb or 0.0 for rule in rules), default=0.0)),
        size(sum(rule.disk_bytes for rule in rules)),
    ]


def print_plan(study: Study | LmStudy, made: Plan, console: Console) -> None:
    """The tables, then what all jobs take together, and where speeds come from."""
    console.print(counts_table(made, bounded=isinstance(study, Study)))
    if made.totals is not None:
        console.print(times_table(made))
    lines = [_grid_line(study)] if isinstance(study, LmStudy) else []
    for line in (*lines, *plan_lines(made), *differences(study, made.speed)):
        console.print(line, highlight=False, markup=False)


def _grid_line(study: LmStudy) -> str:
    flops = grid_flops(study)
    line = f"All runs: {flops['six_n_d']:.3g} FLOPs by 6ND, {flops['exact']:.3g} counted exactly"
    saved = 1 - flops["trained"] / flops["exact"]
    return f"{line}; one trunk a size saves {saved:.0%} of them." if saved > 0 else f"{line}."


def plan_lines(made: Plan) -> Iterator[str]:
    """What is said below the table: the machine, wall time, hours, room, and where speeds come from."""
    if made.is_begun:
        yield (
            "What is done is read from files, as `downlaw status` does; `snakemake --dry-run` has the say."
        )
    if made.trained_again:
        many = f"{made.trained_again:,} done training{'s are' if made.trained_again > 1 else ' is'}"
        yield (
            f"Up to {many} trained again, and counted above: text that is read for the first time may change "
            "what they are trained on."
        )
    if made.totals is None or made.speed is None:
        yield "For times: --calibrate measures this machine, --throughput FILE states speeds (docs/plan.md)."
        return
    totals, speed = made.totals, made.speed
    hours = f"{totals.gpu_hours:,.1f} GPU hours, " if totals.gpu_hours else ""
    yield (
        f"Wall time {duration(totals.wall_seconds)} on {_machine(made)}; {hours}"
        f"{totals.core_hours:,.1f} core hours; never less than {duration(totals.critical_seconds)}, the "
        "longest chain of jobs."
    )
    yield f"Room on disk: {size(made.disk_bytes)} more. Memory: what the largest job of a rule takes."
    for rule in made.rules:
        if rule.memory_mb and rule.asked_memory_mb and rule.memory_mb > rule.asked_memory_mb:
            yield (
                f"Rule {rule.whole.rule} asks a scheduler for {size(rule.asked_memory_mb * 1e6)} a job, and "
                f"may take {size(rule.memory_mb * 1e6)}: see resources.{rule.whole.stage}.memory_mb."
            )
        if rule.gpu_memory_mb:
            yield f"Rule {rule.whole.rule}: about {size(rule.gpu_memory_mb * 1e6)} of memory on each GPU."
    if about := speed.about:
        many = f", {about['side_by_side']} side by side" if about.get("side_by_side", 1) > 1 else ""
        yield f"Speeds: measured with study {about.get('study')} on {about.get('device')}{many}."
    else:
        given = [key for key in NUMBERS if key not in speed.assumed]
        yield f"Speeds: stated {', '.join(given)}; the others are those of the reference (docs/plan.md)."


def _machine(made: Plan) -> str:
    machine = made.machine
    gpus = "" if machine.gpus is None else f" and {machine.gpus} GPU{'s' if machine.gpus > 1 else ''}"
    if machine.is_cluster:
        many = "all jobs that can run" if machine.jobs == UNLIMITED else f"{machine.jobs} jobs"
        return f"a cluster that runs {many} at once{gpus}"
    return f"{machine.cores} core{'s' if machine.cores > 1 else ''}{gpus}"


def actual_table(found: Beside) -> Table:
    """Planned and measured jobs, tokens and seconds of each rule."""
    table = Table(
        title="Planned and measured",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
    )
    rescaled = found.ratio is not None
    shown = [name for name in found.table.columns if rescaled or name != "seconds_rescaled"]
    for name in shown:
        table.add_column(name.replace("_", "\n"), justify="left" if name == "rule" else "right", no_wrap=True)
    last = len(found.table) - 2
    for number, row in enumerate(found.table[shown].itertuples(index=False)):
        if number == last:
            table.add_section()
        table.add_row(*("" if pd.isna(value) else _value(value) for value in row))
    return table


def _value(value: object) -> str:
    if isinstance(value, str):
        return value
    digits = 1 if isinstance(value, float) and value < 100 else 0
    return f"{value:,.{digits}f}"


def size(count: float) -> str:
    """Bytes as MB, GB or TB, in powers of 1,000."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count / 1e6:,.0f} MB"
