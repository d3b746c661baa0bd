"""Fits by the PyPI package chinchilla: BFGS with numerical gradients from every start of a grid.

The grid is the one in the package's own README, and the loss is Hoffmann et al.'s, the Huber loss on
logarithms. The grid is searched on one core, and neither the log nor the figure that the package makes of
each fit is timed.
"""

from __future__ import annotations

import tempfile

import numpy as np
from chinchilla import Chinchilla
from run_curves import Curve, run

GRID = {
    "E": np.linspace(1, 2, 5),
    "a": np.linspace(1, 10, 5),  # ln A
    "b": np.linspace(1, 10, 5),  # ln B
    "alpha": np.linspace(0.1, 0.7, 5),
    "beta": np.linspace(0.1, 0.7, 5),
}
SILENT = 100


def fit(curve: Curve) -> dict[str, float]:
    delta = curve["delta"]

    def huber_on_logs(observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        # In units of delta^2, without which BFGS takes the small losses of a small delta for convergence.
        with np.errstate(all="ignore"):
            size = np.abs(np.log(predicted) - np.log(observed)) / delta
        return np.where(size < 1, size**2 / 2, size - 0.5)

    with tempfile.TemporaryDirectory() as folder:
        law = Chinchilla(folder, param_grid=GRID, loss_fn=huber_on_logs, log_level=SILENT)
        law.visualizer.optim = lambda *_, **__: None
        for (n, d), value in zip(curve["inputs"], curve["values"], strict=True):
            law.append(N=n, D=d, loss=value)
        law.fit(parallel=False)
    return {"E": law.E, "A": law.A, "B": law.B, "alpha": law.alpha, "beta": law.beta}


if __name__ == "__main__":
    run("chinchilla", fit)
