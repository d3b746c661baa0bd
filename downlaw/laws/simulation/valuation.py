"""How often the interval of a difference holds the truth: `python -m downlaw.laws.simulation.valuation`.

Two mixtures with random laws, compared at multiples of their largest Dp; of the noise a part is common to
all points of both, as on a common test set.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..estimates import Estimate, at_tokens
from ..fitted import fit_curves
from .studies import draw_study
from .truth import TRUTHS, tokens_of

POINTS = (4, 6, 8)
COMMON = (0.0, 0.5, 0.9)
HORIZONS = (1, 2, 4)
LEVEL = 0.9


@dataclass(frozen=True)
class DifferenceCoverage:
    """At each of HORIZONS times the largest Dp: the share of intervals of the difference in ln(metric) that
    hold the true one, their median width, and the median width from draws that are not paired."""

    law: str
    points: int
    noise: float
    common: float
    covered: tuple[float, ...]
    width: tuple[float, ...]
    width_apart: tuple[float, ...]

    def row(self) -> str:
        """One line of the Markdown table."""
        shares = [f"{share:.0%}" for share in self.covered]
        widths = [f"{one:.1%} ({two:.1%})" for one, two in zip(self.width, self.width_apart, strict=True)]
        cells = [self.law, f"{self.noise:.1%}", f"{self.common:.0%}", str(self.points)]
        return f"| {' | '.join([*cells, *shares, *widths])} |"


def coverage(
    law: str, points: int, noise: float, common: float, studies: int, samples: int, *, seed: int = 1
) -> DifferenceCoverage:
    """Measure it on `studies` random studies, with `samples` bootstrap samples each."""
    rng = np.random.default_rng(seed)
    asked = tokens_of(points)[-1] * np.array(HORIZONS)
    held, widths, apart = [], [], []
    drawn = [draw_study(law, tokens_of(points), noise, common, samples, rng) for _ in range(studies)]
    both = fit_curves(
        [curve for study in drawn for curve in study.curves], drawn[0].how, n_fit=None, samples=samples
    )
    for study, *fitted in zip(drawn, both[::2], both[1::2], strict=True):
        if any(each.spread is None for each in fitted):
            continue
        truths = study.true_ln(0, asked) - study.true_ln(1, asked)
        rows = []
        for tokens, true in zip(asked, truths, strict=True):
            first, second = (_ln(at_tokens(each, tokens)) for each in fitted)
            difference = first.minus(second)
            low, high = difference.interval(LEVEL)
            shuffled = Estimate(second.value, rng.permutation(second.draws))
            far_low, far_high = first.minus(shuffled).interval(LEVEL)
            rows.append((low <= true <= high, high - low, far_high - far_low))
        for kept, column in zip((held, widths, apart), zip(*rows, strict=True), strict=True):
            kept.append(column)
    return DifferenceCoverage(
        law,
        points,
        noise,
        common,
        tuple(np.mean(held, axis=0)),
        tuple(np.median(widths, axis=0)),
        tuple(np.median(apart, axis=0)),
    )


def _ln(estimate: Estimate) -> Estimate:
    return Estimate(float(np.log(estimate.value)), np.log(estimate.draws))


def table(studies: int, samples: int, noise: float = 0.01) -> Iterator[str]:
    """The Markdown table of docs/valuation.md, line by line as it is ready."""
    columns = [f"{what} {each}x" for what in ("holds at", "width at") for each in HORIZONS]
    head = ["law", "noise", "common", "points", *columns]
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for law in TRUTHS:
        for common in COMMON:
            for points in POINTS:
                yield coverage(law, points, noise, common, studies, samples).row()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=300, help="studies a row")
    parser.add_argument("--samples", type=int, default=400, help="bootstrap samples a curve")
    chosen = parser.parse_args(arguments)
    for line in table(chosen.studies, chosen.samples):
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
