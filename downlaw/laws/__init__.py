"""Downstream scaling laws: families, fits, intervals, verdicts and valuations. Needs numpy, scipy and pandas
only."""

from .batch import BatchFit, fit_batch
from .bootstrap import Bootstrap, bootstrap
from .curves import Curve, Point, curves
from .families import FAMILIES, Chart, Family, Parameter, Shape
from .fit import Fit, Status, fit_law, fit_many
from .fitted import FittedCurve, fit_curves
from .laws_table import LAW_COLUMNS, PREDICTION_COLUMNS, fit_runs, predict_runs, read_laws
from .model import NotFittedError, ScalingLaw, compare
from .next_run import next_runs
from .noise import Noise
from .objective import Objective
from .tables import (
    METRICS,
    FittedMetric,
    TableError,
    check_resamples,
    check_runs,
    read_resamples,
    read_runs,
)
from .valuation import value_runs
from .verdicts import Verdict, judge, verdict_runs

__all__ = [
    "FAMILIES",
    "LAW_COLUMNS",
    "METRICS",
    "PREDICTION_COLUMNS",
    "BatchFit",
    "Bootstrap",
    "Chart",
    "Curve",
    "Family",
    "Fit",
    "FittedCurve",
    "FittedMetric",
    "Noise",
    "NotFittedError",
    "Objective",
    "Parameter",
    "Point",
    "ScalingLaw",
    "Shape",
    "Status",
    "TableError",
    "Verdict",
    "bootstrap",
    "check_resamples",
    "check_runs",
    "compare",
    "curves",
    "fit_batch",
    "fit_curves",
    "fit_law",
    "fit_many",
    "fit_runs",
    "judge",
    "next_runs",
    "predict_runs",
    "read_laws",
    "read_resamples",
    "read_runs",
    "value_runs",
    "verdict_runs",
]
