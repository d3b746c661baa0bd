"""The estimator `downlaw`: laws that share parameters over the training sets.

It reads the same runs as the paper. It was chosen by cross-validation among those runs alone, before it was
scored on any other (docs/testbed.md, which lists every attempt).

Loss law, for training set s, with N the parameters without the input embedding and D the tokens:

    L = E_s + A_s * (N / 1e8)^-alpha + B * (D / 1e9)^-alpha

alpha and B are shared. It minimises the squares of predicted / observed - 1, weighted by the square root of
compute: cheap runs follow the law less well. Error law, with L the loss on c4_val:

    Err = eps - k_s * exp(-gamma * (L - 2.8))

eps and gamma are shared. eps is the value from which the other runs best predict the most expensive run of
each training set; gamma and k_s are then fitted to all runs, by least squares. The error of a run is
predicted from its predicted loss, with the loss law fitted again to all runs that the error law reads.

Intervals come from a parametric bootstrap. The misfit of a run has the size of the fit's residuals. A misfit
that all training sets share cannot be seen in residuals, since A_s and E_s hide it; so each model and
multiplier has a second one, of the same size, that is equal in all training sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import t as student

from .errors import TestbedError
from .table import TRAINING_SETS

Floats = NDArray[np.float64]

ALPHAS = np.geomspace(0.02, 2.0, 800)
GAMMAS = np.geomspace(0.05, 10.0, 300)
CEILING_STEP = 0.005
DRAWS = 500
LEVEL = 0.9
CENTRE_LOSS = 2.8


@dataclass(frozen=True)
class Draws:
    """Predictions of m runs: `best` (m,), and `samples` (draws, m) under refits to disturbed data, each with
    the misfit of the predicted run itself. degrees: of freedom of the misfit's estimated size."""

    best: Floats
    samples: Floats
    degrees: int

    def interval(self) -> tuple[Floats, Floats]:
        """Two-sided interval of LEVEL around `best`, (m,) each."""
        half = student.ppf((1 + LEVEL) / 2, self.degrees) * self.samples.std(axis=0)
        return self.best - half, self.best + half


@dataclass(frozen=True)
class LossLaw:
    """The loss law of the module's head. floors E_s and factors A_s are in the order of TRAINING_SETS.
    spread: of the relative misfit of the most expensive fitted run."""

    alpha: float
    floors: tuple[float, ...]
    factors: tuple[float, ...]
    data_factor: float
    spread: float

    def predict(self, runs: pd.DataFrame) -> Floats:
        """Loss of runs, (m,)."""
        weights = np.array([*self.floors, *self.factors, self.data_factor])
        return _LossColumns(runs).at(self.alpha) @ weights


def fit_loss_law(fitted: pd.DataFrame, losses: Floats) -> LossLaw:
    """Fit the loss law to runs, (n,) rows with the columns of a design, and their losses.

    Raises TestbedError where losses do not fall with parameters and tokens.
    """
    losses = np.asarray(losses, dtype=float)
    basis = _trust(fitted, fitted["flops"].max()) / losses
    columns = _LossColumns(fitted)

    def best_weights(log_alpha: float) -> tuple[Floats, float]:
        scaled = columns.at(np.exp(log_alpha)) * basis[:, None]
        weights = np.linalg.lstsq(scaled, losses * basis, rcond=None)[0]
        return weights, float(((losses * basis - scaled @ weights) ** 2).sum())

    at = int(np.argmin([best_weights(x)[1] for x in np.log(ALPHAS)]))
    near = np.log(ALPHAS[[max(at - 1, 0), min(at + 1, len(ALPHAS) - 1)]])
    found = minimize_scalar(lambda x: best_weights(x)[1], bounds=near, method="bounded").x
    weights, squares = best_weights(found)
    alpha = float(np.exp(found))
    sets = len(TRAINING_SETS)
    if at in (0, len(ALPHAS) - 1) or not np.all(weights[sets:] > 0):
        raise TestbedError(
            "the losses of the fitted runs do not fall with parameters and tokens as the law says"
        )
    spread = float(np.sqrt(squares / (len(fitted) - len(weights) - 1)))
    return LossLaw(alpha, tuple(weights[:sets]), tuple(weights[sets:-1]), float(weights[-1]), spread)


def draw_losses(
    law: LossLaw, fitted: pd.DataFrame, losses: Floats, wanted: pd.DataFrame, rng: np.random.Generator
) -> Draws:
    """Losses that the law and its refits predict for `wanted`."""
    highest = fitted["flops"].max()
    size = law.spread / _trust(fitted, highest)
    disturbed = law.predict(fitted) * np.exp(_misfit(fitted, size, rng))
    basis = _trust(fitted, highest) / np.asarray(losses, dtype=float)
    columns, scaled = _LossColumns(fitted), disturbed * basis
    lowest, chosen = np.full(DRAWS, np.inf), np.zeros(DRAWS, dtype=int)
    for number, alpha in enumerate(ALPHAS):
        orthonormal = np.linalg.qr(columns.at(alpha) * basis[:, None])[0]
        squares = ((scaled - scaled @ orthonormal @ orthonormal.T) ** 2).sum(axis=1)
        chosen[squares < lowest] = number
        lowest = np.minimum(squares, lowest)
    samples, wanted_columns = np.empty((DRAWS, len(wanted))), _LossColumns(wanted)
    for number in np.unique(chosen):
        rows = chosen == number
        weights = scaled[rows] @ np.linalg.pinv(columns.at(ALPHAS[number]) * basis[:, None]).T
        samples[rows] = weights @ wanted_columns.at(ALPHAS[number]).T
    own = law.spread / np.minimum(_trust(wanted, highest), 1.0)
    samples *= np.exp(_misfit(wanted, own, rng))
    return Draws(law.predict(wanted), samples, len(fitted) - 2 * len(TRAINING_SETS) - 2)


@dataclass(frozen=True)
class ErrorLaw:
    """The error law of the module's head. factors k_s are in the order of TRAINING_SETS. spread: of the
    misfit of a run, in units of error."""

    ceiling: float
    gamma: float
    factors: tuple[float, ...]
    spread: float

    def predict(self, runs: pd.DataFrame, losses: Floats) -> Floats:
        """Error of runs with those losses, (m,)."""
        return self.ceiling - _gains(losses, self.gamma) * np.array(self.factors)[_set_numbers(runs)]


def fit_error_law(fitted: pd.DataFrame, losses: Floats, errors: Floats) -> ErrorLaw:
    """Fit the error law to runs, their losses and their errors, (n,) each.

    Raises TestbedError where errors do not fall with the loss.
    """
    losses, errors = np.asarray(losses, dtype=float), np.asarray(errors, dtype=float)
    ceiling, gamma, factors, squares = (each[0] for each in _fit_errors(fitted, losses, errors[None, :]))
    if not np.all(factors > 0) or gamma in (GAMMAS[0], GAMMAS[-1]):
        raise TestbedError("the errors of the fitted runs do not fall with their loss as the law says")
    spread = float(np.sqrt(squares / (len(fitted) - len(factors) - 2)))
    return ErrorLaw(float(ceiling), float(gamma), tuple(factors), spread)


def draw_errors(
    law: ErrorLaw,
    fitted: pd.DataFrame,
    losses: Floats,
    wanted: pd.DataFrame,
    wanted_losses: Draws,
    rng: np.random.Generator,
) -> Draws:
    """Errors that the law and its refits predict for `wanted`, from the draws of their losses."""
    losses = np.asarray(losses, dtype=float)
    expected = law.predict(fitted, losses)
    disturbed = expected + law.spread * rng.standard_normal((DRAWS, len(fitted)))
    ceilings, gammas, factors, _ = _fit_errors(fitted, losses, disturbed)
    gains = np.exp(-gammas[:, None] * (wanted_losses.samples - CENTRE_LOSS))
    samples = ceilings[:, None] - gains * factors[:, _set_numbers(wanted)]
    samples += law.spread * rng.standard_normal(samples.shape)
    degrees = len(fitted) - len(law.factors) - 2
    return Draws(law.predict(wanted, wanted_losses.best), samples, degrees)


def _fit_errors(runs: pd.DataFrame, losses: Floats, errors: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Ceilings, gammas, factors (rows, sets) and summed squares for errors (rows, n)."""
    held_out = (runs.groupby("training_set")["flops"].transform("max") == runs["flops"]).to_numpy()
    sets = _set_numbers(runs)
    lowest_step, highest_step = np.ceil(0.9 * errors.max() / CEILING_STEP), np.floor(1 / CEILING_STEP)
    rest = _Gammas(sets[~held_out], losses[~held_out], errors[:, ~held_out])
    smallest, chosen = np.full(len(errors), np.inf), np.full(len(errors), np.nan)
    for ceiling in np.arange(lowest_step, highest_step + 1) * CEILING_STEP:
        gammas, factors = rest.fit(np.full(len(errors), ceiling))
        gains = np.exp(-gammas[:, None] * (losses[held_out] - CENTRE_LOSS))
        predicted = ceiling - gains * factors[:, sets[held_out]]
        squares = ((predicted / errors[:, held_out] - 1) ** 2).sum(axis=1)
        better = squares < smallest
        smallest[better], chosen[better] = squares[better], ceiling
    gammas, factors = _Gammas(sets, losses, errors).fit(chosen)
    gains = np.exp(-gammas[:, None] * (losses - CENTRE_LOSS))
    squares = ((chosen[:, None] - gains * factors[:, sets] - errors) ** 2).sum(axis=1)
    return chosen, gammas, factors, squares


class _Gammas:
    """Least-squares fits of eps - Err = k_s exp(-gamma (L - 2.8)) to errors (rows, n), for given eps.

    Each gamma of GAMMAS gives a column for each training set. Columns of different sets do not overlap, so
    each takes its share of the squares alone, and the best gamma is the one whose columns take most.
    """

    def __init__(self, sets: NDArray[np.int64], losses: Floats, errors: Floats) -> None:
        gains = np.exp(-GAMMAS[:, None] * (losses - CENTRE_LOSS))
        columns = gains[:, :, None] * np.eye(len(TRAINING_SETS))[sets]
        self.sizes = np.sqrt((columns**2).sum(axis=1))
        unit = columns / self.sizes[:, None, :]
        self.of_errors = np.einsum("rn,gns->rgs", errors, unit, optimize=True)
        self.of_one = unit.sum(axis=1)
        # Squares that the columns take: a parabola in eps.
        self.squares = (self.of_errors**2).sum(axis=2)
        self.cross = (self.of_errors * self.of_one).sum(axis=2)
        self.curve = (self.of_one**2).sum(axis=1)

    def fit(self, ceilings: Floats) -> tuple[Floats, Floats]:
        """Gammas (rows,) and factors (rows, sets) for ceilings eps, (rows,)."""
        eps, rows = ceilings[:, None], np.arange(len(ceilings))
        at = np.argmax(self.squares + eps * (eps * self.curve - 2 * self.cross), axis=1)
        return GAMMAS[at], (eps * self.of_one[at] - self.of_errors[rows, at]) / self.sizes[at]


def _gains(losses: Floats, gamma: float) -> Floats:
    return np.exp(-gamma * (losses - CENTRE_LOSS))


class _LossColumns:
    """What the loss law multiplies by E_s, A_s and B for some runs, (n, 2 sets + 1)."""

    def __init__(self, runs: pd.DataFrame) -> None:
        self.member = np.eye(len(TRAINING_SETS))[_set_numbers(runs)]
        self.params = runs["params_without_embedding"].to_numpy(dtype=float) / 1e8
        self.tokens = runs["tokens"].to_numpy(dtype=float) / 1e9

    def at(self, alpha: float) -> Floats:
        of_model, of_data = self.params**-alpha, self.tokens**-alpha
        return np.hstack([self.member, self.member * of_model[:, None], of_data[:, None]])


def _trust(runs: pd.DataFrame, highest: float) -> Floats:
    """The square root of a run's weight: its misfit is taken to be `spread` over this."""
    return (runs["flops"].to_numpy(dtype=float) / highest) ** 0.25


def _misfit(runs: pd.DataFrame, size: Floats, rng: np.random.Generator) -> Floats:
    """Relative misfits (DRAWS, n): one of each run, and one that runs of a model and multiplier share."""
    shared = runs.groupby(["model", "multiplier"]).ngroup().to_numpy()
    own = rng.standard_normal((DRAWS, len(runs)))
    return size * (own + rng.standard_normal((DRAWS, shared.max() + 1))[:, shared])


def _set_numbers(runs: pd.DataFrame) -> NDArray[np.int64]:
    return runs["training_set"].map({name: i for i, name in enumerate(TRAINING_SETS)}).to_numpy()
