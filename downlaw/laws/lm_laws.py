"""From a table of runs of the over-training track to its tables of laws, predictions, tasks and lines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES, spread
from .cells import Cells, Scores
from .downstream_error import (
    DEFAULT_MARGIN,
    ERROR_LAW,
    FEWEST_TASKS,
    NOT_FITTABLE,
    TASK_COLUMNS,
    DownstreamLaw,
    choose_tasks,
)
from .families import Floats
from .fit import Method
from .lm_tables import ERROR, LOSS, check_lm_resamples, check_lm_runs
from .overtraining import LOSS_RIVAL, CellLaw, LossLaw, measurement_draws, runs_read

TRACK = "lm"
COEFFICIENTS = ("E", "a", "b", "eta", "A", "alpha", "B", "beta", "eps", "ln_k", "gamma")
PLACE = ("track", "training_set", "evaluation_set", "metric", "law")
LM_LAW_COLUMNS = (
    *(*PLACE, "role"),
    *(column for name in COEFFICIENTS for column in (name, f"{name}_low", f"{name}_high")),
    *("tasks", "n_fit", "n_held_out", "n_diverged", "n_missing", "delta", "objective"),
    *("fit_error", "held_out_error", "on_bound", "noise", "noise_sd", "misfit_p"),
    *("interval_level", "interval_status", "fitted_flops", "status", "reason"),
)
LM_PREDICTION_COLUMNS = (
    *(*PLACE, "model", "params", "tokens", "multiplier", "multiplier_asked", "flops", "n_seeds"),
    *("predicted_loss", "observed", "predicted", "low", "high", "measured_low", "measured_high"),
    *("relative_error", "inside", "times_less_compute"),
    *("noise", "interval_level", "interval_status", "status"),
)
LM_LINE_COLUMNS = (
    *(*PLACE, "multiplier", "flops", "loss", "predicted", "low", "high", "E", "interval_level", "status"),
)
POINTS_A_LINE = 50


@dataclass(frozen=True)
class LmLaws:
    """The laws of the over-training track as tables; what does not exist is empty.

    laws (LM_LAW_COLUMNS): for each training set and evaluation set the loss law and its rival, then the error
    law of the training set. n_diverged: cells of which a seed diverged. n_missing: finished runs without the
    scores. fitted_flops: of all runs read, seeds counted, for errors by both laws.

    predictions (LM_PREDICTION_COLUMNS): of the loss law, every cell that it is not fitted to; of the error
    law, every cell in neither fit. relative_error: predicted / observed - 1. low, high: where the law lies.
    measured_low, measured_high: where a measurement with the cell's own noise on the same evaluation lies.
    inside: whether the observed one does. times_less_compute: flops of one run of the cell over fitted_flops.

    tasks (TASK_COLUMNS): which tasks are in the average error, and why.

    lines (LM_LINE_COLUMNS), to be drawn: of the loss law, for each multiplier asked (`multiplier`), predicted
    loss at 50 values of flops from the cheapest to the dearest cell; predicted - E is the reducible loss. Of
    the error law, predicted error at 50 values of loss (`loss`) that span those measured and predicted. Laws
    without numbers have no lines.
    """

    laws: pd.DataFrame
    predictions: pd.DataFrame
    tasks: pd.DataFrame
    lines: pd.DataFrame


def fit_lm_runs(
    runs: pd.DataFrame,
    *,
    resamples: pd.DataFrame | None = None,
    error_loss: str | None = None,
    task_margin: float = DEFAULT_MARGIN,
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
    method: Method = "fast",
) -> LmLaws:
    """The procedure of Gadre et al. 2024 on a table of runs (see check_lm_runs), with intervals where the
    noise is known: from `resamples` (see check_lm_resamples), from seeds, or both.

    error_loss: the evaluation set whose loss the error law is a function of, by default the one that has the
    training set's own name. task_margin: how far below chance the best fitted run must be at a task for the
    task to enter the average error. level: of the intervals, from `samples` draws. Rows come in the order of
    the runs. Raises TableError for tables that are none, and ValueError for an error_loss that is no
    evaluation set, a level outside 0 to 1, and samples below 1.
    """
    if not 0 < level < 1 or samples < 1:
        raise ValueError(f"level must lie between 0 and 1, and samples be positive, not {level}, {samples}")
    runs = check_lm_runs(runs)
    drawn = None if resamples is None else check_lm_resamples(resamples)
    scored = runs[runs["value"].notna()]
    sets = list(scored.loc[(scored["kind"] == "set") & (scored["metric"] == LOSS), "evaluation"].unique())
    of_tasks = scored[(scored["kind"] == "task") & (scored["metric"] == ERROR)]
    tasks = of_tasks.drop_duplicates("evaluation").rename(columns={"evaluation": "task"})
    if error_loss is not None and error_loss not in sets:
        raise ValueError(f"error_loss {error_loss!r} is no evaluation set; there are {', '.join(sets)}")
    laws, predictions, lines, chosen = [], [], [], []
    for training_set in runs["training_set"].unique():
        cells = Cells(runs, drawn, training_set, samples)
        tables = _Tables(cells, level)
        losses = {law.evaluation: law for law in LossLaw.of_sets(cells, sets, method=method)}
        rivals = LossLaw.of_sets(cells, sets, family=LOSS_RIVAL, intervals=False, method=method)
        for law, rival in zip(losses.values(), rivals, strict=True):
            laws += [tables.loss_law(law), tables.loss_law(rival)]
            predictions += tables.loss_predictions(law)
            lines += tables.loss_lines(law)
        if tasks.empty:
            continue
        chosen.append(choose_tasks(cells, tasks, task_margin))
        entering = tuple(chosen[-1].loc[chosen[-1]["enters"], "task"])
        name = training_set if error_loss is None else error_loss
        reason = None
        if name not in losses:
            reason = f"no evaluation set is named {name}; say which one the error is a function of"
        elif len(entering) < FEWEST_TASKS:
            reason = f"{len(entering)} of {len(tasks)} tasks enter the average, {FEWEST_TASKS} are needed"
        if reason:
            laws.append(tables.no_error_law(name, entering, reason))
            continue
        of_errors = DownstreamLaw.of(cells, entering, losses[name], method=method)
        laws.append(tables.error_law(of_errors))
        predictions += tables.error_predictions(of_errors)
        lines += tables.error_lines(of_errors)
    return LmLaws(
        pd.DataFrame(laws, columns=list(LM_LAW_COLUMNS)),
        pd.DataFrame(predictions, columns=list(LM_PREDICTION_COLUMNS)),
        pd.concat(chosen, ignore_index=True) if chosen else pd.DataFrame(columns=list(TASK_COLUMNS)),
        pd.DataFrame(lines, columns=list(LM_LINE_COLUMNS)),
    )


@dataclass(frozen=True)
class _Tables:
    """Rows of the tables for one training set."""

    cells: Cells
    level: float

    def loss_law(self, law: LossLaw) -> dict[str, object]:
        row = self._place(law.evaluation, LOSS, law.law.fit.family.name)
        row |= self._fit_columns(law.law, law.scores, law.fitted)
        row["fitted_flops"] = float(runs_read(self.cells, law.scores, law.fitted).sum()) or None
        row["role"] = "law"
        if law.law.fit.family.name == LOSS_RIVAL:
            row |= {"role": "rival", "noise": None, "noise_sd": None, "interval_status": None}
        return row

    def error_law(self, law: DownstreamLaw) -> dict[str, object]:
        row = self._place(law.losses.evaluation, ERROR, ERROR_LAW)
        row |= self._fit_columns(law.law, law.scores, law.fitted)
        return row | {"role": "law", "tasks": "; ".join(law.tasks), "fitted_flops": law.flops or None}

    def no_error_law(self, evaluation: str, tasks: tuple[str, ...], reason: str) -> dict[str, object]:
        row = self._place(evaluation, ERROR, ERROR_LAW) | {"role": "law", "tasks": "; ".join(tasks) or None}
        row |= {"n_fit": 0, "n_held_out": 0, "n_diverged": int(self.cells.grid["diverged"].sum())}
        return row | {"interval_status": NOT_FITTABLE, "status": NOT_FITTABLE, "reason": reason}

    def loss_predictions(self, law: LossLaw) -> Iterator[dict[str, object]]:
        flops = float(runs_read(self.cells, law.scores, law.fitted).sum())
        shared = self._place(law.evaluation, LOSS, law.law.fit.family.name) | self._how(law.law, law.scores)
        for place, row in self._predictions(law.held_out, law.predicted, law.draws, law.scores, flops):
            yield shared | self._cell(place, law.scores) | row

    def error_predictions(self, law: DownstreamLaw) -> Iterator[dict[str, object]]:
        shared = self._place(law.losses.evaluation, ERROR, ERROR_LAW) | self._how(law.law, law.scores)
        if law.losses.law.fit.place is None:
            shared["status"] = f"no loss law: {law.losses.law.fit.status}"
        for place, row in self._predictions(law.held_out, law.predicted, law.draws, law.scores, law.flops):
            row["predicted_loss"] = law.losses.predicted[place]
            yield shared | self._cell(place, law.scores) | row

    def loss_lines(self, law: LossLaw) -> Iterator[dict[str, object]]:
        fit, grid = law.law.fit, self.cells.grid
        if fit.place is None:
            return
        flops = np.geomspace(grid["flops"].min(), grid["flops"].max(), POINTS_A_LINE)
        shared = self._place(law.evaluation, LOSS, fit.family.name) | self._line_columns(law.law)
        shared["E"] = fit.parameters.get("E", math.nan)
        for multiplier in sorted(grid["multiplier_asked"].unique()):
            inputs = np.column_stack([flops, np.full_like(flops, multiplier)])
            for at, row in zip(flops, self._line(law.law, inputs), strict=True):
                yield shared | {"multiplier": multiplier, "flops": at} | row

    def error_lines(self, law: DownstreamLaw) -> Iterator[dict[str, object]]:
        if law.law.fit.place is None:
            return
        known = np.concatenate([law.losses.scores.values, law.losses.predicted])
        losses = np.linspace(np.nanmin(known), np.nanmax(known), POINTS_A_LINE)
        shared = self._place(law.losses.evaluation, ERROR, ERROR_LAW) | self._line_columns(law.law)
        for at, row in zip(losses, self._line(law.law, losses), strict=True):
            yield shared | {"loss": at} | row

    def _place(self, evaluation: str, metric: str, law: str) -> dict[str, object]:
        parts = (TRACK, self.cells.training_set, evaluation, metric, law)
        return dict(zip(PLACE, parts, strict=True))

    def _how(self, law: CellLaw, scores: Scores) -> dict[str, object]:
        return {
            "noise": scores.noise.source if scores.noise else None,
            "interval_level": self.level if law.spread else None,
            "interval_status": law.interval_status,
            "status": str(law.fit.status),
        }

    def _fit_columns(self, law: CellLaw, scores: Scores, fitted: np.ndarray) -> dict[str, object]:
        fit = law.fit
        row = self._how(law, scores) | {
            "n_fit": fit.n_fit,
            "n_held_out": fit.n_held_out,
            "n_diverged": int(self.cells.grid["diverged"].sum()),
            "n_missing": scores.n_missing,
            "delta": fit.minimised.delta,
            "objective": fit.objective,
            "fit_error": fit.fit_error,
            "held_out_error": fit.held_out_error,
            "on_bound": "; ".join(fit.on_bound) or None,
        }
        if scores.noise and fitted.any():
            row["noise_sd"] = float(np.median(scores.noise.sd[fitted]))
        row |= {name: value for name, value in fit.parameters.items() if math.isfinite(value)}
        if law.spread is not None and fit.parameters:
            row["misfit_p"] = law.spread.misfit_p
            for name, ends in law.spread.parameter_intervals(self.level).items():
                for side, end in zip(("low", "high"), ends, strict=True):
                    if math.isfinite(end):
                        row[f"{name}_{side}"] = end
        return row

    def _cell(self, place: int, scores: Scores) -> dict[str, object]:
        columns = ["model", "params", "tokens", "multiplier", "multiplier_asked", "flops"]
        cell = {name: self.cells.grid[name].iloc[place] for name in columns}
        return cell | {"n_seeds": int(scores.n_seeds[place])}

    def _predictions(
        self, held_out: np.ndarray, predicted: Floats, draws: Floats | None, scores: Scores, flops: float
    ) -> Iterator[tuple[int, dict[str, object]]]:
        """Each held-out cell by its position in the grid, with what is predicted of it."""
        ends = {name: np.full(held_out.size, math.nan) for name in ("low", "high")}
        ends |= {f"measured_{name}": each.copy() for name, each in ends.items()}
        if draws is not None:
            ends["low"], ends["high"] = spread(draws, self.level)
            new = measurement_draws(draws, scores.noise)
            ends["measured_low"], ends["measured_high"] = spread(new, self.level)
        for place in np.flatnonzero(held_out):
            row = {name: each[place] for name, each in ends.items()}
            observed, low, high = scores.values[place], row["measured_low"], row["measured_high"]
            row |= {"observed": observed, "predicted": predicted[place]}
            row["relative_error"] = predicted[place] / observed - 1 if observed > 0 else math.nan
            if np.isfinite(observed) and np.isfinite(low):
                row["inside"] = bool(low <= observed <= high)
            row["times_less_compute"] = self.cells.grid["flops"].iloc[place] / flops if flops else math.nan
            yield int(place), row

    def _line_columns(self, law: CellLaw) -> dict[str, object]:
        return {"interval_level": self.level if law.spread else None, "status": str(law.fit.status)}

    def _line(self, law: CellLaw, inputs: Floats) -> Iterator[dict[str, object]]:
        predicted = law.predict(inputs)
        low = high = np.full(len(predicted), math.nan)
        if law.spread is not None:
            low, high = law.spread.interval(inputs, self.level)
        for values in zip(predicted, low, high, strict=True):
            yield dict(zip(("predicted", "low", "high"), values, strict=True))
