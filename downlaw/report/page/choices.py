"""What the laws of each score say of the mixtures at a budget: which is ahead, and whether that is noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from downlaw.laws import Status
from downlaw.laws.comparison import Answer
from downlaw.laws.estimates import lower_is_better

from ..findings import at_budget, behind_by
from ..labels import METRIC_LABELS, enumerate_words, short_count, with_interval
from .blocks import Column, Table, count, metric_name, percent
from .compared import Lead, measured_lead
from .trust import Doubt, doubts_of, largest_miss

NOT_COMPARED = (Answer.NO_LAW, Answer.BELOW)
"""Answers of mixtures that no law speaks of at a budget."""
_SURE_SHARE, _LEANING_SHARE = 0.9, 0.7
"""In so many draws of the noise a mixture is ahead for the answer to be clear, or to lean to it."""


@dataclass(frozen=True)
class Choice:
    """What the laws of one metric say of the mixtures at one budget.

    best: the mixture ahead, of those with a law; None where no law says anything. behind: the rows of the
    others.
    without_law: the mixtures that cannot be compared, as no law says what they reach; void ones, and level
    ones that lie behind as measured, are no such.
    decided: whether every difference is beyond its noise; None where the noise is unknown.
    missed: the largest held-out error of the laws compared, as a share. lead: the smallest relative lead.
    doubts: about the law of the mixture ahead. measured: who is ahead as measured, where that is known.
    """

    metric: str
    tokens: float
    best: pd.Series | None
    behind: pd.DataFrame
    without_law: tuple[str, ...]
    share: float
    decided: bool | None
    lead: float
    missed: float
    doubts: tuple[Doubt, ...] = ()
    measured: Lead | None = None

    @property
    def name(self) -> str:
        return METRIC_LABELS[self.metric].name

    @property
    def mixture(self) -> str:
        return "" if self.best is None else str(self.best["mixture"])

    @property
    def beyond_noise(self) -> bool:
        """Whether the lead is over all mixtures, and beyond the noise."""
        return bool(self.decided) and not self.without_law and not self.share < _SURE_SHARE

    @property
    def surer(self) -> bool:
        """Whether it is also more than the laws missed by, and by a law that its tests leave no doubt of."""
        return self.beyond_noise and not self.doubts and self.missed < self.lead

    @property
    def leans(self) -> bool:
        """Whether the mixture leads all others in most draws of the noise."""
        return not self.without_law and self.share >= _LEANING_SHARE


@dataclass(frozen=True)
class Evidence:
    """The tables of one task and finetuning size, as far as they are there; here: its runs."""

    here: pd.DataFrame
    laws: pd.DataFrame | None = None
    verdicts: pd.DataFrame | None = None
    compared: pd.DataFrame | None = None


def choices_at_largest(valued: pd.DataFrame, evidence: Evidence, metrics: list[str]) -> list[Choice]:
    """The choice of each metric at the largest budget that was asked of it."""
    found = []
    for metric in metrics:
        asked = at_budget(valued, metric)
        asked = asked[asked["pretrain_tokens"].notna()]  # empty where no mixture has a point
        if len(asked):
            tokens = asked["pretrain_tokens"].max()
            found.append(_choice(asked[asked["pretrain_tokens"] == tokens], metric, evidence))
    return found


def _choice(rows: pd.DataFrame, metric: str, evidence: Evidence) -> Choice:
    tokens = float(rows["pretrain_tokens"].iloc[0])
    known = rows[rows["predicted"].notna()]
    best = known[known["mixture"] == known["best_mixture"]]
    without = _without_law(rows, best, metric, evidence.here)
    measured = measured_lead(evidence.here, evidence.compared, metric)
    if best.empty:
        nan = np.nan
        return Choice(metric, tokens, None, known, without, nan, None, nan, nan, measured=measured)
    first, behind = best.iloc[0], known[known["mixture"] != best["mixture"].iloc[0]]
    differences = behind[["difference", "difference_low", "difference_high"]].to_numpy(float)
    decided = None
    if len(behind) and np.isfinite(differences).all():
        decided = bool(np.all(np.sign(differences[:, 1]) == np.sign(differences[:, 2])))
    lead = np.nan
    if len(behind):
        larger = np.maximum(abs(first["predicted"]), behind["predicted"].abs().to_numpy(float))
        lead = float((np.abs(differences[:, 0]) / larger).min())
    missed = largest_miss(evidence.laws, list(known["mixture"]), metric)
    doubts = doubts_of(first, metric, evidence.laws, evidence.verdicts)
    if missed >= lead:
        doubts = (*doubts, Doubt.MISSED)
    share = float(first["share_best"]) if pd.notna(first["share_best"]) else np.nan
    return Choice(metric, tokens, first, behind, without, share, decided, lead, missed, doubts, measured)


def _without_law(rows: pd.DataFrame, best: pd.DataFrame, metric: str, here: pd.DataFrame) -> tuple[str, ...]:
    """The mixtures of which no law says what they reach, but for level ones: those stay what they are."""
    out = rows[rows["answer"].isin(NOT_COMPARED)]
    if "status" not in out or best.empty:
        return tuple(out["mixture"])
    kept = here[here["selected"] & (here["status"] == "ok")]
    values = kept.groupby(["mixture", "pretrain_tokens"])[metric].mean().groupby("mixture")
    low, high = (best[f"predicted_{end}"].fillna(best["predicted"]).iloc[0] for end in ("low", "high"))
    behind = values.min() > high if lower_is_better(metric) else values.max() < low
    level = (out["status"] == Status.FLAT) & out["mixture"].map(behind).fillna(False).astype(bool)
    return tuple(out.loc[~level, "mixture"])


def choice_said(choice: Choice) -> str:
    """One sentence on what the laws of a metric say at the budget."""
    if choice.best is None:
        tokens = short_count(choice.tokens)
        return f"{choice.name}: no mixture has a law that can be extrapolated to Dp = {tokens}."
    best = choice.best
    reached = with_interval(
        choice.metric, *best[["predicted", "predicted_low", "predicted_high"]].astype(float)
    )
    of = " of those with a law," if choice.without_law else ""
    said = f"{choice.name}:{of} {choice.mixture} is predicted to reach {reached}"
    if choice.behind.empty and not choice.without_law:
        return f"{said}; no other mixture has a law at this budget."
    if len(choice.behind):
        nearest = choice.behind.loc[choice.behind["difference"].abs().idxmin()]
        said += f"; {nearest['mixture']} is next, behind by {behind_by(choice.metric, nearest)}"
    if choice.without_law:
        names = enumerate_words(choice.without_law)
        has = "has" if len(choice.without_law) == 1 else "have"
        said = f"{said}; but {names} {has} no law at this budget, and may be better or worse: not decided"
        return f"{said}{_measured_best(choice)}."
    if choice.decided is None:
        return f"{said}, and the noise is not known."
    if not choice.decided:
        return f"{said}: an interval that holds 0, so that noise may explain it."
    if Doubt.MISSED in choice.doubts:
        said += (
            ", beyond the noise of the points; yet a law missed held-out points by"
            f" {100 * choice.missed:.1f}%, more than the lead of {100 * choice.lead:.1f}%"
        )
        others = [doubt for doubt in choice.doubts if doubt != Doubt.MISSED]
        return f"{said}{f', and its law {enumerate_words(others)}' if others else ''}."
    if choice.doubts:
        return f"{said}, beyond the noise of the points; yet its law {enumerate_words(choice.doubts)}."
    return f"{said}, beyond the noise."


def _measured_best(choice: Choice) -> str:
    """Who is best as measured, beside what some laws alone say."""
    lead = choice.measured
    if lead is None:
        return ""
    value = with_interval(choice.metric, lead.value, np.nan, np.nan)
    p = f" ({lead.p_said.replace('p = ', 'p at most ', 1)})" if lead.p_said else ""
    return f". As measured at Dp = {short_count(lead.tokens)}, {lead.mixture} is best, with {value}{p}"


def budget_table(
    valued: pd.DataFrame | None, here: pd.DataFrame, metrics: list[str], id: str
) -> Table | None:
    """Which mixture is ahead at each budget, metric by metric."""
    if valued is None:
        return None
    asked = [(metric, at_budget(valued, metric)) for metric in metrics]
    rows = [
        _budget_row(_choice(one[one["pretrain_tokens"] == tokens], metric, Evidence(here)))
        for metric, one in asked
        for tokens in sorted(one["pretrain_tokens"].dropna().unique())
    ]
    columns = (
        Column("metric", "score", metric_name),
        Column("pretrain_tokens", "Dp", count, numeric=True),
        Column("extrapolation", "times the largest Dp", numeric=True),
        Column("ahead shown", "ahead by laws"),
        Column("predicted shown", "predicted", numeric=True),
        Column("share_best", "share of draws", percent(0), numeric=True),
        Column("next", "next"),
        Column("behind shown", "behind by", numeric=True),
        Column("decided", "beyond the noise"),
        Column("measured shown", "best as measured"),
    )
    if not rows:
        return None
    ends = [f"{name}{end}" for name in ("predicted", "behind") for end in ("", "_low", "_high")]
    numbers = ["mixture", *ends, "measured_best", "measured_tokens"]
    frame = pd.DataFrame(rows, columns=[*(column.name for column in columns), *numbers])
    return Table(id, "Which mixture the laws put ahead at each budget", frame, columns, "valuations.csv")


def _budget_row(one: Choice) -> dict[str, object]:
    """A row of the table of budgets: texts for people in columns named with a space, numbers unrounded."""
    row: dict[str, object] = {"metric": one.metric, "pretrain_tokens": one.tokens, "mixture": one.mixture}
    row["ahead shown"] = one.mixture or "no law"
    if one.best is not None:
        row["extrapolation"] = one.best.get("extrapolation")
        row |= _ends("predicted", one.metric, one.best[["predicted", "predicted_low", "predicted_high"]])
        if not one.without_law:
            row["share_best"] = one.share
    if len(one.behind):
        following = one.behind.loc[one.behind["difference"].abs().idxmin()]
        gap, low, high = following[["difference", "difference_low", "difference_high"]].astype(float)
        ends = (gap, low, high) if lower_is_better(one.metric) else (-gap, -high, -low)
        row |= {"next": following["mixture"]} | _ends("behind", one.metric, ends)
        row["decided"] = {None: "noise unknown", True: "yes", False: "no"}[one.decided]
    if one.without_law:
        row["ahead shown"] = f"{one.mixture} (of those with a law)" if one.mixture else "no law"
        row["decided"] = f"not compared: {enumerate_words(one.without_law)}"
    if one.measured is not None:
        lead = one.measured
        row |= {"measured_best": lead.mixture, "measured_tokens": lead.tokens}
        row["measured shown"] = f"{lead.mixture} at {short_count(lead.tokens)}"
    return row


def _ends(name: str, metric: str, values: Iterable[float]) -> dict[str, object]:
    value, low, high = map(float, values)
    return {f"{name} shown": with_interval(metric, value, low, high)} | dict(
        zip((name, f"{name}_low", f"{name}_high"), (value, low, high), strict=True)
    )
