"""Fits by the PyPI package simple-scaling-laws: variable projection over a grid of exponents and SciPy's
least squares.

Without samples the package's own fitting function is called on the curve, without its tables and notes; with
samples, its public `fit`, which draws them.
"""

from __future__ import annotations

import numpy as np
import polars
from run_curves import Curve, run
from simple_scaling_laws import fit as public_fit
from simple_scaling_laws.fitting import fit_curve, parameter_bounds
from simple_scaling_laws.laws import build_law

LAW = "separable-power"
PREDICTORS = ("model_size__params",), ("dataset_size__tokens",)
LOSS = "test_loss__loss"


def fit(curve: Curve) -> dict[str, float]:
    inputs, values = curve["inputs"], curve["values"]
    if curve.get("samples"):
        table = polars.DataFrame(
            {
                "training_run_id": [f"run {i}" for i in range(values.size)],
                PREDICTORS[0][0]: inputs[:, 0],
                PREDICTORS[1][0]: inputs[:, 1],
                LOSS: values,
            }
        )
        public_fit(table, law=LAW, n_draws=curve["samples"])
        return {}
    law = build_law(LAW, *PREDICTORS)
    reference = np.exp(np.log(inputs).mean(axis=0))
    bounds = parameter_bounds(law, values, signed_amplitude=False, log_x=np.log(inputs / reference))
    found = fit_curve(law, np.log(inputs / reference), values, np.ones_like(values), bounds)
    return law.raw_scale_params(found.params, reference)


if __name__ == "__main__":
    run("simple-scaling-laws", fit)
