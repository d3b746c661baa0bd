"""How often the intervals of the over-training track hold the truth:
`python -m downlaw.laws.simulation.overtraining`.

Random loss and error laws are measured at the sizes of Gadre et al. 2024, with noise of a known size on
ln(loss) and ln(error). Both laws are fitted as fit_lm_runs fits them, and read at models far larger.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..bootstrap import spread
from ..cells import CellNoise
from ..downstream_error import ERROR_LAW, error_draws, with_noisy_losses
from ..families import FAMILIES, Floats
from ..noise import Noise
from ..overtraining import LOSS_LAW, CellLaw, measurement_draws

PAPER = ((0.011e9, 20), (0.079e9, 20), (0.154e9, 20), (0.411e9, 20), (0.011e9, 320))
DESIGNS = {
    "5 cells": PAPER,
    "9 cells": (*PAPER, (0.011e9, 80), (0.079e9, 80), (0.154e9, 80), (0.079e9, 320)),
}
"""Params and multiplier of the cells of the loss law: those of the paper, and a fuller grid."""

FOR_ERRORS = ((1.4e9, 20),)
"""What the error law is fitted to besides."""

TARGETS = ((1.4e9, 40), (6.9e9, 20), (1.4e9, 640))
"""20, 237 and 312 times the compute of the 5 cells; 9, 113 and 149 times that of the 9."""

NOISES = (0.002, 0.01)
LEVEL = 0.9
SEEDS, SEEDED = 3, 3
"""Where the noise is estimated: so many seeds, in so many of the cells. The others have one."""

KNOWN, STUDENT, NORMAL = "known", "estimated", "estimated, normal draws"
"""How the level of the noise gets into the intervals; the last as if an estimate were the truth."""


@dataclass(frozen=True)
class Coverage:
    """Of one design, noise and way to know it.

    loss, error: shares of intervals that hold the true law at each of TARGETS, those of the error from
    predicted losses. *_measured: shares of intervals for a measurement that hold a new one. *_width: median
    widths of the law's interval in ln(metric). unidentified: share of loss laws that say so.
    """

    design: str
    noise: float
    level: str
    loss: tuple[float, ...]
    loss_measured: tuple[float, ...]
    loss_width: tuple[float, ...]
    error: tuple[float, ...]
    error_measured: tuple[float, ...]
    error_width: tuple[float, ...]
    unidentified: float

    def row(self) -> str:
        """One line of the Markdown table."""
        cells = [self.design, f"{self.noise:.1%}", self.level]
        for metric in ("loss", "error"):
            for part in ("", "_measured"):
                cells.append(", ".join(f"{100 * share:.0f}" for share in getattr(self, metric + part)) + "%")
            widths = (f"{100 * width:.1f}" for width in getattr(self, f"{metric}_width"))
            cells.append(", ".join(widths) + "%")
        return f"| {' | '.join([*cells, f'{self.unidentified:.0%}'])} |"


def draw_laws(rng: np.random.Generator) -> tuple[dict[str, float], dict[str, float]]:
    """Parameters of a random loss law and error law.

    Floors of 1.6 to 2.4 nats; exponents over N and D of 0.2 to 0.45; half to one and a half nats to be gained
    by size and as much by tokens from the smallest model at M = 20. Errors that fall from 0.75 to 0.95 by 0.1
    to 0.3 at the loss of the 0.411B model, and end above 0.1.
    """
    while True:
        eta = rng.uniform(0.2, 0.45) / 2
        size, tokens = (rng.uniform(0.5, 1.5) for _ in range(2))
        params, multiplier = PAPER[0]
        flops = 6 * params**2 * multiplier
        loss = {"E": rng.uniform(1.6, 2.4), "eta": eta}
        loss |= {"a": size * (flops / multiplier) ** eta, "b": tokens * (flops * multiplier) ** eta}
        gamma, fall = rng.uniform(0.4, 1.2), rng.uniform(0.1, 0.3)
        reference, *ends = losses_of(loss, (PAPER[3], *TARGETS))
        error = {"eps": rng.uniform(0.75, 0.95), "gamma": gamma}
        error["ln_k"] = math.log(fall) + gamma * float(reference)
        if FAMILIES[ERROR_LAW].predict(ends, error).min() > 0.1:
            return loss, error


def losses_of(law: dict[str, float], cells: Sequence[tuple[float, float]]) -> Floats:
    """The loss law at cells of params and multiplier."""
    return FAMILIES[LOSS_LAW].predict(inputs_of(cells), law)


def inputs_of(cells: Sequence[tuple[float, float]]) -> Floats:
    """FLOPs and multiplier of cells, (n, 2)."""
    params, multiplier = np.array(cells, dtype=float).T
    return np.column_stack([6 * params**2 * multiplier, multiplier])


def coverage(design: str, noise: float, level: str, laws: int, samples: int, *, seed: int = 1) -> Coverage:
    """Measure coverage on `laws` random laws, with `samples` bootstrap samples each."""
    rng = np.random.default_rng(seed)
    fitted = len(DESIGNS[design])
    cells = (*DESIGNS[design], *FOR_ERRORS, *TARGETS)
    runs = np.ones(len(cells))
    if level != KNOWN:
        runs[:SEEDED] = SEEDS
    held: dict[str, list[Floats]] = {name: [] for name in ("loss", "error")}
    fresh: dict[str, list[Floats]] = {name: [] for name in held}
    widths: dict[str, list[Floats]] = {name: [] for name in held}
    unidentified = 0
    for number in range(laws):
        loss_law, error_law = draw_laws(rng)
        losses = losses_of(loss_law, cells)
        true = {"loss": losses, "error": FAMILIES[ERROR_LAW].predict(losses, error_law)}
        measured = {
            name: values * np.exp(noise / np.sqrt(runs) * rng.normal(size=len(cells)))
            for name, values in true.items()
        }
        known = {
            name: _noise(noise, runs, level, samples, rng, 2 * number + i) for i, name in enumerate(true)
        }
        law, draws = _fitted(cells, fitted, measured, known, samples)
        unidentified += law.fit.status == "unidentified"
        for name, drawn in draws.items():
            low, high = spread(drawn, LEVEL)
            target = true[name][-len(TARGETS) :]
            held[name].append((low <= target) & (target <= high))
            widths[name].append(np.log(high) - np.log(np.maximum(low, 1e-3)))
            of_targets = known[name].at(slice(-len(TARGETS), None))
            own = CellNoise(of_targets.draws, of_targets.sd, of_targets.source)
            low, high = spread(measurement_draws(drawn, own), LEVEL)
            new = measured[name][-len(TARGETS) :]
            fresh[name].append((low <= new) & (new <= high))
    shares = [
        tuple(float(each) for each in how(found[name], axis=0))
        for name in ("loss", "error")
        for how, found in ((np.mean, held), (np.mean, fresh), (np.median, widths))
    ]
    return Coverage(design, noise, level, *shares, unidentified / laws)


def _noise(sd: float, runs: Floats, level: str, samples: int, rng: np.random.Generator, number: int) -> Noise:
    """What the intervals are told of the noise."""
    freedom = SEEDED * (SEEDS - 1)
    if level != KNOWN:
        sd *= math.sqrt(rng.chisquare(freedom) / freedom)
    return Noise.independent(
        sd / np.sqrt(runs),
        draws=samples,
        seed=1000 + number,
        freedom=freedom if level == STUDENT else None,
    )


def _fitted(
    cells: Sequence[tuple[float, float]],
    fitted: int,
    measured: dict[str, Floats],
    known: dict[str, Noise],
    samples: int,
) -> tuple[CellLaw, dict[str, Floats]]:
    """The loss law, and what both laws of each sample say at TARGETS, (samples, targets)."""
    inputs, first, second = inputs_of(cells), slice(0, fitted), slice(0, fitted + len(FOR_ERRORS))
    law = CellLaw.of(
        FAMILIES[LOSS_LAW], inputs[first], measured["loss"][first], known["loss"].at(first), samples=samples
    )
    losses = measured["loss"][second]
    errors = CellLaw.of(FAMILIES[ERROR_LAW], losses, measured["error"][second])
    noise = with_noisy_losses(errors, losses, known["loss"].at(second), known["error"].at(second))
    errors = errors.spread_by(losses, noise, samples)
    drawn = law.draws(inputs[-len(TARGETS) :])
    return law, {"loss": drawn, "error": error_draws(errors, drawn)}


def table(laws: int, samples: int) -> Iterator[str]:
    """The Markdown table of docs/uncertainty.md, line by line as it is ready."""
    head = ["fitted", "noise", "its level"]
    for metric in ("loss", "error"):
        head += [f"{metric} law holds", f"new {metric} holds", f"width of {metric}"]
    head.append("unidentified")
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for design in DESIGNS:
        for noise in NOISES:
            for level in (KNOWN, STUDENT, NORMAL):
                yield coverage(design, noise, level, laws, samples).row()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--laws", type=int, default=400, help="random laws a row")
    parser.add_argument("--samples", type=int, default=400, help="bootstrap samples a law")
    chosen = parser.parse_args(arguments)
    for line in table(chosen.laws, chosen.samples):
        print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
