"""Metrics of translations: scores, their intervals, and their errors on a test set drawn anew."""

from .base import MeanMetric, MeanScore, Metric, SummedMetric, TextError, Translations
from .crossentropy import likelihood_statistics
from .registry import GROUPS, METRICS, text_metrics
from .scores import count_segments, scores_row
from .segments import (
    RUN_TYPES,
    StatisticsError,
    join_tables,
    metrics_of,
    read_statistics,
    resample_runs,
    runs_of,
    segment_table,
)
from .translation_choice import translation_choice_statistics

__all__ = [
    "GROUPS",
    "METRICS",
    "RUN_TYPES",
    "MeanMetric",
    "MeanScore",
    "Metric",
    "StatisticsError",
    "SummedMetric",
    "TextError",
    "Translations",
    "count_segments",
    "join_tables",
    "likelihood_statistics",
    "metrics_of",
    "read_statistics",
    "resample_runs",
    "runs_of",
    "scores_row",
    "segment_table",
    "text_metrics",
    "translation_choice_statistics",
]
