"""Outcomes, and who is better."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.curves import Curve, curves
from benchmarks.results import Outcome, Run, compare, objective, order, outcome, run_each
from downlaw.laws import Objective

CURVE = Curve("one", "power_law", "ordinary", 0.01, np.array([1.0, 2.0, 4.0]), np.array([3.0, 2.5, 2.2]), {})
TRUTH = {"ln_A": 0.0, "alpha": 0.5, "E": 2.0}


def run_of(method: str, delta: float = 0.1, **outcomes: Outcome) -> Run:
    return Run(method, "1", "power_law", delta, outcomes)


@pytest.mark.parametrize("delta", [0.1, 1e-3, math.inf])
def test_the_objective_is_the_librarys(delta):
    predicted = CURVE.values * np.array([1.3, 0.999, 1.01])
    stated = Objective.least_squares() if math.isinf(delta) else Objective.huber_on_logs(delta)
    expected = stated.of(stated.target(predicted) - stated.target(CURVE.values))
    assert objective(CURVE, predicted, delta) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("predicted", [None, np.array([1.0, np.nan, 2.0]), np.array([1.0, -1.0, 2.0])])
def test_what_is_no_law_has_an_infinite_objective(predicted):
    assert objective(CURVE, predicted, 0.1) == math.inf


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        (1.0, 1.0 + 5e-7, "equal"),
        (1.0, 1.0 + 5e-6, "lower"),
        (1.0 + 5e-6, 1.0, "higher"),
        (1e-20, 1e-16, "equal"),
        (1e-20, 1e-12, "lower"),
        (1.0, math.inf, "lower"),
        (math.inf, 1.0, "higher"),
        (math.inf, math.inf, "equal"),
    ],
)
def test_order(mine, theirs, expected):
    assert order(mine, theirs, CURVE.values, 0.1) == expected


def test_a_comparison_counts_curves_that_both_finished():
    known = Curve("one", "power_law", "ordinary", 0.01, CURVE.inputs, CURVE.values, TRUTH)
    other = Curve("two", "power_law", "ordinary", 0.01, CURVE.inputs, CURVE.values, TRUTH)
    third = Curve("three", "power_law", "ordinary", 0.01, CURVE.inputs, CURVE.values, TRUTH)
    worse = {"ln_A": 0.0, "alpha": 0.6, "E": 2.1}
    best = outcome(known, 0.1, TRUTH)
    ours = run_of("ours", one=best, two=outcome(other, 0.3, worse), three=best)
    theirs = run_of("theirs", one=outcome(known, 2.0, worse), two=outcome(other, 2.0, TRUTH))
    found = compare(theirs, ours, [known, other, third])
    assert (found.curves, found.lower, found.equal, found.higher, found.failed) == (2, 1, 0, 1, 0)
    assert found.ratio == pytest.approx(10)
    assert found.worst_curve == "two"
    assert found.worst > 0
    assert found.recovered["alpha"] == pytest.approx((0.2 + 0.0) / 2)
    assert found.known == 2


@pytest.mark.parametrize(
    ("floor", "on_bound", "beyond"), [(-0.01, False, 1), (1.0, True, 1), (1.0, False, 0)]
)
def test_a_lower_objective_out_of_our_range_is_counted_apart(floor, on_bound, beyond):
    theirs = run_of("theirs", one=Outcome(1.0, {**TRUTH, "E": floor}, CURVE.values * 1.01))
    ours = run_of("ours", one=Outcome(1.0, TRUTH, CURVE.values * 1.1, on_bound=on_bound))
    found = compare(theirs, ours, [CURVE])
    assert (found.higher, found.beyond, found.worst_curve) == (1, beyond, "one")


def test_failures_are_kept_and_count_for_us():
    def fit(curve):
        raise RuntimeError("Optimal parameters not found")

    theirs = run_each(run_of("theirs"), [CURVE], fit, limit_s=10)
    assert theirs.outcomes["one"].failure == "RuntimeError: Optimal parameters not found"
    found = compare(theirs, run_of("ours", one=outcome(CURVE, 1.0, TRUTH)), [CURVE])
    assert (found.failed, found.lower) == (1, 1)


def test_no_curve_is_begun_after_the_limit():
    chosen = curves("power_law", 5)
    theirs = run_each(run_of("theirs"), chosen, lambda curve: TRUTH, limit_s=0)
    assert list(theirs.outcomes) == [chosen[0].name]


def test_nothing_in_common_is_no_comparison():
    assert compare(run_of("theirs"), run_of("ours", one=outcome(CURVE, 1.0, TRUTH)), [CURVE]).curves == 0
