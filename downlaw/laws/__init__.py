"""Downstream scaling laws: families, fits and tables. Needs numpy, scipy and pandas only."""

from .families import FAMILIES, Family, LogLaw, PowerLaw
from .fit import Fit, Status, fit_law
from .tables import (
    METRICS,
    Curve,
    FittedMetric,
    Point,
    TableError,
    check_runs,
    curves,
    fit_runs,
    read_laws,
    read_runs,
)

__all__ = [
    "FAMILIES",
    "METRICS",
    "Curve",
    "Family",
    "Fit",
    "FittedMetric",
    "LogLaw",
    "Point",
    "PowerLaw",
    "Status",
    "TableError",
    "check_runs",
    "curves",
    "fit_law",
    "fit_runs",
    "read_laws",
    "read_runs",
]
