"""Laws for cross-entropy and error, which fall as models see more data or grow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .base import Chart, Family, Floats, Parameter, Shape

_EXPONENTS = (0.01, 0.03, 0.07, *np.geomspace(0.12, 6.0, 21))
_FEW_EXPONENTS = (0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)


def _decay(shape: NDArray, x: NDArray) -> NDArray:
    """What falls with x, 1 at the smallest fitted point: so its weight hardly depends on how steep it is."""
    return np.exp(-shape * (x + 1))


def _ln_scale(shape: Floats, chart: Chart, number: int) -> Floats:
    """ln of what turns the weight of a decay in the input of that number into the factor of a power."""
    return shape * (chart.centre[number] / chart.reach[number] - 1)


_FLOOR = Parameter("E", 0.0, math.inf, "metric", "points near the floor")


class PowerLaw(Family):
    """The power law with a floor for downstream cross-entropy, Isik et al. 2024 (arXiv:2402.04177), Eq. 3.

    Where no floor can be seen, E is 0 and the law a pure power.
    """

    name = "power_law"
    formula = "L(Dp) = E + A / Dp^alpha"
    source = "Isik et al. 2024, arXiv:2402.04177, Eq. 3"
    rises = False
    weight_names = ("E", "A")
    weight_low = (0.0, 0.0)
    shapes = (Shape("alpha", 1e-3, 10.0, _EXPONENTS),)
    parameters = (
        Parameter("ln_A", -math.inf, math.inf, "ln(metric * tokens^alpha)", "level and alpha together"),
        Parameter("alpha", 0.0, math.inf, "none", "slope and bend together"),
        _FLOOR,
        Parameter("A", 0.0, math.inf, "metric * tokens^alpha", "level and alpha together", derived=True),
    )

    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        return 1.0, _decay(shapes[0], inputs[0])

    def slopes(
        self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]
    ) -> tuple[tuple[NDArray | float, ...], ...]:
        return ((0.0, -(inputs[0] + 1) * _decay(shapes[0], inputs[0])),)

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        ln_a = np.log(weights[1]) + _ln_scale(shapes[0], chart, 0)
        alpha = shapes[0] / chart.reach[0]
        return {"ln_A": ln_a, "alpha": alpha, "E": weights[0], "A": np.exp(ln_a)}

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        logs = parameters["ln_A"] - parameters["alpha"] * np.log(inputs[0])
        return parameters["E"] + np.exp(logs)


class Chinchilla(Family):
    """Loss over parameters N and tokens D, Hoffmann et al. 2022 (arXiv:2203.15556), Eq. 2."""

    name = "chinchilla"
    formula = "L(N, D) = E + A / N^alpha + B / D^beta"
    source = "Hoffmann et al. 2022, arXiv:2203.15556, Eq. 2"
    inputs = ("params", "tokens")
    rises = False
    weight_names = ("E", "A", "B")
    weight_low = (0.0, 0.0, 0.0)
    shapes = (Shape("alpha", 1e-3, 10.0, _FEW_EXPONENTS), Shape("beta", 1e-3, 10.0, _FEW_EXPONENTS))
    parameters = (
        Parameter("A", 0.0, math.inf, "metric * params^alpha", "level and alpha together"),
        Parameter("alpha", 0.0, math.inf, "none", "runs that differ in N at one D"),
        Parameter("B", 0.0, math.inf, "metric * tokens^beta", "level and beta together"),
        Parameter("beta", 0.0, math.inf, "none", "runs that differ in D at one N"),
        _FLOOR,
    )

    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        return 1.0, _decay(shapes[0], inputs[0]), _decay(shapes[1], inputs[1])

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        return {
            "A": weights[1] * np.exp(_ln_scale(shapes[0], chart, 0)),
            "alpha": shapes[0] / chart.reach[0],
            "B": weights[2] * np.exp(_ln_scale(shapes[1], chart, 1)),
            "beta": shapes[1] / chart.reach[1],
            "E": weights[0],
        }

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        p, (n, d) = parameters, inputs
        return p["E"] + p["A"] * n ** -p["alpha"] + p["B"] * d ** -p["beta"]


class OvertrainingLaw(Family):
    """Loss over compute C = 6ND and token multiplier M = D / N, Gadre et al. 2024 (arXiv:2403.08540).

    It is the law of Hoffmann et al. 2022 with one exponent for both: C / M = 6 N^2 and C * M = 6 D^2. More
    tokens a parameter shift a line of reducible loss over compute, and do not tilt it.
    """

    name = "overtraining_law"
    formula = "L(C, M) = E + (a * M^eta + b * M^-eta) * C^-eta"
    source = "Gadre et al. 2024, arXiv:2403.08540, Eq. 4"
    inputs = ("compute", "multiplier")
    rises = False
    shared_reach = True
    weight_names = ("E", "a", "b")
    weight_low = (0.0, 0.0, 0.0)
    shapes = (Shape("eta", 1e-3, 10.0, _EXPONENTS),)
    parameters = (
        Parameter("a", 0.0, math.inf, "metric * FLOPs^eta", "runs of several N"),
        Parameter("b", 0.0, math.inf, "metric * FLOPs^eta", "runs of several M"),
        Parameter("eta", 0.0, math.inf, "none", "slope and bend over compute together"),
        _FLOOR,
    )

    def coordinates(self, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
        compute, multiplier = np.log(inputs[0]), np.log(inputs[1])
        return compute - multiplier, compute + multiplier

    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        return 1.0, _decay(shapes[0], inputs[0]), _decay(shapes[0], inputs[1])

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        return {
            "a": weights[1] * np.exp(_ln_scale(shapes[0], chart, 0)),
            "b": weights[2] * np.exp(_ln_scale(shapes[0], chart, 1)),
            "eta": shapes[0] / chart.reach[0],
            "E": weights[0],
        }

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        p, (compute, multiplier) = parameters, inputs
        eta = p["eta"]
        return p["E"] + (p["a"] * multiplier**eta + p["b"] * multiplier**-eta) * compute**-eta


class ErrorLaw(Family):
    """Downstream top-1 error over loss, Gadre et al. 2024 (arXiv:2403.08540).

    The error rises with the loss towards eps, the error of a model that has learned nothing.
    """

    name = "error_law"
    formula = "Err(L) = eps - k * exp(-gamma * L)"
    source = "Gadre et al. 2024, arXiv:2403.08540, Eq. 5"
    inputs = ("loss",)
    rises = True
    measured_inputs = True
    weight_names = ("eps", "k")
    weight_low = (0.0, 0.0)
    shapes = (Shape("gamma", 1e-3, 20.0, _EXPONENTS),)
    parameters = (
        Parameter("eps", 0.0, math.inf, "error", "runs of high loss"),
        Parameter("ln_k", -math.inf, math.inf, "ln(error)", "level and gamma together"),
        Parameter("gamma", 0.0, math.inf, "1 / nat", "slope and bend together"),
    )

    def coordinates(self, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
        return tuple(inputs)

    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        return 1.0, -_decay(shapes[0], inputs[0])

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        ln_k = np.log(weights[1]) + _ln_scale(shapes[0], chart, 0)
        return {"eps": weights[0], "ln_k": ln_k, "gamma": shapes[0] / chart.reach[0]}

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        return parameters["eps"] - np.exp(parameters["ln_k"] - parameters["gamma"] * inputs[0])


class RectifiedLaw(Family):
    """Loss over finetuning size, Lin et al. 2024 (arXiv:2402.02314), their rectified scaling law.

    D_l stands for what pretraining already taught: below it more finetuning data changes little, and only
    beyond it the power law begins. The shape `onset` is where D^beta equals D_l.
    """

    name = "rectified_law"
    formula = "L(D) = B / (D_l + D^beta) + E"
    source = "Lin et al. 2024, arXiv:2402.02314"
    inputs = ("finetune_tokens",)
    rises = False
    weight_names = ("E", "B")
    weight_low = (0.0, 0.0)
    shapes = (
        Shape("beta", 1e-3, 10.0, (0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)),
        Shape("onset", -8.0, 4.0, (-8.0, -4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)),
    )
    parameters = (
        Parameter("ln_B", -math.inf, math.inf, "ln(metric * tokens^beta)", "level and beta together"),
        Parameter("ln_D_l", -math.inf, math.inf, "ln(tokens^beta)", "points below and above the onset"),
        Parameter("beta", 0.0, math.inf, "none", "points beyond the onset"),
        _FLOOR,
    )

    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        (x,), (beta, onset) = inputs, shapes
        at_onset = np.exp(beta * onset)
        return 1.0, (at_onset + np.exp(-beta)) / (at_onset + np.exp(beta * x))

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        beta, onset = shapes[0] / chart.reach[0], shapes[1]
        at_centre = beta * chart.centre[0]
        return {
            "ln_B": np.log(weights[1]) + np.logaddexp(shapes[0] * onset, -shapes[0]) + at_centre,
            "ln_D_l": shapes[0] * onset + at_centre,
            "beta": beta,
            "E": weights[0],
        }

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        p = parameters
        scale = np.logaddexp(p["ln_D_l"], p["beta"] * np.log(inputs[0]))
        return p["E"] + np.exp(p["ln_B"] - scale)


class JointLaw(Family):
    """Loss over pretraining and finetuning size together, the multiplicative law of Zhang et al. 2024
    (arXiv:2402.17193), Eq. 1, with pretraining tokens as their X."""

    name = "joint_law"
    formula = "L(Dp, Df) = E + A / (Dp^alpha * Df^beta)"
    source = "Zhang et al. 2024, arXiv:2402.17193, Eq. 1"
    inputs = ("pretrain_tokens", "finetune_tokens")
    rises = False
    weight_names = ("E", "A")
    weight_low = (0.0, 0.0)
    shapes = (
        Shape("alpha", 0.0, 10.0, _FEW_EXPONENTS),
        Shape("beta", 0.0, 10.0, _FEW_EXPONENTS),
    )
    parameters = (
        Parameter("ln_A", -math.inf, math.inf, "ln(metric * tokens^(alpha + beta))", "the level"),
        Parameter("alpha", 0.0, math.inf, "none", "runs that differ in Dp at one Df"),
        Parameter("beta", 0.0, math.inf, "none", "runs that differ in Df at one Dp"),
        _FLOOR,
    )

    def columns(self, inputs: Sequence[NDArray], shapes: Sequence[NDArray]) -> tuple[NDArray | float, ...]:
        return 1.0, _decay(shapes[0], inputs[0]) * _decay(shapes[1], inputs[1])

    def published(
        self, weights: Sequence[Floats], shapes: Sequence[Floats], chart: Chart
    ) -> dict[str, Floats]:
        ln_scale = _ln_scale(shapes[0], chart, 0) + _ln_scale(shapes[1], chart, 1)
        return {
            "ln_A": np.log(weights[1]) + ln_scale,
            "alpha": shapes[0] / chart.reach[0],
            "beta": shapes[1] / chart.reach[1],
            "E": weights[0],
        }

    def formula_at(self, inputs: Sequence[Floats], parameters: Mapping[str, float]) -> Floats:
        p, (pretrain, finetune) = parameters, inputs
        return p["E"] + np.exp(p["ln_A"] - p["alpha"] * np.log(pretrain) - p["beta"] * np.log(finetune))
