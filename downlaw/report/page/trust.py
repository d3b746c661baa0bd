"""Whether a law that puts a mixture ahead can be trusted that far: what its own tests said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np
import pandas as pd

from downlaw.laws import Status

from ..labels import FAMILY_LABELS, METRIC_LABELS, enumerate_words, short_count
from .blocks import rows_at

MISFIT = 0.05
"""A law whose misfit_p is smaller does not fit its own points."""
_WORTH_TELLING, _FAR = 0.01, 0.1
"""Shares by which a law missed a held-out point: to be listed, and to stand beside the answer."""


class Doubt(StrEnum):
    """Why a lead by laws is uncertain, as it is said of the law."""

    FAILED = "failed its test on held-out points"
    MISFIT = "does not fit its own points"
    UNIDENTIFIED = "is not fixed by its points"
    UNTESTED = "was not tested on held-out points"
    MISSED = "(or a rival's) missed held-out points by more than the lead"


def doubts_of(
    best: pd.Series, metric: str, laws: pd.DataFrame | None, verdicts: pd.DataFrame | None
) -> tuple[Doubt, ...]:
    """The doubts about the law of the mixture ahead, of laws.csv and verdicts.csv, the gravest first.

    best: its row of valuations.csv, whose law is of all points.
    """
    found = set()
    law = _of(laws, mixture=best["mixture"], metric=metric, role="law")
    judged = _of(verdicts, mixture=best["mixture"], metric=metric)
    if judged is not None and _failed(judged):
        found.add(Doubt.FAILED)
    if law is None or pd.isna(law["held_out_error"]):
        found.add(Doubt.UNTESTED)
    if law is not None and law.get("misfit_p") < MISFIT:
        found.add(Doubt.MISFIT)
    statuses = [None if law is None else law["status"], best.get("status")]
    if any(pd.notna(status) and status not in (Status.OK, Status.NO_HELD_OUT) for status in statuses):
        found.add(Doubt.UNIDENTIFIED)
    return tuple(doubt for doubt in Doubt if doubt in found)


def _of(table: pd.DataFrame | None, **place: str) -> pd.Series | None:
    rows = rows_at(table, **place)
    return rows.iloc[0] if rows is not None and len(rows) else None


def _failed(verdict: pd.Series) -> bool:
    """Whether the law missed held-out points by more than noise and the margin of equality allow."""
    if verdict["verdict"] != "inconclusive":
        return False
    error, limit, margin = (verdict.get(name) for name in ("held_out_error", "held_out_limit", "margin"))
    if error is None or limit is None or pd.isna(error) or pd.isna(limit):
        return "misses the others" in str(verdict["reason"])
    return bool(error > limit and not error <= (limit if margin is None else margin))


def worst_misses(predictions: pd.DataFrame | None, mixture: str, metrics: Sequence[str]) -> pd.DataFrame:
    """The held-out point of each metric that the mixture's law was farthest from, with `off` as a share."""
    if predictions is None:
        return pd.DataFrame(columns=["metric", "pretrain_tokens", "off"])
    rows = predictions[(predictions["fitted"] == "smallest") & (predictions["mixture"] == mixture)]
    rows = rows[rows["metric"].isin(list(metrics)) & rows["observed"].notna() & rows["predicted"].notna()]
    rows = rows[rows["observed"] != 0]
    rows = rows.assign(off=(rows["predicted"] - rows["observed"]) / rows["observed"].abs())
    worst = rows.groupby("metric")["off"].apply(lambda off: off.abs().idxmax())
    order = [metric for metric in metrics if metric in worst.index]
    return rows.loc[[worst[metric] for metric in order]]


def _missed_by(row) -> str:
    went = "overshot" if row.off > 0 else "undershot"
    name = METRIC_LABELS[row.metric].name
    return f"{went} {name} by {100 * abs(row.off):.0f}% at Dp = {short_count(row.pretrain_tokens)}"


def farthest_said(predictions: pd.DataFrame | None, mixture: str, metrics: Sequence[str]) -> str:
    """The farthest miss of all metrics, for the first screen; empty where none is far."""
    rows = worst_misses(predictions, mixture, metrics)
    if rows.empty or rows["off"].abs().max() < _FAR:
        return ""
    return _missed_by(next(rows.loc[[rows["off"].abs().idxmax()]].itertuples()))


def laws_tested(
    predictions: pd.DataFrame | None, laws: pd.DataFrame | None, mixture: str, metrics: Sequence[str]
) -> Iterator[str]:
    """How the laws of a mixture did at held-out points, and where another family predicted better."""
    rows = worst_misses(predictions, mixture, metrics)
    far = [_missed_by(row) for row in rows.itertuples() if abs(row.off) >= _WORTH_TELLING]
    if far:
        yield f"The laws of {mixture} from its smallest Dp, at worst: they {enumerate_words(far)}."
    if laws is None:
        return
    best = laws[(laws["mixture"] == mixture) & (laws["role"] != "law") & laws["metric"].isin(list(metrics))]
    best = best[best["best"].astype(str) == "True"]
    better = [
        f"{FAMILY_LABELS.get(law, str(law))} in"
        f" {enumerate_words([METRIC_LABELS[metric].name for metric in same['metric']])}"
        for law, same in best.groupby("law", sort=False)
    ]
    if better:
        yield (
            f"Another family predicted points of {mixture} better, each from those before it:"
            f" {enumerate_words(better)}."
        )


def doubts_said(doubted: Sequence[tuple[str, Doubt]]) -> str:
    """The gravest doubt of each score in a clause; doubted: the score's name and its doubt."""
    parts = []
    for doubt in Doubt:
        names = [name for name, one in doubted if one == doubt]
        if names:
            parts.append(f"{doubt} in {enumerate_words(names)}")
    return f"its law {enumerate_words(parts)}" if parts else ""


def largest_miss(laws: pd.DataFrame | None, mixtures: Sequence[str], metric: str) -> float:
    """The largest held-out error of the laws compared, as a share; NaN where none is known."""
    if laws is None:
        return np.nan
    mine = laws[(laws["role"] == "law") & (laws["metric"] == metric) & laws["mixture"].isin(list(mixtures))]
    return float(np.expm1(mine["held_out_error"].astype(float).max()))
