"""Whether the recommended run narrows the deciding interval more for its cost than another one does:
`python -m downlaw.laws.simulation.next_run`.

Studies of two mixtures with random laws. Every candidate run is made, its measurement is added, and the
interval of the difference at the budget is made anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from ..fitted import fit_curves
from ..preposterior import Candidate, Decision, new_points
from .studies import draw_study, part
from .truth import TRUTHS, tokens_of

COMMON = (0.0, 0.5, 0.9)
POINTS = (5, 8)
BUDGET = 4.0
"""In multiples of the largest Dp."""

FINETUNING = 0.1
"""What finetuning costs, as a share of pretraining to the largest Dp."""

LEVEL = 0.9


@dataclass(frozen=True)
class Outcome:
    """Of each study and candidate, (studies, candidates): cost in units of pretraining to the largest Dp,
    width of the deciding interval before, expected and actual width after."""

    cost: np.ndarray
    before: np.ndarray
    expected: np.ndarray
    actual: np.ndarray

    @property
    def per_cost(self) -> np.ndarray:
        """What each run did narrow, as a share of the width before, for its cost."""
        return (1 - self.actual / self.before) / self.cost

    @property
    def recommended(self) -> np.ndarray:
        """What the recommended run of each study did, (studies,)."""
        first = np.argmax((1 - self.expected / self.before) / self.cost, axis=1)
        return self.per_cost[np.arange(len(first)), first]

    @property
    def at_random(self) -> np.ndarray:
        """What a random run of each study does on average, (studies,)."""
        return self.per_cost.mean(axis=1)

    @property
    def best(self) -> np.ndarray:
        """What the best run of each study, known only afterwards, did, (studies,)."""
        return self.per_cost.max(axis=1)

    @property
    def rank_correlation(self) -> float:
        """Of expected and actual width after, mean over studies."""
        return float(
            np.mean([spearmanr(a, b).statistic for a, b in zip(self.expected, self.actual, strict=True)])
        )


def outcome(
    law: str, points: int, noise: float, common: float, studies: int, samples: int, *, seed: int = 1
) -> Outcome:
    """Make every candidate run of `studies` random studies."""
    rng, tokens = np.random.default_rng(seed), tokens_of(points)
    budget = BUDGET * tokens[-1]
    new = [t for _, t in new_points(tokens, budget)]
    kinds = [kind for kind, _ in new_points(tokens, budget)]
    costs = [(t - max(tokens[tokens <= t])) / tokens[-1] + FINETUNING for t in new]
    candidates = [Candidate(number, kind, t) for number in (0, 1) for kind, t in zip(kinds, new, strict=True)]
    rows: list[list[tuple[float, float, float]]] = []
    for _ in range(studies):
        study = draw_study(law, tokens, noise, common, samples, rng, more=np.array(new, dtype=float))
        known = [part(curve, range(points)) for curve in study.curves]
        larger = [part(study.curves[c.number], _with(points, new.index(c.tokens))) for c in candidates]
        fitted = fit_curves([*known, *larger], study.how, n_fit=None, samples=samples)
        if any(each.spread is None for each in fitted):
            continue
        now = Decision((fitted[0], fitted[1]), budget)
        before, row = _width(now), []
        for candidate, again in zip(candidates, fitted[2:], strict=True):
            pair = (again, fitted[1]) if candidate.number == 0 else (fitted[0], again)
            row.append((before, before * now.share_left(candidate), _width(Decision(pair, budget))))
        rows.append(row)
    before, expected, actual = np.moveaxis(np.array(rows), 2, 0)
    return Outcome(np.broadcast_to(np.array(costs * 2), before.shape), before, expected, actual)


def _with(points: int, position: int) -> list[int]:
    return [*range(points), points + position]


def _width(decision: Decision) -> float:
    low, high = decision.estimate.interval(LEVEL)
    return high - low


def table(studies: int, samples: int, noise: float = 0.01) -> Iterator[str]:
    """The Markdown table of docs/valuation.md, line by line as it is ready."""
    head = ["law", "common", "points", "recommended", "at random", "best afterwards", "better than random"]
    head += ["width left, expected", "width left, actual", "rank correlation"]
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for law in TRUTHS:
        for common in COMMON:
            for points in POINTS:
                found = outcome(law, points, noise, common, studies, samples)
                ways = (found.recommended, found.at_random, found.best)
                cells = [law, f"{common:.0%}", str(points), *(f"{np.mean(way):.2f}" for way in ways)]
                cells.append(f"{np.mean(found.recommended > found.at_random):.0%}")
                cells += [f"{np.mean(w / found.before):.0%}" for w in (found.expected, found.actual)]
                yield f"| {' | '.join([*cells, f'{found.rank_correlation:.2f}'])} |"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=100, help="studies a row")
    parser.add_argument("--samples", type=int, default=300, help="bootstrap samples a curve")
    chosen = parser.parse_args(arguments)
    for line in table(chosen.studies, chosen.samples):
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
