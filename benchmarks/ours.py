"""downlaw's own fitter on the curves: all at once, one by one, and by its copy of the published procedure."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from downlaw.laws import FAMILIES, Fit, Noise, Objective, bootstrap, fit_law, fit_many

from .curves import Curve
from .results import Outcome, Run

TOGETHER = "downlaw"
ALONE = "downlaw, one by one"
PAPER = "downlaw, method paper"
BOOTSTRAP = "downlaw"


def stated(delta: float) -> Objective:
    """The objective of a run: Huber loss of logarithms, least squares where delta is infinite."""
    return Objective.least_squares() if math.isinf(delta) else Objective.huber_on_logs(delta)


def together(curves: Sequence[Curve], delta: float) -> Run:
    """All curves in one call; each is charged an equal part of the time."""
    run = _run(TOGETHER, curves, delta)
    run.note = "all curves in one call"
    family, objective = FAMILIES[run.law], stated(delta)
    pairs = [(curve.inputs, curve.values) for curve in curves]
    fit_many(family, pairs[:1], objective=objective, n_fit=None)  # the first call of NumPy's parts is slower
    begun = time.process_time()
    fits = fit_many(family, pairs, objective=objective, n_fit=None)
    seconds = (time.process_time() - begun) / len(curves)
    run.outcomes = {
        curve.name: _outcome(curve, fit, seconds) for curve, fit in zip(curves, fits, strict=True)
    }
    return run


def alone(curves: Sequence[Curve], delta: float, limit_s: float, paper: bool = False) -> Run:
    """Curve after curve, until `limit_s` processor seconds are spent."""
    run = _run(PAPER if paper else ALONE, curves, delta)
    family, objective, spent = FAMILIES[run.law], stated(delta), 0.0
    for curve in curves:
        if spent > limit_s:
            break
        begun = time.process_time()
        fit = fit_law(
            family,
            curve.inputs,
            curve.values,
            objective=objective,
            n_fit=None,
            method="paper" if paper else "fast",
        )
        seconds = time.process_time() - begun
        spent += seconds
        run.outcomes[curve.name] = _outcome(curve, fit, seconds)
    return run


def bootstrapped(curves: Sequence[Curve], delta: float, samples: int, relative_noise: float = 0.01) -> Run:
    """A fit of each curve and `samples` refits of it with noise, processor seconds for both."""
    run = _run(BOOTSTRAP, curves, delta)
    family, objective = FAMILIES[run.law], stated(delta)
    begun = time.process_time()
    fits = fit_many(
        family, [(curve.inputs, curve.values) for curve in curves], objective=objective, n_fit=None
    )
    shared = (time.process_time() - begun) / len(curves)
    for number, (curve, fit) in enumerate(zip(curves, fits, strict=True)):
        begun = time.process_time()
        noise = Noise.relative(relative_noise, curve.values.size, draws=samples, seed=number)
        failure = "" if fit.place is not None else str(fit.status)
        if not failure:
            bootstrap(fit, curve.inputs, noise, samples=samples)
        seconds = shared + time.process_time() - begun
        run.outcomes[curve.name] = Outcome(seconds, failure=failure)
    return run


def _run(method: str, curves: Sequence[Curve], delta: float) -> Run:
    return Run(method, "this checkout", curves[0].law, delta)


def _outcome(curve: Curve, fit: Fit, seconds: float) -> Outcome:
    if fit.place is None:
        return Outcome(seconds, failure=str(fit.status))
    shapes = {shape.name for shape in fit.family.shapes}
    predicted = np.asarray(fit.predict(curve.inputs))
    return Outcome(seconds, fit.parameters, predicted, on_bound=not shapes.isdisjoint(fit.on_bound))
