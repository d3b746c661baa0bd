"""From a table of runs to curves, and what is known of their noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd

from .families import Floats
from .noise import DEFAULT_DRAWS, Noise
from .seeds import SeedSpread
from .tables import KEYS, SEEDS, TableError, check_resamples, check_runs

NORMAL_95 = 1.959964
"""Half the width of a 95% interval of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Point:
    """The selected runs of one curve at one Dp.

    value: mean of the metric over `n_seeds` runs. low, high: with one run, its own interval over test
    segments (NaN where the table has none); with more, the smallest and the largest run.
    """

    pretrain_tokens: int
    value: float
    low: float
    high: float
    n_seeds: int


@dataclass(frozen=True)
class Curve:
    """The selected, finished runs of one (task, finetuning size, mixture) over pretraining tokens, for one
    metric.

    points: by growing Dp, all above 0. baseline: the runs without pretraining, never part of the curve.
    n_diverged: runs of any learning rate that did not finish. n_missing: selected and finished runs that
    lack the metric. noise: what is known of the errors of the points and, as its last column, of the
    baseline, where that is there and its noise is known too; None where nothing is known.
    """

    task: str
    finetune_pairs: int
    mixture: str
    metric: str
    points: tuple[Point, ...]
    baseline: Point | None
    n_diverged: int
    n_missing: int
    noise: Noise | None = None

    @property
    def tokens(self) -> Floats:
        """Pretraining tokens of the points, shape (n,)."""
        return np.array([point.pretrain_tokens for point in self.points], dtype=float)

    @property
    def values(self) -> Floats:
        """The metric at the points, shape (n,)."""
        return np.array([point.value for point in self.points], dtype=float)

    @property
    def baseline_noise(self) -> Noise | None:
        """The noise of the baseline, one column; None where it is not known."""
        n = len(self.points)
        known = self.noise is not None and self.noise.draws.shape[1] > n
        return self.noise.at(slice(n, n + 1)) if known else None

    @property
    def point_noise(self) -> Noise | None:
        """The noise of the points alone, without the baseline's."""
        return self.noise.at(slice(0, len(self.points))) if self.noise else None


def curves(
    runs: pd.DataFrame,
    metric: str,
    *,
    resamples: pd.DataFrame | None = None,
    relative_noise: float | None = None,
) -> list[Curve]:
    """Every curve of `metric` in a table of runs, by task, finetuning size and mixture.

    What is known of their noise comes from `resamples` (see check_resamples) and from seeds; without
    resamples from `relative_noise`, a standard deviation of ln(metric); without that from the intervals in
    the table. Raises TableError as check_runs does.
    """
    runs = check_runs(runs)
    if metric not in runs.columns:
        raise TableError(f"runs: column {metric!r} is missing")
    kept = runs[runs["selected"] & (runs["status"] == "ok")]
    pretrained = runs[runs["pretrain_tokens"] > 0]
    noises = CurveNoise(kept, metric, resamples, relative_noise)
    found = []
    for (task, pairs, mixture), rows in pretrained.groupby(["task", "finetune_pairs", "mixture"], sort=True):
        place = (kept["task"] == task) & (kept["finetune_pairs"] == pairs)
        mine = kept[place & (kept["mixture"] == mixture)]
        baseline = list(_points(kept[place & (kept["pretrain_tokens"] == 0)], metric))
        points = tuple(_points(mine, metric))
        found.append(
            Curve(
                task=str(task),
                finetune_pairs=int(pairs),
                mixture=str(mixture),
                metric=metric,
                points=points,
                baseline=baseline[0] if baseline else None,
                n_diverged=int((rows["status"] != "ok").sum()),
                n_missing=int(mine[metric].isna().sum()),
                noise=noises.of(str(task), int(pairs), str(mixture), [*points, *baseline])
                or noises.of(str(task), int(pairs), str(mixture), points),
            )
        )
    return found


def curves_by_metric(
    runs: pd.DataFrame,
    metrics: Iterable[str],
    resamples: pd.DataFrame | None,
    relative_noise: float | None,
) -> Iterator[tuple[str, list[Curve]]]:
    """Each of `metrics` that a table of runs has numbers of, with its curves; raises TableError."""
    runs = check_runs(runs)
    for metric in metrics:
        if metric in runs.columns and runs[metric].notna().any():
            yield metric, curves(runs, metric, resamples=resamples, relative_noise=relative_noise)


class CurveNoise:
    """What a table of runs, and of resamples where there is one, tell of the noise of one metric's curves.

    Seeds: the spread of ln(metric) between runs that differ in nothing else, of pretraining and of
    finetuning seeds (see SeedSpread), pooled over each task and finetuning size, as two or three seeds a
    point say little alone. Resamples: joint over all points of a task, as they share its test set.
    """

    def __init__(
        self,
        runs: pd.DataFrame,
        metric: str,
        resamples: pd.DataFrame | None,
        relative_noise: float | None,
    ) -> None:
        if relative_noise is not None and not 0 < relative_noise < math.inf:
            raise ValueError(f"the relative noise must be positive, not {relative_noise}")
        self.relative_noise = relative_noise
        self.runs = runs[runs[metric] > 0].assign(ln=lambda rows: np.log(rows[metric]))
        self.metric = metric
        self._spreads: dict[tuple[str, int], SeedSpread] = {}
        self.resampled: pd.DataFrame | None = None
        if resamples is not None:
            table = check_resamples(resamples)
            table = table[table["metric"] == metric]
            if not table.empty:
                table = table.assign(ln=np.log(table["value"].where(table["value"] > 0)))
                self.resampled = table.pivot_table(
                    index="resample", columns=[*KEYS, *SEEDS], values="ln", dropna=False, observed=True
                )

    def of(self, task: str, pairs: int, mixture: str, points: Sequence[Point]) -> Noise | None:
        """The joint noise of points of one curve, a baseline among them; None where it is not known."""
        here = self.runs[(self.runs["task"] == task) & (self.runs["finetune_pairs"] == pairs)]
        rows = [self._runs_of(here, mixture, point) for point in points]
        if not points or any(found.empty for found in rows):
            return None
        if (task, pairs) not in self._spreads:
            self._spreads[task, pairs] = SeedSpread.of(here)
        between_seeds = self._between_seeds(self._spreads[task, pairs], rows)
        segments = self._segments(rows)
        seed = crc32(f"{task} {pairs} {mixture} {self.metric}".encode())  # curves have nothing else in common
        if segments is None and self.relative_noise is not None:
            return Noise.relative(self.relative_noise, len(points), seed=seed)
        if between_seeds is None:
            return segments or self._intervals(points, seed)
        seeds = Noise.independent(
            between_seeds,
            source="seeds",
            draws=len(segments.draws) if segments else DEFAULT_DRAWS,
            seed=seed,
        )
        return segments.plus(seeds) if segments else seeds

    @staticmethod
    def _runs_of(here: pd.DataFrame, mixture: str, point: Point) -> pd.DataFrame:
        name = mixture if point.pretrain_tokens else ""
        return here[(here["mixture"] == name) & (here["pretrain_tokens"] == point.pretrain_tokens)]

    @staticmethod
    def _between_seeds(spread: SeedSpread, rows: Sequence[pd.DataFrame]) -> Floats | None:
        """Standard deviation of each point's ln(metric) by its seeds, (n,); None where seeds show none."""
        variances = [
            spread.variance_of_mean(
                found.groupby("pretraining_seed").size().to_list(),
                pretrained=bool(found["pretrain_tokens"].iloc[0]),
            )
            for found in rows
        ]
        return None if None in variances else np.sqrt(np.array(variances, dtype=float))

    def _segments(self, rows: Sequence[pd.DataFrame]) -> Noise | None:
        """From resamples of the test set, None unless every run of every point has them."""
        if self.resampled is None:
            return None
        drawn = []
        for found in rows:
            keys = [tuple(row) for row in found[[*KEYS, *SEEDS]].itertuples(index=False)]
            if not set(keys) <= set(self.resampled.columns):
                return None
            drawn.append(self.resampled[keys].to_numpy(float).mean(axis=1))
        draws = np.column_stack(drawn)
        if not np.all(np.isfinite(draws)):
            return None
        return Noise(draws - draws.mean(axis=0), "segments")

    @staticmethod
    def _intervals(points: Sequence[Point], seed: int) -> Noise | None:
        """From the 95% intervals in the table, taken as independent; None unless every point has one."""
        low = np.array([point.low for point in points])
        high = np.array([point.high for point in points])
        if not np.all(np.isfinite(low) & np.isfinite(high) & (low > 0) & (high > low)):
            return None
        return Noise.independent(
            (np.log(high) - np.log(low)) / (2 * NORMAL_95), source="intervals", seed=seed
        )


def _points(rows: pd.DataFrame, metric: str) -> Iterator[Point]:
    rows = rows[rows[metric].notna()]
    for tokens, same in rows.groupby("pretrain_tokens", sort=True):
        values = same[metric]
        if len(same) > 1:
            low, high = values.min(), values.max()
        else:
            low, high = (
                same[b].iloc[0] if b in same else math.nan for b in (f"{metric}_low", f"{metric}_high")
            )
        yield Point(int(tokens), float(values.mean()), float(low), float(high), len(same))
