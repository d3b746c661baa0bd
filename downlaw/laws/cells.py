"""Cells of the over-training track: one training set, model and token multiplier, seeds averaged, and what is
known of the noise of their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd

from .families import Floats
from .lm_tables import CELL, ERROR, LOSS
from .noise import Noise

CELL_IN_SET = list(CELL[1:])
RUN_IN_SET = [*CELL_IN_SET, "seed"]


@dataclass(frozen=True)
class CellNoise:
    """Joint errors of ln(metric) of cells.

    draws: (draws, n), a column NaN where the noise of that cell is not known. sd: (n,), standard deviations.
    """

    draws: Floats
    sd: Floats
    source: str

    def at(self, chosen: np.ndarray) -> Noise | None:
        """The noise of some cells, by position or mask; None unless it is known for all of them."""
        draws = self.draws[:, chosen]
        return Noise(draws, self.source) if np.all(np.isfinite(draws)) else None


@dataclass(frozen=True)
class Scores:
    """One metric of the cells of one training set, in their order.

    values: (n,), the mean over seeds; NaN where no run has the metric or a seed diverged. n_seeds: (n,), runs
    in the mean. noise: None where nothing is known. n_missing: finished runs that lack the metric.
    """

    values: Floats
    n_seeds: np.ndarray
    noise: CellNoise | None
    n_missing: int

    @property
    def known(self) -> np.ndarray:
        """Which cells have a value, (n,)."""
        return np.isfinite(self.values)


class Cells:
    """The cells of one training set, and their scores.

    grid: one row a cell, in the order of the runs: model, multiplier_asked, run (of its first seed), params,
    tokens, multiplier, flops, loss_fit, error_fit, diverged (whether a seed of it did). A cell of which no
    seed finished has the size that was asked for.
    """

    def __init__(
        self, runs: pd.DataFrame, resamples: pd.DataFrame | None, training_set: str, samples: int
    ) -> None:
        self.training_set, self.samples = training_set, samples
        self.runs = runs[runs["training_set"] == training_set]
        self.resamples = None
        if resamples is not None:
            self.resamples = resamples[resamples["training_set"] == training_set]
        diverged = (self.runs["status"] != "ok").groupby([self.runs[key] for key in CELL_IN_SET])
        # Sizes are those of a finished seed: one that diverged read fewer tokens.
        rows = self.runs.assign(failed=self.runs["status"] != "ok").sort_values("failed", kind="stable")
        rows = rows.drop_duplicates(CELL_IN_SET).sort_index(kind="stable")
        lost = rows["failed"]
        asked = (rows["multiplier_asked"] * rows["params"]).round().astype("int64")
        rows["tokens"] = rows["tokens"].mask(lost, asked)
        rows["multiplier"] = rows["multiplier"].mask(lost, rows["multiplier_asked"])
        rows["flops"] = rows["flops"].mask(lost, 6.0 * rows["params"] * rows["tokens"])
        columns = [*CELL_IN_SET, "run", "params", "tokens", "multiplier", "flops", "loss_fit", "error_fit"]
        order = self.runs.drop_duplicates(CELL_IN_SET)[CELL_IN_SET]
        self.grid = order.merge(rows[columns], on=CELL_IN_SET, how="left")
        self.grid["diverged"] = diverged.any().loc[pd.MultiIndex.from_frame(order)].to_numpy()

    def loss(self, evaluation: str) -> Scores:
        """Cross-entropy on one evaluation set, nats a token."""
        return self._scores([evaluation], "set", LOSS)

    def average_error(self, tasks: Sequence[str]) -> Scores:
        """Top-1 error, the mean over tasks of runs that have all of them."""
        return self._scores(tasks, "task", ERROR)

    def _scores(self, evaluations: Sequence[str], kind: str, metric: str) -> Scores:
        chosen = (self.runs["metric"] == metric) & (self.runs["kind"] == kind) & self.runs["value"].notna()
        finished = self.runs[(self.runs["status"] == "ok")]
        rows = finished[chosen.reindex(finished.index)]
        table = rows.pivot(index=RUN_IN_SET, columns="evaluation", values="value")
        values = table.reindex(columns=list(evaluations)).mean(axis=1, skipna=False).dropna()
        everyone = finished.drop_duplicates(RUN_IN_SET)[RUN_IN_SET]
        by_cell = values.groupby(level=CELL_IN_SET)
        cells = pd.MultiIndex.from_frame(self.grid[CELL_IN_SET])
        kept = ~self.grid["diverged"].to_numpy()
        means = np.where(kept, by_cell.mean().reindex(cells).to_numpy(float), np.nan)
        n_seeds = np.where(kept, by_cell.size().reindex(cells).fillna(0).to_numpy(), 0).astype(int)
        return Scores(
            means,
            n_seeds,
            self._noise(values, cells[kept], n_seeds, evaluations, metric),
            len(everyone) - len(values),
        )

    def _noise(
        self,
        values: pd.Series,
        cells: pd.MultiIndex,
        n_seeds: np.ndarray,
        evaluations: Sequence[str],
        metric: str,
    ) -> CellNoise | None:
        """From resamples, joint over cells, and from seeds, independent between cells.

        Segments count only where every scored cell of the fits has them: mixed with cells that have none,
        they would make the others look exact.
        """
        values = values[[key[:2] in set(cells) for key in values.index]]
        values = values[values > 0]
        segments = self._segments(values, evaluations, metric)
        fitted = (self.grid["loss_fit"] | self.grid["error_fit"]).to_numpy() & (n_seeds > 0)
        if segments is not None and not np.all(np.isfinite(segments[:, fitted])):
            segments = None
        logs = np.log(values).groupby(level=CELL_IN_SET)
        freedom = int((logs.size() - 1).sum())
        if segments is None and not freedom:
            return None
        draws, variance, sources = np.zeros((self.samples, len(self.grid))), np.zeros(len(self.grid)), []
        if segments is not None:
            draws = draws + segments[np.arange(self.samples) % len(segments)]
            variance, sources = variance + segments.var(axis=0), ["segments"]
        if freedom:
            between = float((logs.var(ddof=0) * logs.size()).sum()) / freedom
            sd = np.sqrt(between / np.maximum(n_seeds, 1))
            name = f"{self.training_set} {'; '.join(evaluations)} {metric}"
            seeds = Noise.independent(
                sd, source="seeds", draws=self.samples, seed=crc32(name.encode()), freedom=freedom
            )
            draws, variance, sources = draws + seeds.draws, variance + sd**2, [*sources, "seeds"]
        draws = np.where(n_seeds > 0, draws, np.nan)
        return CellNoise(draws, np.sqrt(variance), " and ".join(sources))

    def _segments(self, values: pd.Series, evaluations: Sequence[str], metric: str) -> Floats | None:
        """Errors of ln(metric) by resample, (resamples, n), NaN where a run of a cell has none; None where
        there are no resamples. Resample b of an average is that of resample b of each task."""
        if self.resamples is None or values.empty:
            return None
        rows = self.resamples[self.resamples["metric"] == metric]
        total: pd.DataFrame | int = 0
        for evaluation in evaluations:
            mine = rows[rows["evaluation"] == evaluation]
            if mine.empty:
                return None
            total = total + mine.pivot(index="resample", columns=RUN_IN_SET, values="value")
        by_run = (total / len(evaluations)).reindex(columns=pd.MultiIndex.from_tuples(values.index))
        draws = np.full((len(by_run), len(self.grid)), np.nan)
        for place, cell in enumerate(self.grid[CELL_IN_SET].itertuples(index=False, name=None)):
            of_cell = [number for number, key in enumerate(by_run.columns) if key[:2] == cell]
            if of_cell:
                means = by_run.iloc[:, of_cell].to_numpy(float).mean(axis=1)
                with np.errstate(invalid="ignore", divide="ignore"):
                    draws[:, place] = np.log(np.where(means > 0, means, np.nan))
        return draws - draws.mean(axis=0)
