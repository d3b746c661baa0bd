"""How well the published fit finds a law that is known: `python -m downlaw.laws.recovery`.

Random laws of each family, seven Dp that double from 32,768 on (four fitted, three held out), and noise of
a known size on ln(metric).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .families import FAMILIES, Chart
from .fit import DEFAULT_N_FIT, Status, fit_law

TOKENS = 32_768 * 2.0 ** np.arange(7)
NOISES = (0.0, 0.001, 0.01, 0.05)
COORDINATES = {
    "power_law": (1e-3, [(0.5, 2.0), (0.02, 0.3), (0.1, 1.0)]),
    "log_law": (0.1, [(0.5, 3.5), (0.1, 1.0), (0.1, 0.9)]),
}
"""For each family its delta, and the ranges of level, slope and bend that laws are drawn from."""


@dataclass
class Recovery:
    """What happened to the curves of one family at one size of noise.

    coefficient_errors: |fitted / true - 1| of each coefficient, for fits with status `ok`. held_out_errors:
    of all fits that have one. true_errors: the same for the true law, which only the noise keeps from 0.
    """

    law: str
    noise: float
    statuses: Counter[Status] = field(default_factory=Counter)
    coefficient_errors: dict[str, list[float]] = field(default_factory=dict)
    held_out_errors: list[float] = field(default_factory=list)
    true_errors: list[float] = field(default_factory=list)

    def row(self) -> str:
        """One line of a Markdown table, with medians of the errors."""
        count = self.statuses.total()
        shares = [self.statuses[status] / count for status in (Status.OK, Status.UNIDENTIFIED)]
        shape, other = (f"{np.median(errors):.1%}" for errors in self.coefficient_errors.values())
        held_out, true = (f"{np.median(errors):.4f}" for errors in (self.held_out_errors, self.true_errors))
        cells = [self.law, f"{self.noise:g}", *(f"{share:.0%}" for share in (*shares, 1 - sum(shares)))]
        return f"| {' | '.join([*cells, shape, other, held_out, true])} |"


def recover(law: str, noise: float, curves: int, seed: int = 1) -> Recovery:
    """Fit `curves` random laws of a family, with `noise` as the standard deviation of ln(metric)."""
    family, (delta, ranges) = FAMILIES[law], COORDINATES[law]
    chart = Chart.over(TOKENS[:DEFAULT_N_FIT])
    rng = np.random.default_rng(seed)
    shown = [each.name for each in family.coefficients if each.name != "ln_A"]
    recovery = Recovery(law, noise, coefficient_errors={name: [] for name in shown})
    for _ in range(curves):
        point = np.array([rng.uniform(*bounds) for bounds in ranges])
        residuals = noise * rng.normal(size=TOKENS.size)
        values = np.exp(family.log_predict(point, np.log(TOKENS), chart)[0] + residuals)
        fit = fit_law(family, TOKENS, values, delta=delta)
        recovery.statuses[fit.status] += 1
        if math.isfinite(fit.held_out_error):
            recovery.held_out_errors.append(fit.held_out_error)
        recovery.true_errors.append(float(np.abs(residuals[DEFAULT_N_FIT:]).mean()))
        if fit.status is Status.OK:
            true = family.coefficients_at(point, chart)
            for name in shown:
                recovery.coefficient_errors[name].append(abs(fit.coefficients[name] / true[name] - 1))
    return recovery


def table(curves: int = 100) -> Iterator[str]:
    """The Markdown table of docs/laws.md, line by line as it is ready."""
    yield "| law | noise | ok | unidentified | other | alpha | E or beta | held-out error | of the true law |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for law in COORDINATES:
        for noise in NOISES:
            yield recover(law, noise, curves).row()


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
