"""Laws in the manner of scikit-learn: one object that is fitted to numbers and predicts numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES, Bootstrap, bootstrap
from .families import FAMILIES, Family, Floats
from .fit import Fit, Method, Status, fit_law, fit_many
from .fitted import LEAST_POINTS_BEFORE, NOISE_UNKNOWN
from .noise import Noise
from .objective import Objective

NoiseLike = Noise | float | ArrayLike | None

_PARAMETERS = ("law", "delta", "scale", "n_fit", "method")
_IN_DOUBT_BY_SAMPLES = (Status.OK, Status.NO_HELD_OUT, Status.INTERPOLATED)


class NotFittedError(ValueError):
    """A law that was asked before it was fitted."""


class ScalingLaw:
    """A scaling law of one curve.

    law: the name of a family, a key of FAMILIES. delta: the Huber threshold, infinite for least squares.
    scale: "log" for residuals ln(predicted) - ln(observed), "linear" for predicted - observed. n_fit: how
    many points with the smallest first input are fitted, the others are held out; None fits all. method:
    "fast" or "paper", the same optimum either way.

    Raises ValueError for an unknown family, scale or method, a delta or an n_fit that is not positive.

    After fit:
        parameters_: the formula's parameters by name; empty where the points settle no law.
        parameter_intervals_: their 90% intervals (low, high) by name; empty where the noise is unknown.
        status_: a Status. "ok" says that nothing is wrong, not that the law is right.
        interval_status_: "ok", "noise unknown", or the status of a fit without a law.
        objective_: the objective at the optimum.
        fit_error_, held_out_error_: mean |ln(predicted) - ln(observed)| over the fitted and over the
            held-out points; NaN without such points.
        misfit_p_: how often noise alone would part the points as far from their law; a small one says that
            the law or the noise level is wrong. NaN where that is not known (see Bootstrap.misfit_p).
        fit_, bootstrap_: the Fit and the Bootstrap behind them, the latter None without intervals.
    """

    def __init__(
        self,
        law: str = "log_law",
        *,
        delta: float = 0.1,
        scale: Literal["log", "linear"] = "log",
        n_fit: int | None = None,
        method: Method = "fast",
    ) -> None:
        self.set_params(law=law, delta=delta, scale=scale, n_fit=n_fit, method=method)

    def __repr__(self) -> str:
        law, *others = (f"{name}={value!r}" for name, value in self.get_params().items())
        return f"ScalingLaw({', '.join([law.removeprefix('law='), *others])})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """What the law was made with. `deep` is there for scikit-learn and changes nothing."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **parameters: Any) -> ScalingLaw:
        """Change what the law was made with; raises ValueError as making one does. Fit again afterwards."""
        unknown = set(parameters) - set(_PARAMETERS)
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))}: a law has only {', '.join(_PARAMETERS)}")
        _check(**(({name: getattr(self, name, None) for name in _PARAMETERS}) | parameters))
        for name, value in parameters.items():
            setattr(self, name, value)
        return self

    @property
    def family(self) -> Family:
        return FAMILIES[self.law]

    def fit(
        self,
        tokens: ArrayLike,
        values: ArrayLike,
        noise: NoiseLike = None,
        *,
        samples: int = DEFAULT_SAMPLES,
    ) -> ScalingLaw:
        """Fit `values` of a metric, shape (n,), at the family's inputs, shape (n,) or (n, inputs), in any
        order; a DataFrame with the names of the inputs as columns works too.

        noise: standard deviation of ln(metric), one number (0.02 is 2% of the metric) or one a point, (n,),
        independent from point to point; or a Noise, whose draws have the n points as columns. Without it
        there are no intervals. Returns the law itself. What the points cannot settle is said in `status_`.

        Raises ValueError for inputs that are not positive, finite and distinct, for values that are not
        finite, and for another number of values or noises than of points.
        """
        inputs = self._table(tokens)
        values = np.asarray(values, dtype=float)
        if values.shape != (len(inputs),):
            raise ValueError(f"{len(inputs)} points need as many values, not {values.shape}")
        missing = np.flatnonzero(~np.isfinite(values))
        if missing.size:
            raise ValueError(
                f"values must be finite; {missing.size} of {values.size} are not, the first at place"
                f" {missing[0]}. Leave such points out"
            )
        order = np.argsort(inputs[:, 0], kind="stable")
        spread = _noise(noise, len(values))
        objective = Objective(self.scale, self.delta)
        found = fit_law(
            self.family,
            inputs[order],
            values[order],
            objective=objective,
            n_fit=self.n_fit,
            method=self.method,
        )
        drawn = None
        if found.place is not None and spread is not None:
            first = order[: found.n_fit]
            drawn = bootstrap(found, inputs[first], spread.at(list(first)), samples=samples)
            if found.status in _IN_DOUBT_BY_SAMPLES and not drawn.identified:
                found = replace(found, status=Status.UNIDENTIFIED)
        self.fit_: Fit = found
        self.bootstrap_: Bootstrap | None = drawn
        self.status_ = found.status
        self.parameters_ = dict(found.parameters)
        self.parameter_intervals_ = drawn.parameter_intervals() if drawn and found.parameters else {}
        self.objective_ = found.objective
        self.fit_error_ = found.fit_error
        self.held_out_error_ = found.held_out_error
        self.misfit_p_ = drawn.misfit_p if drawn else math.nan
        self.interval_status_ = "ok" if drawn else NOISE_UNKNOWN if found.place else str(found.status)
        return self

    def predict(self, tokens: ArrayLike) -> Floats:
        """The metric at inputs, (m,) or (m, inputs): shape (m,), NaN where the law is undefined.

        Raises NotFittedError before fit, and ValueError where no law was fitted (see `status_`) and for
        inputs that are not positive and finite.
        """
        self._check_fitted()
        return self.fit_.predict(self._table(tokens))

    def predict_interval(self, tokens: ArrayLike, level: float = DEFAULT_LEVEL) -> tuple[Floats, Floats]:
        """Where the law itself lies at inputs, (m,) or (m, inputs): lower and upper ends, (m,) each.

        Raises what predict does, and ValueError where the noise is not known and for a level that does not
        lie between 0 and 1.
        """
        self._check_fitted()
        if self.bootstrap_ is None:
            if self.fit_.place is None:
                raise ValueError(f"the {self.law} was not fitted here: {self.status_}")
            raise ValueError("no interval, as the noise is unknown; fit with noise=0.02, say, for 2%")
        return self.bootstrap_.interval(self._table(tokens), level)

    def score(self, tokens: ArrayLike, values: ArrayLike) -> float:
        """Minus the mean |ln(predicted) - ln(observed)|, so that more is better: -0.02 is about 2% off.

        An R^2 would flatter: any law that merely rises with a rising curve comes near to 1. Raises what
        predict does, and ValueError for values that are not positive.
        """
        observed = np.asarray(values, dtype=float)
        predicted = self.predict(tokens)
        if observed.shape != predicted.shape or not np.all(observed > 0):
            raise ValueError(f"{predicted.size} positive values are needed to score as many predictions")
        with np.errstate(invalid="ignore", divide="ignore"):
            return -float(np.abs(np.log(predicted) - np.log(observed)).mean())

    def _check_fitted(self) -> None:
        if not hasattr(self, "fit_"):
            raise NotFittedError(f"this {self.law} is not fitted yet; call fit(tokens, values) first")

    def _table(self, tokens: ArrayLike) -> Floats:
        return _inputs(self.family, tokens)


def compare(
    families: Sequence[str],
    tokens: ArrayLike,
    values: ArrayLike,
    *,
    delta: float = 0.1,
    scale: Literal["log", "linear"] = "log",
) -> pd.DataFrame:
    """Compare families on one curve by how well they predict a point from all points before it.

    The first point predicted has at least 4 points before it and as many as the largest family has
    parameters, or is the last one of a shorter curve, for every family alike. Columns: law, parameters (their
    number), leave_last_out_error (mean |ln predicted - ln observed|; NaN where a family predicts nothing),
    status (of the law of all points); the best first. Families are never compared by their objective, as some
    contain others. Raises ValueError for unknown families, for families of different inputs, and as
    ScalingLaw.fit does.
    """
    chosen = [ScalingLaw(name, delta=delta, scale=scale).family for name in families]
    if not chosen or len({family.inputs for family in chosen}) > 1:
        raise ValueError("families can be compared where they take the same inputs; see Family.inputs")
    table, values = _inputs(chosen[0], tokens), np.asarray(values, dtype=float)
    order = np.argsort(table[:, 0], kind="stable")
    whole = [ScalingLaw(family.name, delta=delta, scale=scale).fit(table, values) for family in chosen]
    table, values = table[order], values[order]
    n = len(values)
    least = max(LEAST_POINTS_BEFORE, *(family.n_parameters for family in chosen))
    rows = []
    for family, law in zip(chosen, whole, strict=True):
        errors = [math.nan]
        if n > 1:
            fits = [
                fit_many(
                    family,
                    [(table[: before + 1], values[: before + 1])],
                    objective=Objective(scale, delta),
                    n_fit=before,
                )[0]
                for before in range(min(least, n - 1), n)
            ]
            errors = [fit.held_out_error if fit.place else math.nan for fit in fits]
        rows.append((family.name, family.n_parameters, float(np.mean(errors)), str(law.status_)))
    found = pd.DataFrame(rows, columns=["law", "parameters", "leave_last_out_error", "status"])
    return found.sort_values("leave_last_out_error", kind="stable", ignore_index=True)


def _check(law: str, delta: float, scale: str, n_fit: int | None, method: str) -> None:
    if law not in FAMILIES:
        raise ValueError(f"no family is called {law!r}; there are {', '.join(FAMILIES)}")
    if scale not in ("log", "linear"):
        raise ValueError(f"scale is 'log' or 'linear', not {scale!r}")
    if method not in ("fast", "paper"):
        raise ValueError(f"method is 'fast' or 'paper', not {method!r}")
    if not delta > 0:
        raise ValueError(f"delta must be positive, not {delta}")
    if n_fit is not None and n_fit < 1:
        raise ValueError(f"n_fit must be positive, or None for all points, not {n_fit}")


def _inputs(family: Family, tokens: ArrayLike) -> Floats:
    """Inputs as an array (n, inputs); columns of a DataFrame are taken by name."""
    if isinstance(tokens, pd.DataFrame) and len(family.inputs) > 1:
        absent = [name for name in family.inputs if name not in tokens.columns]
        if absent:
            raise ValueError(
                f"the {family.name} takes {', '.join(family.inputs)}; column {absent[0]!r} is missing"
            )
        tokens = tokens[list(family.inputs)]
    return np.column_stack(family.split(np.asarray(tokens, dtype=float)))


def _noise(noise: NoiseLike, n: int) -> Noise | None:
    if noise is None or isinstance(noise, Noise):
        given = noise
    elif np.ndim(noise) == 0:
        given = Noise.independent(np.full(n, float(noise)))  # type: ignore[arg-type]
    else:
        given = Noise.independent(noise)
    if given is not None and given.draws.shape[1] != n:
        raise ValueError(f"{n} points need the noise of as many, not of {given.draws.shape[1]}")
    return given
