"""The error law on the transfer track: how often a model takes a wrong translation for the right one, over
its cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES
from .curves import CurveNoise, Point
from .downstream_error import ERROR_LAW, with_noisy_losses
from .families import FAMILIES, Floats
from .fit import DEFAULT_N_FIT
from .noise import Noise
from .overtraining import CellLaw
from .tables import check_runs, numbers

CHOICE_ERROR = "translation_choice_error"
_LOSS = "cross_entropy"

COEFFICIENTS = tuple(parameter.name for parameter in FAMILIES[ERROR_LAW].parameters)
CHOICE_LAW_COLUMNS = (
    *("track", "task", "finetune_pairs", "scope", "mixture", "metric", "law"),
    *(column for name in COEFFICIENTS for column in (name, f"{name}_low", f"{name}_high")),
    *("n_fit", "n_held_out", "objective", "fit_error", "held_out_error", "on_bound"),
    *("noise", "misfit_p", "interval_level", "interval_status", "status"),
)


def choice_laws(
    runs: pd.DataFrame,
    *,
    n_fit: int = DEFAULT_N_FIT,
    resamples: pd.DataFrame | None = None,
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
) -> pd.DataFrame:
    """Fit Err(L) = eps - k exp(-gamma L) (Gadre et al. 2024, arXiv:2403.08540, Eq. 5) to translation choice.

    For each task and finetuning size: to the points of each mixture (`scope` is "mixture"), and to those of
    all mixtures and the baseline together ("all"). A point is the mean over the seeds at one Dp. As on
    curves, the `n_fit` smallest Dp of each mixture are fitted, the baseline with them; the others are
    predicted from their measured cross-entropy. Least squares, as in the paper; intervals need a noise level
    (see curves).

    Returns columns CHOICE_LAW_COLUMNS, what does not exist empty; no rows without both metrics. Raises
    TableError where a table is no such table.
    """
    runs = check_runs(runs)
    rows: list[dict[str, object]] = []
    if {CHOICE_ERROR, _LOSS} <= set(runs.columns):
        runs[CHOICE_ERROR] = numbers(runs[CHOICE_ERROR], "runs")
        kept = runs[runs["selected"] & (runs["status"] == "ok")].dropna(subset=[CHOICE_ERROR, _LOSS])
        for (task, pairs), here in kept.groupby(["task", "finetune_pairs"], sort=True):
            noises = [CurveNoise(here, metric, resamples, None) for metric in (_LOSS, CHOICE_ERROR)]
            mixtures = sorted(set(here["mixture"]) - {""})
            scopes = [("mixture", mixture, [mixture]) for mixture in mixtures]
            for scope, mixture, names in [*scopes, ("all", None, ["", *mixtures])]:
                points = _Points.of(here, names, n_fit, noises, str(task), int(pairs))
                place = {"track": "transfer", "task": task, "finetune_pairs": pairs}
                place |= {"scope": scope, "mixture": mixture, "metric": CHOICE_ERROR, "law": ERROR_LAW}
                rows.append(place | _row(points, level, samples))
    return pd.DataFrame(rows, columns=list(CHOICE_LAW_COLUMNS))


@dataclass(frozen=True)
class _Points:
    """Losses and errors of points, whether they are fitted, and their noise where it is known; (n,) each."""

    losses: Floats
    errors: Floats
    fitted: np.ndarray
    noises: tuple[Noise, Noise] | None

    @classmethod
    def of(
        cls,
        runs: pd.DataFrame,
        mixtures: Sequence[str],
        n_fit: int,
        noises: Sequence[CurveNoise],
        task: str,
        pairs: int,
    ) -> _Points:
        parts = [(mixture, list(_points(runs[runs["mixture"] == mixture]))) for mixture in mixtures]
        points = [both for _, each in parts for both in each]
        drawn = [
            [
                noise.of(task, pairs, mixture, [both[place] for both in each])
                for mixture, each in parts
                if each
            ]
            for place, noise in enumerate(noises)
        ]
        return cls(
            np.array([loss.value for loss, _ in points]),
            np.array([error.value for _, error in points]),
            np.array([place < n_fit for _, each in parts for place in range(len(each))], dtype=bool),
            _joint(drawn),
        )


def _points(runs: pd.DataFrame) -> Iterator[tuple[Point, Point]]:
    """Loss and error at each Dp of one mixture."""
    for tokens, same in runs.groupby("pretrain_tokens", sort=True):
        yield tuple(
            Point(int(tokens), float(same[metric].mean()), math.nan, math.nan, len(same))
            for metric in (_LOSS, CHOICE_ERROR)
        )  # type: ignore[misc]


def _joint(drawn: Sequence[Sequence[Noise | None]]) -> tuple[Noise, Noise] | None:
    """The noise of all points of both metrics; None unless it is known of all and from the same source."""
    found = [noise for each in drawn for noise in each]
    if any(noise is None for noise in found) or len({noise.source for noise in found}) > 1:
        return None
    return tuple(Noise(np.hstack([one.draws for one in each]), each[0].source) for each in drawn)  # type: ignore


def _row(points: _Points, level: float, samples: int) -> dict[str, object]:
    fitted = points.fitted
    law = CellLaw.of(FAMILIES[ERROR_LAW], points.losses[fitted], points.errors[fitted])
    row: dict[str, object] = {}
    if points.noises is not None and law.fit.place is not None:
        of_losses, of_errors = (noise.at(list(np.flatnonzero(fitted))) for noise in points.noises)
        noise = with_noisy_losses(law, points.losses[fitted], of_losses, of_errors)
        law = law.spread_by(points.losses[fitted], noise, samples)
        row = {"noise": noise.source, "interval_level": level, "misfit_p": law.spread.misfit_p}
    law = law.tested_on(law.predict(points.losses[~fitted]), points.errors[~fitted])
    fit = law.fit
    row |= {
        "n_fit": fit.n_fit,
        "n_held_out": fit.n_held_out,
        "objective": fit.objective,
        "fit_error": fit.fit_error,
        "held_out_error": fit.held_out_error,
        "on_bound": "; ".join(fit.on_bound) or None,
        "interval_status": law.interval_status,
        "status": str(fit.status),
    }
    row |= {name: value for name, value in fit.parameters.items() if math.isfinite(value)}
    if law.spread is not None and fit.parameters:
        for name, ends in law.spread.parameter_intervals(level).items():
            for side, end in zip(("low", "high"), ends, strict=True):
                row |= {f"{name}_{side}": end} if math.isfinite(end) else {}
    return row
