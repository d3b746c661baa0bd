"""How often verdicts err on curves of a known kind: `python -m downlaw.laws.simulation.verdicts`.

Each curve has a true score at each Dp and at the baseline, errors with a known joint distribution, and a
cross-entropy that improves throughout. The span of Dp is the same however many points there are.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from ..curves import Curve, Point
from ..families import FAMILIES, Floats
from ..noise import Noise
from ..place import Place
from ..tables import METRICS
from ..verdicts import Verdict, judge_many
from .truth import tokens_of

POINTS = (4, 6, 8, 12)
NOISES = (0.005, 0.02, 0.05, 0.1)
SHARED = (0.0, 0.8)
"""Share of the variance that one test set gives all points of a curve alike."""

BASELINE = 20.0
LOSS_NOISE = 0.005


def _log_law(rise: float) -> Callable[[Floats, np.random.Generator], Floats]:
    def draw(tokens: Floats, rng: np.random.Generator) -> Floats:
        """ln(score / baseline): a log-law of random bend, from 10% above the baseline on."""
        family = FAMILIES["log_law"]
        chart = family.chart((tokens,))
        shape = np.log(Place(chart, 1.0, np.array([0.0, 1.0, rng.uniform(0.2, 0.9)])).predict(family, tokens))
        return np.log(1.1) + np.log(1 + rise) * (shape - shape[0]) / np.ptp(shape)

    return draw


def _line(start: float, end: float) -> Callable[[Floats, np.random.Generator], Floats]:
    def draw(tokens: Floats, rng: np.random.Generator) -> Floats:
        x = _place(tokens)
        return np.log1p(start) * (1 - x) + np.log1p(end) * x

    return draw


def _fluctuating(tokens: Floats, rng: np.random.Generator) -> Floats:
    """20% up and down between neighbours, around 10% above the baseline; the first may be either."""
    side = rng.choice([-0.5, 0.5]) * (-1.0) ** np.arange(tokens.size)
    return np.log(1.1) + np.log(1.2) * side


def _peaked(tokens: Floats, rng: np.random.Generator) -> Floats:
    """Up by 30% by the middle of the span, and down again by the same."""
    return np.log(1.3) * (1 - 2 * np.abs(_place(tokens) - 0.5))


def _late(tokens: Floats, rng: np.random.Generator) -> Floats:
    """At the baseline over half the span, then up by 20%."""
    return np.log(1.2) * np.maximum(0, 2 * _place(tokens) - 1)


def _place(tokens: Floats) -> Floats:
    """ln(Dp) from 0 at the smallest to 1 at the largest."""
    return np.log(tokens / tokens[0]) / np.log(tokens[-1] / tokens[0])


@dataclass(frozen=True)
class Kind:
    """Curves of one kind. draw: tokens, generator -> true ln(score / baseline). right: the verdict they
    deserve. allowed: others that are no false alarm."""

    name: str
    draw: Callable[[Floats, np.random.Generator], Floats]
    right: Verdict
    allowed: frozenset[Verdict] = frozenset({Verdict.INCONCLUSIVE})


KINDS = (
    Kind("log-law, +10%", _log_law(0.1), Verdict.ALIGNED),
    Kind("log-law, +30%", _log_law(0.3), Verdict.ALIGNED),
    Kind("log-law, +100%", _log_law(1.0), Verdict.ALIGNED),
    Kind("falling, -10%", _line(0.1, -0.01), Verdict.MISALIGNED),
    Kind("falling, -30%", _line(0.1, -0.23), Verdict.MISALIGNED),
    Kind("fluctuating by 20%", _fluctuating, Verdict.MISALIGNED),
    Kind("up and down by 30%", _peaked, Verdict.MISALIGNED),
    Kind("at the baseline", _line(0.0, 0.0), Verdict.SATURATED),
    Kind("level, 20% above", _line(0.2, 0.2), Verdict.INCONCLUSIVE),
    Kind(
        "at the baseline, then +20%",
        _late,
        Verdict.INCONCLUSIVE,
        frozenset({Verdict.INCONCLUSIVE, Verdict.ALIGNED}),
    ),
)


def errors(points: int, sd: float, shared: float, count: int, rng: np.random.Generator) -> Floats:
    """Normal errors with standard deviation `sd`, `shared` of the variance common to all: (count, points)."""
    common, own = rng.normal(size=(count, 1)), rng.normal(size=(count, points))
    return sd * (np.sqrt(shared) * common + np.sqrt(1 - shared) * own)


def simulate(
    kind: Kind,
    points: int,
    sd: float,
    shared: float,
    *,
    n_curves: int,
    samples: int,
    seed: int = 1,
    unseen: float = 0.0,
) -> Counter[Verdict]:
    """Verdicts on `n_curves` curves of a kind. unseen: standard deviation of an error of each point that the
    noise does not know of: that between seeds, where there is one, and the noise that of a test set."""
    rng = np.random.default_rng(seed)
    tokens = tokens_of(points)
    source = "segments" if unseen else "given"
    known = Noise(errors(points + 1, sd, shared, 1000, rng), source)
    loss_noise = Noise(errors(points, LOSS_NOISE, shared, 1000, rng), source)
    scores, losses = [], []
    for _ in range(n_curves):
        truth = np.append(kind.draw(tokens, rng), 0.0)
        drawn = truth + errors(points + 1, sd, shared, 1, rng)[0] + unseen * rng.normal(size=points + 1)
        scores.append(_curve("bleu", tokens, BASELINE * np.exp(drawn), known))
        loss = np.log(2 + 0.5 * (tokens / tokens[0]) ** -0.3) + errors(points, LOSS_NOISE, shared, 1, rng)[0]
        losses.append(_curve("cross_entropy", tokens, np.exp(loss), loss_noise))
    judged = judge_many(scores, losses, METRICS["bleu"], samples=samples)
    return Counter(each.verdict for each in judged)


def _curve(metric: str, tokens: Floats, values: Floats, noise: Noise) -> Curve:
    nan = float("nan")
    points = tuple(Point(round(dp), value, nan, nan, 1) for dp, value in zip(tokens, values, strict=False))
    baseline = Point(0, values[-1], nan, nan, 1) if len(values) > len(points) else None
    return Curve("simulated", 1, "mixture", metric, points, baseline, 0, 0, noise)


Cell = tuple[str, float, float, int]
"""Kind, noise, common share and number of points."""


def tables(
    n_curves: int,
    samples: int,
    *,
    kinds: Sequence[Kind] = KINDS,
    noises: Sequence[float] = NOISES,
    shared: Sequence[float] = SHARED,
    unseen: float = 0.0,
) -> Iterator[str]:
    """The two Markdown tables of docs/verdicts.md, line by line as they are ready.

    First the verdicts on each kind in percent, by their first letters; then for each noise the share of
    false alarms of the worst kind, and the mean share of inconclusive verdicts over all kinds that deserve
    another one.
    """
    found: dict[Cell, Counter[Verdict]] = {}
    yield from _head("true curve", "noise", "common")
    for kind in kinds:
        for sd in noises:
            for share in shared:
                for points in POINTS:
                    cell = (kind.name, sd, share, points)
                    found[cell] = simulate(
                        *(kind, points, sd, share),
                        n_curves=n_curves,
                        samples=samples,
                        seed=crc32(repr(cell).encode()),
                        unseen=unseen,
                    )
                cells = [_shares(found[(kind.name, sd, share, points)]) for points in POINTS]
                yield f"| {' | '.join([kind.name, f'{sd:.1%}', f'{share:.0%}', *cells])} |"
    yield ""
    yield from _head("noise", "common")
    for sd in noises:
        for share in shared:
            cells = []
            for points in POINTS:
                rates = [_rates(kind, found[(kind.name, sd, share, points)]) for kind in kinds]
                alarm = max(rate for rate, _ in rates)
                undecided = [rate for _, rate in rates if rate is not None]
                cells.append(f"{alarm:.0%} / {np.mean(undecided):.0%}" if undecided else f"{alarm:.0%}")
            yield f"| {' | '.join([f'{sd:.1%}', f'{share:.0%}', *cells])} |"


def _head(*names: str) -> Iterator[str]:
    head = [*names, *(f"{points} points" for points in POINTS)]
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"


def _shares(found: Counter[Verdict]) -> str:
    shares = {verdict: round(100 * found[verdict] / found.total()) for verdict in Verdict}
    return " ".join(f"{share}{verdict[0]}" for verdict, share in shares.items() if share)


def _rates(kind: Kind, found: Counter[Verdict]) -> tuple[float, float | None]:
    """Share of false alarms, and of inconclusive verdicts where they are not right."""
    total = found.total()
    fine = sum(found[verdict] for verdict in {kind.right, *kind.allowed})
    undecided = None if kind.right is Verdict.INCONCLUSIVE else found[Verdict.INCONCLUSIVE] / total
    return 1 - fine / total, undecided


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=int, default=100, help="curves a cell")
    parser.add_argument("--samples", type=int, default=100, help="refits of a law a curve")
    parser.add_argument("--unseen", type=float, default=0.0, help="sd of errors that the noise misses")
    parser.add_argument("--noises", nargs="*", type=float, default=list(NOISES), help="relative sds")
    parser.add_argument("--shared", nargs="*", type=float, default=list(SHARED), help="common shares")
    chosen = parser.parse_args(arguments)
    for line in tables(
        chosen.curves, chosen.samples, noises=chosen.noises, shared=chosen.shared, unseen=chosen.unseen
    ):
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
