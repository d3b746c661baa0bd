"""A table of runs of the over-training track, made by known laws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

SIZES = {"xs": 1e7, "s": 4e7, "m": 1.6e8, "l": 6.4e8, "xl": 2.56e9}
FITTED = (("xs", 20), ("s", 20), ("m", 20), ("l", 20), ("xs", 320), ("m", 80))
HELD_OUT = (("xl", 20), ("l", 160), ("s", 80))
ERROR_TOO = HELD_OUT[2]
"""What the error law is fitted to besides."""

FLOORS = {"news": 1.8, "web": 2.0}
COEFFICIENTS = {"a": 60.0, "b": 150.0, "eta": 0.15}
ERRORS = {"eps": 0.8, "ln_k": 0.0, "gamma": 0.6}
TASKS = ("copa", "piqa")
CHANCE = 0.75


def loss_of(params: float, multiplier: float, floor: float = FLOORS["news"]) -> float:
    p, flops = COEFFICIENTS, 6 * params**2 * multiplier
    return floor + (p["a"] * multiplier ** p["eta"] + p["b"] * multiplier ** -p["eta"]) * flops ** -p["eta"]


def error_of(loss: float) -> float:
    return ERRORS["eps"] - math.exp(ERRORS["ln_k"] - ERRORS["gamma"] * loss)


def run_rows(model: str, multiplier: float, *, seed: int = 1, training_set: str = "news", **columns) -> list:
    """The rows of one run: two evaluation sets, two tasks around the law of their average. Scores are rounded
    as in a table by hand (and searches end sooner than on points that a law goes through)."""
    params = SIZES[model]
    row = {"run": f"{training_set}-{model}-{multiplier}-{seed}", "training_set": training_set}
    row |= {"model": model, "params": params, "tokens": multiplier * params, "seed": seed, "status": "ok"}
    row |= {"multiplier_asked": multiplier, "loss_fit": (model, multiplier) in FITTED}
    row |= {"error_fit": (model, multiplier) in (*FITTED, ERROR_TOO), "chance": None}
    rows = []
    for evaluation, floor in FLOORS.items():
        scores = {"kind": "set", "evaluation": evaluation, "metric": "cross_entropy"}
        rows.append(row | scores | {"value": round(loss_of(params, multiplier, floor), 6)} | columns)
    error = error_of(loss_of(params, multiplier))
    for task, above in zip(TASKS, (-0.02, 0.02), strict=True):
        scores = {"kind": "task", "evaluation": task, "metric": "error", "chance": CHANCE}
        rows.append(row | scores | {"value": round(error + above, 6)} | columns)
    return rows


def lm_table(
    cells: Iterable[tuple[str, float]] = (*FITTED, *HELD_OUT),
    seeds: int | Callable[..., int] = 1,
    more: Iterable[dict] = (),
    **columns,
) -> pd.DataFrame:
    """A table of `seeds` runs for each cell, and of `more` rows."""
    rows = []
    for model, multiplier in cells:
        count = seeds(model, multiplier) if callable(seeds) else seeds
        for seed in range(1, count + 1):
            rows += run_rows(model, multiplier, seed=seed, **columns)
    return pd.DataFrame([*rows, *more])


def diverged(model: str, multiplier: float, seed: int = 1) -> dict:
    """The one row of a run that diverged."""
    row = run_rows(model, multiplier, seed=seed)[0] | {"status": "diverged", "tokens": 1000}
    return row | dict.fromkeys(("kind", "evaluation", "metric", "value"))


def noisy(runs: pd.DataFrame, sd: float, seed: int = 0) -> pd.DataFrame:
    """The same table with independent errors of ln(value)."""
    factor = np.exp(sd * np.random.default_rng(seed).normal(size=len(runs)))
    return runs.assign(value=runs["value"] * factor)


def resamples_of(runs: pd.DataFrame, sd: float, *, common: bool = False, draws: int = 300) -> pd.DataFrame:
    """Resamples of every score: independent errors, or one that all runs on an evaluation share."""
    rng = np.random.default_rng(7)
    shared = {name: sd * rng.normal(size=draws) for name in runs["evaluation"].unique()}
    columns = ["training_set", "model", "multiplier_asked", "seed", "evaluation", "metric"]
    parts = []
    for row in runs.itertuples():
        errors = shared[row.evaluation] if common else sd * rng.normal(size=draws)
        part = pd.DataFrame({"resample": range(draws), "value": row.value * np.exp(errors)})
        parts.append(part.assign(**{name: getattr(row, name) for name in columns}))
    return pd.concat(parts, ignore_index=True)
