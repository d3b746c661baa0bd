"""How well a law that is known is found again: `python -m downlaw.laws.simulation.recovery`.

Random laws of each family, seven Dp of which four are fitted and three held out, as in the default study,
with noise of a known size on ln(metric).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..fit import DEFAULT_N_FIT, Method, Status, fit_many
from .truth import TRUTHS, tokens_of

NOISES = (0.0, 0.001, 0.01, 0.05)
POINTS = 7
SHOWN = {"log_law": ("beta", "alpha_pow_beta"), "power_law": ("alpha", "E")}
"""The parameters whose errors are shown, the exponent first."""


@dataclass
class Recovery:
    """What happened to the curves of one family at one size of noise.

    parameter_errors: |fitted / true - 1| of each parameter, for fits with status `ok`. held_out_errors: of
    all fits that have one. true_errors: the same for the true law, which only the noise keeps from 0.
    """

    law: str
    noise: float
    statuses: Counter[Status] = field(default_factory=Counter)
    parameter_errors: dict[str, list[float]] = field(default_factory=dict)
    held_out_errors: list[float] = field(default_factory=list)
    true_errors: list[float] = field(default_factory=list)

    def row(self) -> str:
        """One line of a Markdown table, with medians of the errors."""
        count = self.statuses.total()
        shares = [self.statuses[status] / count for status in (Status.OK, Status.UNIDENTIFIED)]
        exponent, other = (
            f"{np.median(errors):.1%}" if errors else "" for errors in self.parameter_errors.values()
        )
        held_out, true = (f"{np.median(errors):.4f}" for errors in (self.held_out_errors, self.true_errors))
        cells = [self.law, f"{self.noise:g}", *(f"{share:.0%}" for share in (*shares, 1 - sum(shares)))]
        return f"| {' | '.join([*cells, exponent, other, held_out, true])} |"


def recover(law: str, noise: float, curves: int, *, seed: int = 1, method: Method = "fast") -> Recovery:
    """Fit `curves` random laws of a family, with `noise` as the standard deviation of ln(metric)."""
    truth, rng = TRUTHS[law], np.random.default_rng(seed)
    tokens = tokens_of(POINTS, 64.0)
    laws = [truth.draw(tokens, rng) for _ in range(curves)]
    errors = noise * rng.normal(size=(curves, POINTS))
    measured = [
        (tokens, place.predict(truth.family, tokens) * np.exp(error))
        for place, error in zip(laws, errors, strict=True)
    ]
    recovery = Recovery(law, noise, parameter_errors={name: [] for name in SHOWN[law]})
    fits = fit_many(truth.family, measured, objective=truth.objective, method=method)
    for place, error, fit in zip(laws, errors, fits, strict=True):
        recovery.statuses[fit.status] += 1
        if math.isfinite(fit.held_out_error):
            recovery.held_out_errors.append(fit.held_out_error)
        recovery.true_errors.append(float(np.abs(error[DEFAULT_N_FIT:]).mean()))
        if fit.status is Status.OK:
            true = place.published(truth.family)
            for name in SHOWN[law]:
                recovery.parameter_errors[name].append(float(abs(fit.parameters[name] / true[name] - 1)))
    return recovery


def table(curves: int = 400) -> Iterator[str]:
    """The Markdown table of docs/laws.md, line by line as it is ready."""
    yield (
        "| law | noise | ok | unidentified | other | beta or alpha | alpha^beta or E |"
        " held-out error | of the true law |"
    )
    yield "|" + " --- |" * 9
    for law in TRUTHS:
        for noise in NOISES:
            yield recover(law, noise, curves).row()


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
