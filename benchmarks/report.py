"""Tables of a benchmark, for a terminal and as CSV."""

from __future__ import annotations

import csv
import math
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .curves import Curve
from .results import Comparison, Run, objective

SHOWN_PARAMETERS = {
    "log_law": ("alpha", "beta"),
    "power_law": ("alpha", "E"),
    "chinchilla": ("alpha", "beta", "E"),
    "overtraining_law": ("eta", "E"),
    "error_law": ("gamma", "eps"),
}
"""Parameters whose recovery is shown; amplitudes follow from them, and are wild where those are loose."""

COLUMNS = (
    "law",
    "objective",
    "method",
    "version",
    "curves",
    "seconds_a_curve",
    "ratio_to_ours",
    "ours_lower",
    "equal",
    "ours_higher",
    "out_of_range",
    "failed",
    "worst_share",
    "worst_curve",
    "recovery_curves",
    "recovery",
    "not_run",
    "note",
)
"""Columns of the CSV file."""

DETAIL_COLUMNS = (
    "law",
    "objective",
    "method",
    "curve",
    "noise",
    "points",
    "seconds",
    "objective_reached",
    "parameters",
    "failure",
)


def machine() -> str:
    """The processor, and the versions that a benchmark's numbers depend on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        model = next(
            (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model
        )
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy"))
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{model}, one of {os.cpu_count()} cores; Python {platform.python_version()}, {versions};"
        f" load before the start {load}"
    )


def objective_label(delta: float) -> str:
    """How an objective is called in the tables."""
    return "least squares" if math.isinf(delta) else f"Huber on logs, delta {delta:g}"


def print_comparisons(console: Console, comparisons: Sequence[Comparison]) -> None:
    """One table for a law and objective; the first row is ours."""
    first = comparisons[0].run
    shown = SHOWN_PARAMETERS[first.law]
    table = _table(f"{first.law}: {objective_label(first.delta)}", "method")
    for heading in ("curves", "s a curve", "x ours", "ours lower", "equal", "ours higher", "failed"):
        table.add_column(heading, justify="right")
    for name in shown:
        table.add_column(f"{name} off by", justify="right")
    for each in comparisons:
        if not each.curves:
            continue
        higher = _share(each.higher, each) + (f" ({each.beyond} out of range)" if each.beyond else "")
        verdicts = [_share(each.lower, each), _share(each.equal, each), higher]
        table.add_row(
            each.run.method,
            str(each.curves),
            _seconds(each.seconds),
            f"{each.ratio:,.3g}" if each.ratio < 100 else f"{each.ratio:,.0f}",
            *(verdicts if each.run is not first else [""] * 3),
            str(each.failed),
            *(_percent(each.recovered.get(name, math.nan)) for name in shown),
        )
    console.print(table)
    _print_not_run(console, [each.run for each in comparisons])


def print_bootstraps(console: Console, runs: Sequence[Run], samples: int) -> None:
    """Processor seconds of fits with bootstrap samples."""
    table = _table(f"fits with {samples:,} bootstrap samples each", "law", "objective", "method")
    for heading in ("curves", "s a curve", "s in all", "failed"):
        table.add_column(heading, justify="right")
    for run in runs:
        if not run.outcomes:
            continue
        seconds = [outcome.seconds for outcome in run.outcomes.values()]
        failed = sum(bool(outcome.failure) for outcome in run.outcomes.values())
        numbers = _seconds(sum(seconds) / len(seconds)), _seconds(sum(seconds)), str(failed)
        table.add_row(run.law, objective_label(run.delta), run.method, str(len(seconds)), *numbers)
    console.print(table)
    _print_not_run(console, runs)


def write_csv(path: Path, comparisons: Iterable[Comparison]) -> None:
    """One row a method and law, with the columns COLUMNS."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for each in comparisons:
            row = {
                "law": each.run.law,
                "objective": objective_label(each.run.delta),
                "method": each.run.method,
                "version": each.run.version,
                "curves": each.curves,
                "not_run": each.run.reason,
                "note": each.run.note,
            }
            if each.curves:
                row |= {
                    "seconds_a_curve": f"{each.seconds:.6g}",
                    "ratio_to_ours": f"{each.ratio:.6g}",
                    "ours_lower": each.lower,
                    "equal": each.equal,
                    "ours_higher": each.higher,
                    "out_of_range": each.beyond,
                    "failed": each.failed,
                    "worst_share": f"{each.worst:.3g}",
                    "worst_curve": each.worst_curve,
                    "recovery_curves": each.known,
                    "recovery": " ".join(f"{name}={share:.4g}" for name, share in each.recovered.items()),
                }
            writer.writerow(row)


def write_details(path: Path, runs: Iterable[Run], curves: dict[str, list[Curve]]) -> None:
    """One row a curve and method: seconds, objective and parameters."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(DETAIL_COLUMNS)
        for run in runs:
            for curve in curves[run.law]:
                found = run.outcomes.get(curve.name)
                if found is None:
                    continue
                reached = objective(curve, found.predicted, run.delta)
                parameters = " ".join(f"{name}={value:.10g}" for name, value in found.parameters.items())
                place = (run.law, objective_label(run.delta), run.method, curve.name, curve.noise)
                numbers = (curve.values.size, f"{found.seconds:.6g}", f"{reached:.17g}")
                writer.writerow((*place, *numbers, parameters, found.failure))


def _table(title: str, *names: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def _print_not_run(console: Console, runs: Iterable[Run]) -> None:
    for run in runs:
        if not run.outcomes:
            console.print(
                f"[red]not run:[/] {run.method}: {run.reason or 'it fitted no curve'}", highlight=False
            )


def _share(count: int, comparison: Comparison) -> str:
    return f"{count / comparison.curves:.0%}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g}" if seconds < 100 else f"{seconds:.0f}"


def _percent(share: float) -> str:
    if math.isnan(share):
        return ""
    return f"{share:.2%}" if share < 0.1 else f"{share:.0%}"
