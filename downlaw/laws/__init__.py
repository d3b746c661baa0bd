"""Downstream scaling laws: families, fits, intervals, verdicts and valuations. Needs numpy, scipy and pandas
only."""

from .batch import BatchFit, fit_batch
from .bootstrap import Bootstrap, bootstrap
from .choice_error import CHOICE_ERROR, choice_laws
from .curves import Curve, Point, curves
from .downstream_error import NOT_FITTABLE, TASK_COLUMNS
from .families import FAMILIES, Chart, Family, Parameter, Shape
from .fit import Fit, Status, fit_law, fit_many
from .fitted import FittedCurve, fit_curves
from .laws_table import LAW_COLUMNS, PREDICTION_COLUMNS, fit_runs, predict_runs, read_laws
from .lm_laws import LM_LAW_COLUMNS, LM_LINE_COLUMNS, LM_PREDICTION_COLUMNS, LmLaws, fit_lm_runs
from .lm_tables import check_lm_resamples, check_lm_runs, read_lm_resamples, read_lm_runs
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
    "CHOICE_ERROR",
    "FAMILIES",
    "LAW_COLUMNS",
    "LM_LAW_COLUMNS",
    "LM_LINE_COLUMNS",
    "LM_PREDICTION_COLUMNS",
    "METRICS",
    "NOT_FITTABLE",
    "PREDICTION_COLUMNS",
    "TASK_COLUMNS",
    "BatchFit",
    "Bootstrap",
    "Chart",
    "Curve",
    "Family",
    "Fit",
    "FittedCurve",
    "FittedMetric",
    "LmLaws",
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
    "check_lm_resamples",
    "check_lm_runs",
    "check_resamples",
    "check_runs",
    "choice_laws",
    "compare",
    "curves",
    "fit_batch",
    "fit_curves",
    "fit_law",
    "fit_lm_runs",
    "fit_many",
    "fit_runs",
    "judge",
    "next_runs",
    "predict_runs",
    "read_laws",
    "read_lm_resamples",
    "read_lm_runs",
    "read_resamples",
    "read_runs",
    "value_runs",
    "verdict_runs",
]
