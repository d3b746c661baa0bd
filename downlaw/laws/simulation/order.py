"""Size and power of the test of order: `python -m downlaw.laws.simulation.order`.

Noise of 2% of which one test set gives 80% of the variance to all points alike, known as such, and taken as
independent.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from ..families import Floats
from ..monotonic import p_monotone
from ..noise import Noise
from .truth import tokens_of
from .verdicts import POINTS, errors

SD, SHARED, ALPHA = 0.02, 0.8, 0.05
CURVES_A_NOISE = 200
"""Curves tested with one set of draws: a new one for every so many, as the draws err too."""


def shapes(points: int) -> dict[str, Floats]:
    """ln(metric) of true curves, (points,) each, by name."""
    x = np.linspace(0, 1, points)
    return {
        "level": 0 * x,
        "rising by 2%": 0.02 * x,
        "falling by 2%": -0.02 * x,
        "falling by 4%": -0.04 * x,
        "up and down by 4%": 0.04 * (1 - 2 * np.abs(x - 0.5)),
        "4% between neighbours": 0.02 * (-1.0) ** np.arange(points),
        "rising by 10%, one point 4% low": 0.1 * x - 0.04 * (np.arange(points) == points // 2),
    }


def rejected(curve: Floats, *, known: bool, n_curves: int, seed: int = 1) -> float:
    """Share of measurements of a true curve, (points,), of which the test says that it falls."""
    rng, n = np.random.default_rng(seed), curve.size
    tokens, p_values = tokens_of(n), []
    for _ in range(max(1, n_curves // CURVES_A_NOISE)):
        noise = Noise(errors(n, SD, SHARED if known else 0.0, 1000, rng), "given")
        measured = curve + errors(n, SD, SHARED, CURVES_A_NOISE, rng)
        p_values.append(p_monotone(tokens, np.exp(measured), noise))
    return float(np.mean(np.concatenate(p_values) < ALPHA))


def table(n_curves: int) -> Iterator[str]:
    """The Markdown table of docs/verdicts.md, line by line as it is ready."""
    head = ["true curve", "noise", *(f"{points} points" for points in POINTS)]
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for name in shapes(POINTS[0]):
        for known in (True, False):
            shares = [rejected(shapes(n)[name], known=known, n_curves=n_curves) for n in POINTS]
            cells = [name, "known" if known else "taken as independent", *(f"{each:.1%}" for each in shares)]
            yield f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=int, default=10_000, help="measured curves a cell")
    for line in table(parser.parse_args(arguments).curves):
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
