"""Which runs an estimator may read, and which it has to predict."""

from __future__ import annotations

import pandas as pd

from .errors import TestbedError
from .table import DESIGN, TRAINING_SETS

LOSS_RUNS = (("0.011B", 20.0), ("0.011B", 320.0), ("0.079B", 20.0), ("0.154B", 20.0), ("0.411B", 20.0))
"""Model and multiplier of the runs of each training set that the loss law reads, as the paper's does."""

ERROR_RUNS = (*LOSS_RUNS, ("1.4B", 20.0))
"""The same for the error law."""

TARGETS = (
    ("c4_original", "1.4B", 80.0),
    ("c4_original", "6.9B", 20.0),
    ("rpj", "1.4B", 640.0),
    ("rpj", "6.9B", 20.0),
    ("rw_original", "1.4B", 320.0),
    ("rw_original", "6.9B", 20.0),
)
"""The paper's targets: training set, model and multiplier."""

LOSS_FLOPS = 2.42e19
ERROR_FLOPS = 2.74e20
"""What the runs of one training set may cost together. The paper's own cost 2.414e19 and 2.729e20."""

FEWEST_TOKENS_A_PARAMETER = 20.0
"""Runs with fewer are under-trained; the laws are not meant for them."""

GROUPS = ("budget", "target", "above the budget", "cheaper", "under-trained")


def budget_rows(runs: pd.DataFrame, wanted: tuple[tuple[str, float], ...], flops: float) -> pd.DataFrame:
    """The rows of `wanted` models and multipliers for every training set: all that an estimator is given.

    Raises TestbedError where one is missing, or those of a training set cost more than `flops` together.
    """
    found = []
    for training_set in TRAINING_SETS:
        of_set = runs[runs["training_set"] == training_set]
        rows = of_set[_is_one_of(of_set, wanted)]
        if len(rows) != len(wanted):
            have = set(zip(rows["model"], rows["multiplier"], strict=True))
            model, multiplier = next(each for each in wanted if each not in have)
            raise TestbedError(
                f"{training_set} has no run of {model} at M = {multiplier:g}, which the laws need"
            )
        if rows["flops"].sum() > flops:
            raise TestbedError(
                f"what is read of {training_set} costs {rows['flops'].sum():.3g} FLOPs, over {flops:.3g}"
            )
        found.append(rows)
    return pd.concat(found, ignore_index=True)


def designs(runs: pd.DataFrame) -> pd.DataFrame:
    """What is known of runs before they are trained: no loss, no accuracy."""
    return runs[DESIGN].copy()


def groups(runs: pd.DataFrame) -> pd.Series:
    """The one of GROUPS that each run is in: `budget` runs are read by both laws; a run is `above the budget`
    if it alone costs more than a training set's runs for the loss law together, and `cheaper` if not."""
    group = pd.Series("cheaper", index=runs.index)
    group[runs["flops"] > LOSS_FLOPS] = "above the budget"
    group[runs["multiplier"] < FEWEST_TOKENS_A_PARAMETER] = "under-trained"
    group[_is_one_of(runs, LOSS_RUNS)] = "budget"
    names = list(zip(runs["training_set"], runs["model"], runs["multiplier"], strict=True))
    group[[name in TARGETS for name in names]] = "target"
    return group


def _is_one_of(runs: pd.DataFrame, wanted: tuple[tuple[str, float], ...]) -> list[bool]:
    return [each in wanted for each in zip(runs["model"], runs["multiplier"], strict=True)]
