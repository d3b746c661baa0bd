"""Why BLEU changed: its logarithm is a sum of parts, and so is the change of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .bleu import ln_bleu_parts

MOST = 2 / 3
"""Parts are named, the largest first, until they make this share of all that pushed BLEU the way it went."""

AGAINST = 1 / 3
"""A part that pushed the other way is named where it undid this share of that."""

_NO_CHANGE = 1e-12
_ORDERS = ("words", "2-grams", "3-grams", "4-grams")


@dataclass(frozen=True)
class BleuChange:
    """The change of ln BLEU from system b to system a, and what it is made of. NaN, with a reason, where BLEU
    is 0 on either side.

    ln_brevity_penalty: change of ln BP. ln_precisions: a quarter of the change of ln p_n, n = 1 to 4. These
    five add up to ln_bleu. smoothed: an order without a match on either side has a precision that smoothing
    made up, and so are the parts of that order. reason: why there are no parts; empty where there are.
    """

    ln_bleu: float
    ln_brevity_penalty: float
    ln_precisions: tuple[float, float, float, float]
    smoothed: bool
    reason: str = ""

    @property
    def why(self) -> str:
        """The parts that moved BLEU most, in words: "shorter output", "fewer matching 4-grams"."""
        if self.reason:
            return self.reason
        if abs(self.ln_bleu) < _NO_CHANGE:
            return "no change"
        parts = (self.ln_brevity_penalty, *self.ln_precisions)
        sign = math.copysign(1.0, self.ln_bleu)
        pushes = [sign * part for part in parts]
        total = sum(push for push in pushes if push > 0)
        named: list[int] = []
        # Equal parts differ in their last digits, and not alike on every processor: the first goes first.
        for part in sorted(range(5), key=lambda i: (-round(pushes[i], 9), i)):
            if pushes[part] > 0 and sum(pushes[i] for i in named) < MOST * total:
                named.append(part)
        said = _words(sorted(named), sign)
        against = [i for i in range(5) if pushes[i] < -AGAINST * total]
        if against:
            said += f", against {_words(against, -sign)}"
        return said + (" (some counts smoothed)" if self.smoothed else "")


def bleu_change(totals_a: ArrayLike, totals_b: ArrayLike) -> BleuChange:
    """Take the change of BLEU from system b to system a apart.

    totals_a, totals_b: sums of BLEU's statistics over the test set, shape (10,) each: hypothesis and
    reference length, matches of orders 1 to 4, n-grams of orders 1 to 4. ln BLEU = ln BP + (ln p_1 + ... +
    ln p_4) / 4 (Papineni et al. 2002, P02-1040), with precisions as sacrebleu smooths them.
    """
    totals = np.array([totals_a, totals_b], dtype=float)
    parts = ln_bleu_parts(totals)
    zero = [name for name, part in zip("ab", parts, strict=True) if np.isinf(part).any()]
    if zero:
        reason = f"BLEU of {' and '.join(zero)} is 0, and has no logarithm"
        return BleuChange(math.nan, math.nan, (math.nan,) * 4, False, reason)
    brevity, *precisions = (parts[0] - parts[1]).tolist()
    smoothed = bool((totals[:, 2:6] == 0).any())
    return BleuChange(brevity + sum(precisions), brevity, tuple(precisions), smoothed)


def _words(parts: list[int], sign: float) -> str:
    said = []
    if 0 in parts:
        said.append("longer output" if sign > 0 else "shorter output")
    orders = [_ORDERS[part - 1] for part in parts if part > 0]
    if orders:
        listed = " and ".join([", ".join(orders[:-1]), orders[-1]] if len(orders) > 1 else orders)
        said.append(f"{'more' if sign > 0 else 'fewer'} matching {listed}")
    return " and ".join(said)
