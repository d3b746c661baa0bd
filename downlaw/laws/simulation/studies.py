"""Studies of two mixtures with known laws, measured with noise of which a part is common to all points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..curves import Curve, Point
from ..families import Floats
from ..noise import Noise
from ..place import Place
from ..tables import FittedMetric
from .truth import TRUTHS

METRIC_OF = {"log_law": "bleu", "power_law": "cross_entropy"}
MIXTURES = ("a", "b")


@dataclass(frozen=True)
class Study:
    """Two laws, and what was measured on them. truths: in the order of the curves."""

    law: str
    truths: tuple[Place, Place]
    curves: tuple[Curve, Curve]

    @property
    def how(self) -> FittedMetric:
        """How its metric is fitted."""
        return FittedMetric(self.law, TRUTHS[self.law].delta)

    def true_ln(self, number: int, tokens: Sequence[float]) -> Floats:
        """ln(metric) of one of the laws, (m,)."""
        return np.log(self.truths[number].predict(TRUTHS[self.law].family, tokens))


def draw_study(
    law: str,
    tokens: Floats,
    noise: float,
    common: float,
    samples: int,
    rng: np.random.Generator,
    *,
    more: Floats | tuple[float, ...] = (),
) -> Study:
    """Two random laws over Dp `tokens`, (n,), measured there and then at `more`, whose order is kept.

    noise: standard deviation of ln(metric) at a point. common: the share of its variance that all points of
    both curves have in common. samples: draws of the known noise.
    """
    truth, everywhere = TRUTHS[law], np.concatenate([tokens, more])
    truths = (truth.draw(tokens, rng), truth.draw(tokens, rng))
    errors = joint_noise(everywhere.size, noise, common, 1, rng, centred=False)
    known = joint_noise(everywhere.size, noise, common, samples, rng)
    curves = []
    for number, mixture in enumerate(MIXTURES):
        measured = truths[number].predict(truth.family, everywhere) * np.exp(errors[number][0])
        drawn = Noise(known[number], "segments" if common else "given")
        curves.append(curve_of(mixture, METRIC_OF[law], everywhere, measured, drawn))
    return Study(law, truths, (curves[0], curves[1]))


def curve_of(mixture: str, metric: str, tokens: Floats, measured: Floats, noise: Noise) -> Curve:
    """A curve of measured values, (n,), without a baseline."""
    points = tuple(
        Point(int(t), float(value), math.nan, math.nan, 1) for t, value in zip(tokens, measured, strict=True)
    )
    return Curve("task", 1, mixture, metric, points, None, 0, 0, noise)


def joint_noise(
    points: int, noise: float, common: float, draws: int, rng: np.random.Generator, *, centred: bool = True
) -> tuple[Floats, Floats]:
    """Errors of the two curves, (draws, points) each; row b belongs to the same test set in both."""
    shared = math.sqrt(common) * noise * rng.normal(size=(draws, 1))
    own = math.sqrt(1 - common) * noise
    first, second = (shared + own * rng.normal(size=(draws, points)) for _ in MIXTURES)
    if centred:
        first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    return first, second


def part(curve: Curve, points: Sequence[int]) -> Curve:
    """Some points of a curve, with their noise."""
    kept = list(points)
    return replace(curve, points=tuple(curve.points[i] for i in kept), noise=curve.noise.at(kept))
