"""What a method made of the curves, and how two methods compare."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .curves import Curve, Floats, predict

SAME_SHARE = 1e-6
"""Two objectives that differ by at most this share are equal ..."""

SAME_RESIDUAL = 1e-7
"""... or by less than residuals of this size amount to: both laws then go through the points."""


@dataclass(frozen=True)
class Outcome:
    """One fit: processor seconds, the parameters by their published names, and the law's values at the
    curve's inputs; or why there is none. on_bound: a bound of our own kept an exponent from going on."""

    seconds: float
    parameters: Mapping[str, float] = field(default_factory=dict)
    predicted: Floats | None = None
    failure: str = ""
    on_bound: bool = False


@dataclass
class Run:
    """One method on curves of one law under one objective, Huber loss of logarithms with `delta`, or least
    squares of the metric where that is infinite.

    reason: why the method was not run at all, where it has no outcomes. note: what readers must know.
    """

    method: str
    version: str
    law: str
    delta: float
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    reason: str = ""
    note: str = ""


def objective(curve: Curve, predicted: Floats | None, delta: float) -> float:
    """The objective of a law's values at a curve's inputs, infinite where one is not a number."""
    if predicted is None or not np.all(np.isfinite(predicted)):
        return math.inf
    if math.isinf(delta):
        return float(0.5 * ((predicted - curve.values) ** 2).sum())
    if predicted.min() <= 0:
        return math.inf
    size = np.abs(np.log(predicted) - np.log(curve.values))
    inside = np.minimum(size, delta)
    return float((inside * (size - 0.5 * inside)).sum())


def run_each(
    run: Run,
    curves: Sequence[Curve],
    fit: Callable[[Curve], Mapping[str, float]],
    limit_s: float,
) -> Run:
    """Fit curve after curve until `limit_s` processor seconds are spent, and keep outcomes in `run`.

    `fit` gives the published parameters. What it raises is that curve's failure.
    """
    spent = 0.0
    for curve in curves:
        if spent > limit_s:
            break
        begun = time.process_time()
        try:
            parameters, failure = fit(curve), ""
        except (ValueError, RuntimeError, ArithmeticError, np.linalg.LinAlgError) as error:
            parameters, failure = {}, f"{type(error).__name__}: {error}"
        seconds = time.process_time() - begun
        spent += seconds
        run.outcomes[curve.name] = outcome(curve, seconds, parameters, failure)
    return run


def outcome(curve: Curve, seconds: float, parameters: Mapping[str, float], failure: str = "") -> Outcome:
    """An outcome whose predicted values follow from the parameters by the published formula."""
    if failure or not parameters:
        return Outcome(seconds, failure=failure)
    return Outcome(seconds, parameters, predict(curve.law, curve.inputs, parameters))


@dataclass(frozen=True)
class Comparison:
    """A method beside ours, over the curves that it finished.

    seconds: mean processor seconds a curve. ratio: how many times ours.
    lower, equal, higher: curves whose objective is lower with ours, equal, higher with ours.
    failed: curves that the method has no law for; they count as lower.
    beyond: curves on which ours is higher and theirs out of our range: a parameter is negative, or ours ended
    on a bound.
    worst: by which share ours is higher on the worst curve.
    recovered: median relative error of each parameter over the `known` curves whose law is known.
    """

    run: Run
    curves: int
    seconds: float = math.nan
    ratio: float = math.nan
    lower: int = 0
    equal: int = 0
    higher: int = 0
    failed: int = 0
    beyond: int = 0
    worst: float = 0.0
    worst_curve: str = ""
    recovered: Mapping[str, float] = field(default_factory=dict)
    known: int = 0


def compare(run: Run, ours: Run, curves: Sequence[Curve]) -> Comparison:
    """Compare a run with ours on the curves that both have outcomes for."""
    shared = [curve for curve in curves if curve.name in run.outcomes and curve.name in ours.outcomes]
    if not shared:
        return Comparison(run, 0)
    counts = {"lower": 0, "equal": 0, "higher": 0}
    beyond, worst, worst_curve = 0, 0.0, ""
    for curve in shared:
        theirs = objective(curve, run.outcomes[curve.name].predicted, run.delta)
        mine = objective(curve, ours.outcomes[curve.name].predicted, run.delta)
        verdict = order(mine, theirs, curve.values, run.delta)
        counts[verdict] += 1
        if verdict == "higher":
            negative = _negative(run.outcomes[curve.name].parameters)
            beyond += negative or ours.outcomes[curve.name].on_bound
        if verdict == "higher" and mine / max(theirs, 1e-300) - 1 > worst:
            worst, worst_curve = mine / max(theirs, 1e-300) - 1, curve.name
    seconds = float(np.mean([run.outcomes[curve.name].seconds for curve in shared]))
    recovered, known = _recovered(run, shared)
    return Comparison(
        run,
        len(shared),
        seconds,
        seconds / float(np.mean([ours.outcomes[curve.name].seconds for curve in shared])),
        **counts,
        failed=sum(run.outcomes[curve.name].predicted is None for curve in shared),
        beyond=beyond,
        worst=worst,
        worst_curve=worst_curve,
        recovered=recovered,
        known=known,
    )


def order(mine: float, theirs: float, values: Floats, delta: float) -> str:
    """Whether my objective is lower, equal or higher, see SAME_SHARE and SAME_RESIDUAL."""
    unit = 1.0 if math.isfinite(delta) else float(np.abs(values).mean())
    nothing = 0.5 * values.size * (SAME_RESIDUAL * unit) ** 2
    if mine == theirs or abs(mine - theirs) <= max(SAME_SHARE * min(mine, theirs), nothing):
        return "equal"
    return "lower" if mine < theirs else "higher"


def _negative(parameters: Mapping[str, float]) -> bool:
    return any(value < 0 for name, value in parameters.items() if not name.startswith("ln_") and name != "c")


def _recovered(run: Run, curves: Sequence[Curve]) -> tuple[dict[str, float], int]:
    """Median relative errors of the parameters over curves with noise whose law is known and not extreme."""
    fits = [
        (curve.truth, run.outcomes[curve.name].parameters)
        for curve in curves
        if curve.kind in RECOVERABLE and curve.noise > 0 and run.outcomes[curve.name].parameters
    ]
    errors: dict[str, list[float]] = {}
    for true, found in fits:
        for name in true.keys() & found.keys():
            errors.setdefault(name, []).append(abs(found[name] - true[name]) / max(abs(true[name]), 1e-300))
    return {name: float(np.median(each)) for name, each in sorted(errors.items())}, len(fits)


RECOVERABLE = ("ordinary", "few points", "five runs", "six runs")
"""Kinds of curves whose parameters can be asked for."""
