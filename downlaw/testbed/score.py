"""An estimator's predictions for every run of the testbed, beside what was measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .archive import Opener, open_archive
from .budget import ERROR_FLOPS, ERROR_RUNS, GROUPS, LOSS_FLOPS, LOSS_RUNS, budget_rows, designs, groups
from .errors import TestbedError
from .estimators import ERRORS, ESTIMATORS, LOSS, METRICS
from .table import read_runs


@dataclass(frozen=True)
class Scores:
    """estimator: its name. source, published: as of Archive.

    runs: one row a run: the columns of a design, `group` (one of GROUPS), and for each METRIC of METRICS
    METRIC (measured), METRIC_predicted, METRIC_low, METRIC_high (90% interval, NaN without one),
    METRIC_relative_error = predicted / measured - 1, METRIC_inside (whether the interval holds the measured
    value; missing without an interval) and METRIC_fitted (whether the law was fitted to this run).
    coefficients: as of Estimate.
    """

    estimator: str
    source: str
    published: bool
    runs: pd.DataFrame
    coefficients: pd.DataFrame

    @property
    def targets(self) -> pd.DataFrame:
        """The rows of the paper's targets."""
        return self.runs[self.runs["group"] == "target"].reset_index(drop=True)

    def summary(self) -> pd.DataFrame:
        """For each group but the budget's, and each metric, over the runs that its law was not fitted to:
        group, metric, runs, mean_relative_error, worst_relative_error (absolute values), inside (how many
        intervals hold the measured value, missing without intervals)."""
        rows = []
        for group in GROUPS[1:]:
            for metric in METRICS:
                of_group = self.runs[(self.runs["group"] == group) & ~self.runs[f"{metric}_fitted"]]
                sizes = of_group[f"{metric}_relative_error"].abs()
                inside = of_group[f"{metric}_inside"]
                held = inside.sum() if len(inside) and inside.notna().all() else pd.NA
                rows.append((group, metric, len(of_group), sizes.mean(), sizes.max(), held))
        columns = ["group", "metric", "runs", "mean_relative_error", "worst_relative_error", "inside"]
        return pd.DataFrame(rows, columns=columns).astype({"inside": "Int64"})

    def as_records(self) -> dict[str, Any]:
        """Everything as numbers, texts, lists and objects that JSON knows; what is missing is None."""
        return {
            "estimator": self.estimator,
            "source": self.source,
            "published": self.published,
            "summary": _records(self.summary()),
            "coefficients": _records(self.coefficients),
            "runs": _records(self.runs),
        }


def run(
    archive: Path | str | None = None, estimator: str = "downlaw", opener: Opener | None = None
) -> Scores:
    """Put an estimator of ESTIMATORS to the testbed of Gadre et al. 2024.

    Args:
        archive: a local copy, .tar.gz or folder; fetched from GitHub and kept where None.
        opener: opens URLs, as in open_archive.

    Raises:
        TestbedError: as open_archive and read_runs do, for an unknown estimator, for a run in the budget
            that is missing, and where a law cannot be fitted.
    """
    if estimator not in ESTIMATORS:
        raise TestbedError(f"no estimator is called {estimator!r}; there are {', '.join(ESTIMATORS)}")
    opened = open_archive(archive, opener)
    measured = read_runs(opened.members)
    estimate = ESTIMATORS[estimator](
        budget_rows(measured, LOSS_RUNS, LOSS_FLOPS),
        budget_rows(measured, ERROR_RUNS, ERROR_FLOPS),
        designs(measured),
    )
    runs = designs(measured)
    runs["group"] = groups(measured)
    in_error_law = pd.Series(
        list(zip(runs["model"], runs["multiplier"], strict=True)), index=runs.index
    ).isin(ERROR_RUNS)
    for metric in METRICS:
        predicted = estimate.predictions[metric]
        low, high = (estimate.predictions[f"{metric}_{end}"] for end in ("low", "high"))
        runs[metric] = measured[metric]
        runs[f"{metric}_predicted"], runs[f"{metric}_low"], runs[f"{metric}_high"] = predicted, low, high
        runs[f"{metric}_relative_error"] = predicted / measured[metric] - 1
        inside = ((low <= measured[metric]) & (measured[metric] <= high)).astype("boolean")
        runs[f"{metric}_inside"] = inside.mask(low.isna())
        runs[f"{metric}_fitted"] = in_error_law if metric in ERRORS else runs["group"] == "budget"
    return Scores(estimator, opened.source, opened.published, runs, estimate.coefficients)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return json.loads(table.to_json(orient="records", double_precision=12))


__all__ = ["LOSS", "Scores", "run"]
