"""The command: which methods run on which curves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from . import gadre, ours, packages, published, report
from .curves import Curve, curves
from .results import Comparison, Run, compare, run_each

DELTAS = {"log_law": 0.1, "power_law": 1e-3, "chinchilla": 1e-3}
LEAST_SQUARES = math.inf

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def main(
    count: Annotated[int, typer.Option("--curves", min=1, help="Curves of each law.")] = 100,
    limit_s: Annotated[
        float, typer.Option("--limit", help="Processor seconds after which a method starts no new curve.")
    ] = 120.0,
    samples: Annotated[int, typer.Option(help="Bootstrap samples a curve.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the curves.")] = 1,
    law: Annotated[list[str] | None, typer.Option(help="Only this law; may be given again.")] = None,
    gadre_code: Annotated[
        Path | None, typer.Option(help="A checkout of mlfoundations/scaling, or its laws.py.")
    ] = None,
    python: Annotated[
        list[str] | None, typer.Option(help="A Python to make environments from; may be given again.")
    ] = None,
    environments: Annotated[
        Path | None, typer.Option(help="Where environments are kept (the user's cache).")
    ] = None,
    with_packages: Annotated[bool, typer.Option("--packages/--no-packages", help="Install packages.")] = True,
    csv: Annotated[Path | None, typer.Option(help="Write the tables here as CSV.")] = None,
    details: Annotated[Path | None, typer.Option(help="Write every single fit here as CSV.")] = None,
) -> None:
    """Compare downlaw's fitter with public alternatives on the same synthetic curves.

    Times are processor seconds of one core, of fits alone. Example: python -m benchmarks --csv speed.csv
    """
    unknown = sorted(set(law or ()) - set(report.SHOWN_PARAMETERS))
    if unknown:
        raise typer.BadParameter(
            f"no curves of {', '.join(unknown)}; laws: {', '.join(report.SHOWN_PARAMETERS)}"
        )
    console = Console()
    console.print(report.machine())
    made = {name: curves(name, count, seed) for name in law or report.SHOWN_PARAMETERS}
    bench = Bench(made, limit_s, gadre_code, python or [], environments, with_packages)
    found: list[Comparison] = []
    for runs in bench.groups(console):
        found += [compare(run, runs[0], made[run.law]) for run in runs]
        report.print_comparisons(console, found[-len(runs) :])
    if samples:
        report.print_bootstraps(console, bench.bootstraps(console, samples), samples)
    if csv:
        report.write_csv(csv, found)
    if details:
        report.write_details(details, (each.run for each in found), made)


class Bench:
    """Every method on the curves that it can fit, the curves by their law."""

    def __init__(
        self,
        made: dict[str, list[Curve]],
        limit_s: float,
        gadre_code: Path | None,
        pythons: list[str],
        environments: Path | None,
        with_packages: bool,
    ) -> None:
        self.made, self.limit_s, self.gadre_code = made, limit_s, gadre_code
        self.pythons, self.with_packages = pythons, with_packages
        self.environments = environments or packages.default_folder()

    def groups(self, console: Console) -> Iterator[list[Run]]:
        """The runs of each law and objective, ours first."""
        for law, delta in DELTAS.items():
            if law in self.made:
                with console.status(f"{law}, {report.objective_label(delta)}"):
                    yield [*self._ours(law, delta), *self._published(law, delta), *self._huber(law, delta)]
        for law in ("chinchilla", "overtraining_law", "error_law"):
            if law in self.made:
                with console.status(f"{law}, least squares"):
                    yield [*self._ours(law, LEAST_SQUARES), self._squares(law)]

    def bootstraps(self, console: Console, samples: int) -> list[Run]:
        """Fits with bootstrap samples: ours, and the one package that draws samples."""
        stated = [*DELTAS.items(), ("chinchilla", LEAST_SQUARES)]
        with console.status("bootstrap samples"):
            runs = [
                ours.bootstrapped(self.made[law], delta, samples) for law, delta in stated if law in self.made
            ]
            if "chinchilla" in self.made:
                runs.append(self._package(packages.SIMPLE_SCALING_LAWS, "chinchilla", LEAST_SQUARES, samples))
        return runs

    def _ours(self, law: str, delta: float) -> list[Run]:
        chosen = self.made[law]
        return [
            ours.together(chosen, delta),
            ours.alone(chosen, delta, self.limit_s),
            ours.alone(chosen, delta, self.limit_s, paper=True),
        ]

    def _published(self, law: str, delta: float) -> list[Run]:
        runs = []
        for label, options in (("", None), (", tight", published.TIGHT)):
            name = f"L-BFGS-B from {len(published.grid(law))} starts{label}"
            run = Run(name, published.scipy_version(), law, delta)
            run.note = "the published parameters, SciPy's tolerances"
            if options:
                run.note = "the published parameters, " + ", ".join(f"{k} {v:g}" for k, v in options.items())
            runs.append(
                run_each(
                    run,
                    self.made[law],
                    lambda curve, options=options: published.fit(
                        curve.law, curve.inputs, curve.values, delta, options
                    ),
                    self.limit_s,
                )
            )
        return runs

    def _huber(self, law: str, delta: float) -> list[Run]:
        return [self._package(packages.CHINCHILLA, law, delta)] if law == "chinchilla" else []

    def _squares(self, law: str) -> Run:
        if law == "chinchilla":
            return self._package(packages.SIMPLE_SCALING_LAWS, law, LEAST_SQUARES)
        run = Run("code of Gadre et al.", "", law, LEAST_SQUARES)
        if self.gadre_code is None:
            run.reason = "not given; fetch mlfoundations/scaling and name it with --gadre-code"
            return run
        try:
            fitter = gadre.fitters(gadre.load(self.gadre_code))[law]
        except gadre.GadreCodeError as error:
            run.reason = str(error)
            return run
        return run_each(run, self.made[law], fitter, self.limit_s)

    def _package(self, package: packages.Package, law: str, delta: float, samples: int = 0) -> Run:
        run = Run(f"package {package.name}", "", law, delta)
        if not self.with_packages:
            run.reason = "left out by --no-packages"
            return run
        return packages.run_package(
            package,
            self.made[law],
            run,
            folder=self.environments,
            pythons=self.pythons,
            limit_s=self.limit_s,
            samples=samples,
        )
