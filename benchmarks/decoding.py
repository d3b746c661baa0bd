"""`python -m benchmarks.decoding`: translate with downlaw, fairseq-generate and Hugging Face's generate.

The models and the text are those of a study that has run. Every method translates with the same weights, in
turns, on one core; fairseq-generate needs a process for every model.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from .translating import (
    ALONE,
    METHODS,
    ROOT,
    Agreement,
    BenchmarkError,
    Hypotheses,
    Materials,
    Method,
    Timing,
    agreement,
    run_round,
)

COLUMNS = (
    "beam", "method", "models", "rounds", "whole_wall", "whole_cpu", "inside_wall", "inside_cpu",
    "ratio_whole_wall", "ratio_whole_cpu", "ratio_inside_wall", "ratio_inside_cpu",
    "hypotheses_a_second", "segments", "same", "cut", "missing", "different", "bleu",
)  # fmt: skip


def row(
    beam: int, method: Method, timing: Timing, fairseq: Timing, found: Agreement, bleu: float, models: int
) -> dict[str, Any]:
    """A row of the table: medians over rounds; a ratio is fairseq-generate's seconds over the method's."""
    values: dict[str, Any] = {"beam": beam, "method": method.name, "models": models, "bleu": bleu}
    for part in ("whole", "inside"):
        for kind in ("wall", "cpu"):
            mine, theirs = getattr(timing, part)[kind], getattr(fairseq, part)[kind]
            values[f"{part}_{kind}"] = median(mine)
            values[f"ratio_{part}_{kind}"] = median(a / b for a, b in zip(theirs, mine, strict=True))
            values["rounds"] = len(mine)
    values["segments"] = found.segments // models
    values["hypotheses_a_second"] = values["segments"] / values["inside_wall"]
    return values | {name: getattr(found, name) for name in ("same", "cut", "missing", "different")}


def print_rows(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(
        title=f"beam {rows[0]['beam']}: seconds a model (how many times faster than fairseq-generate)",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("method", no_wrap=True)
    for heading in ("whole", "CPU", "inside", "CPU", "hyp./s"):
        table.add_column(heading, justify="right")
    for heading in ("same", "cut", "none", "other", "BLEU"):
        table.add_column(heading, justify="right")
    for each in rows:
        seconds = [
            f"{each[key]:.2f} ({each[f'ratio_{key}']:.1f})"
            for key in ("whole_wall", "whole_cpu", "inside_wall", "inside_cpu")
        ]
        counts = [str(each[name]) for name in ("same", "cut", "missing", "different")]
        speed = f"{each['hypotheses_a_second']:.0f}"
        table.add_row(each["method"], *seconds, speed, *counts, f"{each['bleu']:.3f}")
    console.print(table)


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def main(
    configfile: Annotated[Path, typer.Option(help="A study that has run.")] = ROOT / "config.yaml",
    results: Annotated[Path | None, typer.Option(help="Where its results lie, if elsewhere.")] = None,
    models: Annotated[int, typer.Option(min=1, help="Finetuned models to translate with.")] = 3,
    beam: Annotated[list[int] | None, typer.Option(help="Beam; may be given again (1 and 4).")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, the methods in turns.")] = 3,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    alone: Annotated[
        bool, typer.Option("--alone/--no-alone", help="Compare with one source a batch, too: minutes.")
    ] = False,
    csv_path: Annotated[Path | None, typer.Option("--csv", help="Write the tables here as CSV.")] = None,
) -> None:
    """Translate the test set of a study that has run with downlaw, fairseq-generate and Hugging Face."""
    console, rows = Console(width=140), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            materials = Materials(configfile, results, models, folder)
            for width in beam or (1, 4):
                rows += compare(console, materials, width, rounds, device, alone, folder)
        except BenchmarkError as error:
            console.print(f"error: {error}")
            raise typer.Exit(1) from None
    if csv_path:
        with csv_path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


def compare(
    console: Console, materials: Materials, beam: int, rounds: int, device: str, alone: bool, folder: Path
) -> list[dict[str, Any]]:
    """Rows of one beam; with `alone`, what fairseq-generate and downlaw give one source at a time."""
    job, models = materials.job(beam, device), materials.models
    timings = {method: Timing() for method in (*METHODS, *ALONE)}
    found: dict[Method, list[Hypotheses]] = {}
    with console.status(f"beam {beam}"):
        for _ in range(rounds):
            for method in METHODS:
                found[method] = run_round(method, models, job, folder, timings[method])
        if alone:
            for method in ALONE:
                found[method] = run_round(method, models, job, folder, timings[method])
    ours, bounds = found[METHODS[2]], materials.bounds()
    rows = []
    for method, hypotheses in found.items():
        fairseq = timings[METHODS[0] if method in METHODS else ALONE[0]]
        agreed = agreement(ours, hypotheses, bounds)
        rows.append(
            row(beam, method, timings[method], fairseq, agreed, materials.bleu(hypotheses), len(models))
        )
    print_rows(console, rows)
    return rows


if __name__ == "__main__":
    from .__main__ import one_core

    one_core()
    app(prog_name="python -m benchmarks.decoding")
