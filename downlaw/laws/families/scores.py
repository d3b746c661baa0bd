"""The log-law for scores, and the rivals that laws over pretraining tokens are compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .base import Chart, Family, Floats, Parameter, Shape

_PER_LOG = "1 / ln(tokens)"


class LogLaw(Family):
    """The log-law for translation scores, Isik et al. 2024 (arXiv:2402.04177), Eq. 1.

    With x = ln(Dp) it reads ln f = beta ln(alpha) + beta ln(x + c), c = ln(A) / alpha: data fix alpha^beta,
    beta and c, and A and alpha only through them. The shape `bend` is reach / (centre + c). It keeps x + c
    positive from the smallest fitted point on; as it nears 0 the law becomes a pure power of the tokens, in
    which c and beta are no longer fixed.
    """

    name = "log_law"
    formula = "f(Dp) = (ln(A * Dp^alpha))^beta"
    source = "Isik et al. 2024, arXiv:2402.04177, Eq. 1"
    rises = True
    link = "log"
    weight_names = ("level", "slope")
    weight_low = (-math.inf, 0.0)
    shapes = (Shape("bend", 1e-3, 0.9999, (0.002, *np.linspace(0.04, 0.92, 23), 0.96, 0.98, 0.99, 0.998)),)
    parameters = (
        Parameter("ln_alpha_pow_beta", -math.inf, math.inf, "ln(metric)", "the level"),
        Parameter("beta", 0.0, math.inf, "none", "slope and bend together"),
        Parameter("c", -math.inf, math.inf, "ln(tokens)", "the bend of ln f over ln Dp"),
        Parameter("alpha_pow_beta", 0.0, math.inf, "metric", "the level", derived=True),
        Parameter("alpha", 0.0, math.inf, _PER_LOG, "level and beta; wild where the curve is flat", True),
        Parameter("ln_A", -math.inf, math.inf, "none", "c and alpha", derived=True),
        Parameter("A", 0.0, math.inf, "1 / tokens^alpha", "c and alpha", derived=True),
    )

    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        (x,), (bend,) = inputs, shapes
        return 1.0, np.log1p(np.maximum(bend * x, -1 + 1e-12)) / bend

    def slopes(
        self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]
    ) -> tuple[tuple[NDArray | float, ...], ...]:
        (x,), (bend,) = inputs, shapes
        inner = np.maximum(bend * x, -1 + 1e-12)
        return ((0.0, (inner / (1 + inner) - np.log1p(inner)) / bend**2),)

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        (level, slope), (bend,) = weights, shapes
        rate = bend / chart.reach[0]
        beta, c = slope / bend, 1 / rate - chart.centre[0]
        ln_power = level + beta * np.log(rate)
        alpha = np.exp(level / beta) * rate
        return {
            "ln_alpha_pow_beta": ln_power,
            "beta": beta,
            "c": c,
            "alpha_pow_beta": np.exp(ln_power),
            "alpha": alpha,
            "ln_A": alpha * c,
            "A": np.exp(alpha * c),
        }

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        argument = np.log(inputs[0]) + parameters["c"]
        logs = np.log(np.where(argument > 0, argument, np.nan))
        return np.exp(parameters["ln_alpha_pow_beta"] + parameters["beta"] * logs)


class StraightLine(Family):
    """A family that is a straight line over its one coordinate, rising or falling; with a link, its logarithm
    is."""

    rises = None
    weight_names = ("level", "slope")
    weight_low = (-math.inf, -math.inf)

    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        return 1.0, inputs[0]

    @staticmethod
    def line(weights: Sequence[Floats], chart: Chart) -> tuple[Floats, Floats]:
        """The value where the coordinate is 0, and the slope."""
        slope = weights[1] / chart.reach[0]
        return weights[0] - slope * chart.centre[0], slope


class PurePower(StraightLine):
    """A plain power of the tokens, rising or falling: the limit of the log-law without bend, and of the power
    law without floor."""

    name = "pure_power"
    formula = "f(Dp) = a * Dp^b"
    source = "rival"
    link = "log"
    parameters = (
        Parameter("ln_a", -math.inf, math.inf, "ln(metric)", "the level, far outside the points"),
        Parameter("b", -math.inf, math.inf, "none", "the slope of ln f over ln Dp"),
    )

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        level, slope = self.line(weights, chart)
        return {"ln_a": level, "b": slope}

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        return np.exp(parameters["ln_a"] + parameters["b"] * np.log(inputs[0]))


class Exponential(StraightLine):
    """A score over the cross-entropy of the same models, Gordon et al. 2021 (EMNLP, 2021.emnlp-main.478).

    They use it to predict the BLEU of translation models from their loss. Where b is below 0 the score falls
    as cross-entropy improves.
    """

    name = "exponential"
    formula = "f(L) = a * exp(-b * L)"
    source = "Gordon et al. 2021, doi:10.18653/v1/2021.emnlp-main.478"
    inputs = ("cross_entropy",)
    link = "log"
    parameters = (
        Parameter("ln_a", -math.inf, math.inf, "ln(metric)", "the level, far outside the points"),
        Parameter("b", -math.inf, math.inf, "1 / nat", "the slope of ln f over L"),
    )

    def coordinates(self, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
        return tuple(inputs)

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        level, slope = self.line(weights, chart)
        return {"ln_a": level, "b": -slope}

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        return np.exp(parameters["ln_a"] - parameters["b"] * inputs[0])


class LinearLog(StraightLine):
    """A straight line over ln(Dp), rising or falling; rising it is the log-law with beta = 1."""

    name = "linear_log"
    formula = "f(Dp) = a + b * ln(Dp)"
    source = "rival"
    parameters = (
        Parameter("a", -math.inf, math.inf, "metric", "the level, far outside the points"),
        Parameter("b", -math.inf, math.inf, "metric / ln(tokens)", "the slope over ln Dp"),
    )

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        level, slope = self.line(weights, chart)
        return {"a": level, "b": slope}

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        return parameters["a"] + parameters["b"] * np.log(inputs[0])


class Sigmoid(Family):
    """A score that saturates: the logistic curve over ln(Dp)."""

    name = "sigmoid"
    formula = "f(Dp) = S / (1 + exp(-r * (ln(Dp) - m)))"
    source = "rival"
    rises = True
    weight_names = ("S",)
    weight_low = (0.0,)
    shapes = (
        Shape("rate", 1e-3, 20.0, (0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)),
        Shape("midpoint", -4.0, 12.0, (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0)),
    )
    parameters = (
        Parameter("S", 0.0, math.inf, "metric", "the upper end, where points reach it"),
        Parameter("r", 0.0, math.inf, _PER_LOG, "slope and bend together"),
        Parameter("m", -math.inf, math.inf, "ln(tokens)", "where half of S is reached"),
    )

    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        (x,), (rate, midpoint) = inputs, shapes
        return ((1 + np.exp(rate * midpoint)) / (1 + np.exp(-rate * (x - midpoint))),)

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        rate, midpoint = shapes
        return {
            "S": weights[0] * (1 + np.exp(rate * midpoint)),
            "r": rate / chart.reach[0],
            "m": chart.centre[0] + midpoint * chart.reach[0],
        }

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        offset = np.log(inputs[0]) - parameters["m"]
        return parameters["S"] / (1 + np.exp(-parameters["r"] * offset))


class Constant(Family):
    """No change at all: what every other law has to beat."""

    name = "constant"
    formula = "f(Dp) = a"
    source = "rival"
    rises = None
    link = "log"
    weight_names = ("level",)
    weight_low = (-math.inf,)
    parameters = (Parameter("ln_a", -math.inf, math.inf, "ln(metric)", "the level"),)

    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        return (1.0,)

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        return {"ln_a": weights[0]}

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        return np.full(np.shape(inputs[0]), np.exp(parameters["ln_a"]))
