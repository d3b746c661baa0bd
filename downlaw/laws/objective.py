"""What a fit minimises: residuals on a scale, and the loss that they are summed under."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .families import Floats


@dataclass(frozen=True)
class Objective:
    """Summed loss of residuals, each times the weight of its point.

    scale: residuals are ln(predicted) - ln(observed) on "log", predicted - observed on "linear".
    delta: where the Huber loss (Huber 1964, Eq. 3.1) turns from r^2 / 2 to delta * (|r| - delta / 2);
    infinite for least squares.
    """

    scale: Literal["log", "linear"] = "log"
    delta: float = 0.1

    def __post_init__(self) -> None:
        if not self.delta > 0:
            raise ValueError(f"delta must be positive, not {self.delta}")

    @classmethod
    def huber_on_logs(cls, delta: float) -> Objective:
        """Isik et al. 2024 (section 4) and Hoffmann et al. 2022 (Eq. 3): Huber loss of ln(metric)."""
        return cls("log", delta)

    @classmethod
    def least_squares(cls) -> Objective:
        """Gadre et al. 2024: squares of the metric's own residuals."""
        return cls("linear", math.inf)

    def of(self, residuals: Floats, weights: Floats | float = 1.0) -> Floats:
        """The objective of residuals, shape (n, ...), summed over the first axis; infinite where one is not
        a number."""
        size = np.abs(residuals)
        if math.isinf(self.delta):
            losses = 0.5 * residuals**2
        else:
            inside = np.minimum(size, self.delta)
            losses = inside * (size - 0.5 * inside)
        total = (weights * losses).sum(axis=0)
        return np.where(np.isnan(total), math.inf, total)

    def target(self, values: Floats) -> Floats:
        """Observed values on the scale of the residuals."""
        return np.log(values) if self.scale == "log" else values
