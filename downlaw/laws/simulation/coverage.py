"""How often intervals hold the truth: `python -m downlaw.laws.simulation.coverage`.

Curves of random laws with noise of a known size are fitted, all points of them; the law is predicted at
multiples of the largest Dp, and the intervals are compared with the true law there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..bootstrap import bootstrap
from ..fit import fit_many
from ..noise import Noise
from .truth import TRUTHS, tokens_of

POINTS = (4, 6, 8, 12)
NOISES = (0.002, 0.01, 0.03)
HORIZONS = (1, 2, 4, 16)
LEVEL = 0.9


@dataclass(frozen=True)
class Coverage:
    """Of one family, number of points and noise.

    covered: share of curves whose interval holds the true law at each of HORIZONS times the largest Dp.
    width: median width of the interval in ln(metric). measured: share of new measurements at the second
    horizon that their interval holds. exponent: share of intervals of beta or alpha that hold it.
    """

    law: str
    points: int
    noise: float
    covered: tuple[float, ...]
    width: tuple[float, ...]
    measured: float
    exponent: float

    def row(self) -> str:
        """One line of the Markdown table."""
        shares = [f"{share:.0%}" for share in self.covered]
        widths = [f"{width:.1%}" for width in self.width]
        cells = [self.law, f"{self.noise:.1%}", str(self.points), *shares, *widths]
        return f"| {' | '.join([*cells, f'{self.measured:.0%}', f'{self.exponent:.0%}'])} |"


def coverage(
    law: str,
    points: int,
    noise: float,
    curves: int,
    samples: int,
    *,
    known: float | None = None,
    seed: int = 1,
) -> Coverage:
    """Measure coverage on `curves` random laws, with `samples` bootstrap samples each.

    known: the noise that the intervals are made from, where it is not the true one.
    """
    truth, rng = TRUTHS[law], np.random.default_rng(seed)
    tokens = tokens_of(points)
    ahead = tokens[-1] * np.array(HORIZONS)
    drawn = Noise.relative(known or noise, points, draws=samples, seed=seed + 1)
    laws = [truth.draw(tokens, rng) for _ in range(curves)]
    measured = [
        (tokens, place.predict(truth.family, tokens) * np.exp(noise * rng.normal(size=points)))
        for place in laws
    ]
    exponent = "beta" if law == "log_law" else "alpha"
    held, widths, fresh, exponents = [], [], [], []
    for place, fit in zip(
        laws, fit_many(truth.family, measured, objective=truth.objective, n_fit=None), strict=True
    ):
        if fit.place is None:
            continue
        spread = bootstrap(fit, tokens, drawn, samples=samples)
        true = place.predict(truth.family, ahead)
        low, high = spread.interval(ahead, LEVEL)
        held.append((low <= true) & (true <= high))
        widths.append(np.log(high) - np.log(low))
        low, high = spread.measurement_interval(ahead[1:2], LEVEL)
        new = true[1] * np.exp(noise * rng.normal())
        fresh.append(bool(low[0] <= new <= high[0]))
        low, high = spread.parameter_intervals(LEVEL)[exponent]
        exponents.append(bool(low <= place.published(truth.family)[exponent] <= high))
    return Coverage(
        law,
        points,
        noise,
        tuple(np.mean(held, axis=0)),
        tuple(np.median(widths, axis=0)),
        float(np.mean(fresh)),
        float(np.mean(exponents)),
    )


def table(curves: int, samples: int, laws: Sequence[str] = tuple(TRUTHS)) -> Iterator[str]:
    """The Markdown table of docs/uncertainty.md, line by line as it is ready."""
    covered = [f"holds at {each}x" for each in HORIZONS]
    widths = [f"width at {each}x" for each in HORIZONS]
    head = ["law", "noise", "points", *covered, *widths, "new measurement at 2x", "exponent"]
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for law in laws:
        for noise in NOISES:
            for points in POINTS:
                yield coverage(law, points, noise, curves, samples).row()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=int, default=400, help="random laws a row")
    parser.add_argument("--samples", type=int, default=400, help="bootstrap samples a curve")
    parser.add_argument("--laws", nargs="*", default=list(TRUTHS), choices=list(TRUTHS))
    chosen = parser.parse_args(arguments)
    for line in table(chosen.curves, chosen.samples, chosen.laws):
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
