"""The mixtures of one task side by side: what each scores at a budget, and what it needs for a target."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .estimates import (
    SEARCHED_AHEAD,
    Estimate,
    at_tokens,
    baseline_of,
    best_of,
    ln_tokens_to_reach,
    lower_is_better,
    says_something,
    shares_best,
)
from .fitted import FittedCurve

AT_BUDGET, TO_TARGET = "score at a budget", "tokens to a target"

FAR = 8.0
"""A Dp beyond this multiple of a curve's largest one is called a far extrapolation."""


class Answer(StrEnum):
    """What a row of valuations is worth."""

    OK = "ok"
    FAR = "far extrapolation"
    BELOW = "below the points"
    NOT_REACHED = "not reached"
    NO_LAW = "no law"
    VOID = "void"


@dataclass(frozen=True)
class Contender:
    """One mixture in a comparison. flops: a token's."""

    fitted: FittedCurve
    verdict: str | None
    flops: float
    far: float
    level: float

    @classmethod
    def of(
        cls,
        fitted: FittedCurve,
        words: Mapping[tuple[str, int, str, str], str],
        rates: Mapping[str, float],
        far: float,
        level: float,
    ) -> Contender:
        curve = fitted.curve
        word = words.get((curve.task, curve.finetune_pairs, curve.mixture, curve.metric))
        return cls(fitted, word, rates.get(curve.mixture, math.nan), far, level)

    @property
    def counts(self) -> bool:
        """Whether it takes part in comparisons."""
        return says_something(self.fitted) and self.verdict != "misaligned"

    @property
    def smallest(self) -> float:
        return float(self.fitted.curve.tokens.min())

    @property
    def largest(self) -> float:
        return float(self.fitted.curve.tokens.max())

    def row(self, question: str) -> dict[str, object]:
        """What every row of this mixture says, and why it says no more where it cannot."""
        fit, curve = self.fitted.fit, self.fitted.curve
        row: dict[str, object] = {
            "track": "transfer",
            "task": curve.task,
            "finetune_pairs": curve.finetune_pairs,
            "metric": curve.metric,
            "question": question,
            "mixture": curve.mixture,
            "answer": str(Answer.OK),
            "verdict": self.verdict,
            "law": fit.family.name,
            "n_fit": fit.n_fit,
            "noise": curve.noise.source if curve.noise else None,
            "interval_level": self.level if self.fitted.spread else None,
            "interval_status": self.fitted.interval_status,
            "status": str(fit.status),
        }
        if self.verdict == "misaligned":
            row |= _said(Answer.VOID, "misaligned: the metric does not follow pretraining on this mixture")
            row |= {"interval_level": None, "interval_status": str(Answer.VOID)}
        elif not says_something(self.fitted):
            row |= _said(Answer.NO_LAW, f"the fit is {fit.status}: nothing can be extrapolated")
            row |= {"interval_level": None, "interval_status": str(fit.status)}
        elif self.verdict == "saturated":
            row["reason"] = "saturated: pretraining on this mixture gains nothing over none"
        return row

    def distance(self, tokens: float) -> dict[str, object]:
        """How far a Dp lies ahead, with a warning where that is far."""
        ahead = tokens / self.largest
        row: dict[str, object] = {
            "pretrain_tokens": tokens,
            "pretrain_flops": tokens * self.flops,
            "extrapolation": ahead,
        }
        if ahead > self.far:
            row |= _said(
                Answer.FAR, f"{ahead:.3g} times the largest Dp of the curve; a warning at {self.far:g}"
            )
        return row


@dataclass(frozen=True)
class Comparison:
    """The mixtures of one task and finetuning size, on one metric."""

    contenders: tuple[Contender, ...]
    metric: str
    level: float

    @property
    def common_tokens(self) -> float:
        """The largest Dp that all mixtures with a law have reached."""
        measured = [each for each in self.contenders if each.fitted.curve.points]
        return min((each.largest for each in [e for e in measured if e.counts] or measured), default=math.nan)

    @property
    def best_observed(self) -> float:
        values = [value for each in self.contenders for value in each.fitted.curve.values]
        return float((min if lower_is_better(self.metric) else max)(values, default=math.nan))

    def at_budget(self, tokens: float) -> list[dict[str, object]]:
        """What each mixture scores after that many pretraining tokens."""
        return self._at([tokens] * len(self.contenders), None)

    def at_flop_budget(self, flops: float) -> list[dict[str, object]]:
        """What each mixture scores after the tokens that so many FLOPs of pretraining buy of it."""
        bought = [flops // each.flops for each in self.contenders]
        return self._at(bought, flops)

    def _at(self, bought: Sequence[float], flops: float | None) -> list[dict[str, object]]:
        rows = [each.row(AT_BUDGET) | {"budget_flops": flops} for each in self.contenders]
        estimates: dict[int, Estimate] = {}
        for number, (each, tokens) in enumerate(zip(self.contenders, bought, strict=True)):
            row = rows[number]
            row["pretrain_tokens"] = tokens
            if not each.counts:
                continue
            if tokens < each.smallest:
                row |= {"interval_level": None, "interval_status": None}
                row |= _said(Answer.BELOW, f"the smallest Dp of the curve is {each.smallest:.0f}")
            else:
                row |= each.distance(tokens)
                estimates[number] = at_tokens(each.fitted, tokens)
        self._compare(rows, estimates)
        return rows

    def _compare(self, rows: list[dict[str, object]], estimates: Mapping[int, Estimate]) -> None:
        if not estimates:
            return
        numbers, scores = list(estimates), list(estimates.values())
        shares = shares_best(scores, self.metric) if len(scores) > 1 else [math.nan]
        best = numbers[best_of(scores, self.metric)]
        for number, score, share in zip(numbers, scores, shares, strict=True):
            rows[number] |= self._with_interval("predicted", score)
            rows[number] |= {"best_mixture": rows[best]["mixture"], "share_best": share}
            if number != best:
                rows[number] |= self._with_interval("difference", score.minus(estimates[best]))
            baseline = baseline_of(self.contenders[number].fitted)
            if baseline is not None:
                rows[number] |= {"baseline": baseline.value}
                rows[number] |= self._with_interval("gain", score.minus(baseline))

    def to_target(self, target: float) -> list[dict[str, object]]:
        """The Dp at which each mixture reaches a score, and how many times those of the best mixture."""
        rows = [each.row(TO_TARGET) | {"target": target} for each in self.contenders]
        needed: dict[int, Estimate] = {}
        for number, (each, row) in enumerate(zip(self.contenders, rows, strict=True)):
            if not each.counts:
                continue
            needed[number] = found = ln_tokens_to_reach(each.fitted, target)
            row |= self._tokens(each, found)
        values = [found.value for found in needed.values()]
        if not any(map(math.isfinite, values)) or -math.inf in values:
            return rows  # the best mixture reaches it nowhere, or below its points: nothing to compare with
        best = min(needed, key=lambda number: needed[number].value)
        for number, found in needed.items():
            rows[number]["best_mixture"] = rows[best]["mixture"]
            if number != best:
                rows[number] |= self._with_interval("times_tokens", found.minus(needed[best]), np.exp)
        return rows

    def _tokens(self, each: Contender, found: Estimate) -> dict[str, object]:
        """The Dp of a target, or why there is none."""
        row: dict[str, object] = {}
        if found.draws is not None:
            row["share_reached"] = float(np.mean(found.draws < np.inf))
            row["interval_status"] = _open_ends(*found.interval(self.level))
        row |= self._with_interval("pretrain_tokens", found, np.exp)
        if found.value == -math.inf:
            smallest = f"{each.smallest:.0f}"
            return row | _said(Answer.BELOW, f"reached at the smallest Dp of the curve already, {smallest}")
        if found.value == math.inf:
            return row | _said(Answer.NOT_REACHED, f"not within {SEARCHED_AHEAD:g} times the largest Dp")
        return row | each.distance(round(math.exp(found.value)))

    def _with_interval(
        self, name: str, estimate: Estimate, scale: Callable[[float], float] = float
    ) -> dict[str, object]:
        """A number and its interval as cells; what is not finite has none."""
        low, high = estimate.interval(self.level)
        pairs = {name: estimate.value, f"{name}_low": low, f"{name}_high": high}
        return {key: float(scale(value)) for key, value in pairs.items() if math.isfinite(value)}


def _open_ends(low: float, high: float) -> str:
    """Which ends of an interval of Dp lie beyond what was searched; "ok" where none does."""
    if math.isfinite(low) and math.isfinite(high):
        return "ok"
    if math.isfinite(low):
        return "no upper end"
    return "no lower end" if math.isfinite(high) else "no ends"


def _said(answer: Answer, reason: str) -> dict[str, object]:
    return {"answer": str(answer), "reason": reason}
