"""What the laws of each score say of the mixtures at a budget: which is ahead, and whether that is noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from downlaw.laws import Status
from downlaw.laws.comparison import Answer
from downlaw.laws.estimates import lower_is_better

from ..findings import at_budget, behind_by
from ..labels import METRIC_LABELS, enumerate_words, short_count, with_interval
from .blocks import Column, Table, count, metric_name, percent

_NOT_COMPARED = (Answer.NO_LAW, Answer.BELOW)
_SURE_SHARE, _LEANING_SHARE = 0.9, 0.7
"""In so many draws of the noise a mixture is ahead for the answer to be clear, or to lean to it."""


@dataclass(frozen=True)
class Choice:
    """What the laws of one metric say of the mixtures at one budget.

    best: the mixture ahead, None where no law says anything. behind: the rows of the others.
    without_law: the mixtures that cannot be compared, as no law says what they reach; void ones, and level
    ones that lie behind as measured, are no such.
    decided: whether every difference is beyond its noise; None where the noise is unknown.
    missed: the largest held-out error of the laws compared. lead: the smallest relative lead.
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

    @property
    def name(self) -> str:
        return METRIC_LABELS[self.metric].name

    @property
    def mixture(self) -> str:
        return "" if self.best is None else str(self.best["mixture"])

    @property
    def surer(self) -> bool:
        """Whether the lead is over all mixtures, and beyond the noise and what laws missed by."""
        trusted = np.isnan(self.missed) or self.missed <= self.lead
        return bool(self.decided) and not self.without_law and trusted and not self.share < _SURE_SHARE

    @property
    def leans(self) -> bool:
        """Whether the mixture leads all others in most draws of the noise."""
        return not self.without_law and self.share >= _LEANING_SHARE


def choices_at_largest(
    valued: pd.DataFrame, laws: pd.DataFrame | None, here: pd.DataFrame, metrics: list[str]
) -> list[Choice]:
    """The choice of each metric at the largest budget that was asked of it; here: the runs."""
    found = []
    for metric in metrics:
        asked = at_budget(valued, metric)
        if len(asked):
            tokens = asked["pretrain_tokens"].max()
            found.append(_choice(asked[asked["pretrain_tokens"] == tokens], metric, laws, here))
    return found


def _choice(rows: pd.DataFrame, metric: str, laws: pd.DataFrame | None, here: pd.DataFrame) -> Choice:
    tokens = float(rows["pretrain_tokens"].iloc[0])
    known = rows[rows["predicted"].notna()]
    best = known[known["mixture"] == known["best_mixture"]]
    without = _without_law(rows, best, metric, here)
    if best.empty:
        return Choice(metric, tokens, None, known, without, np.nan, None, np.nan, np.nan)
    first, behind = best.iloc[0], known[known["mixture"] != best["mixture"].iloc[0]]
    differences = behind[["difference", "difference_low", "difference_high"]].to_numpy(float)
    decided = None
    if len(behind) and np.isfinite(differences).all():
        decided = bool(np.all(np.sign(differences[:, 1]) == np.sign(differences[:, 2])))
    lead = float(np.abs(differences[:, 0]).min() / abs(first["predicted"])) if len(behind) else np.nan
    missed = np.nan
    if laws is not None:
        mine = laws[(laws["role"] == "law") & (laws["metric"] == metric)]
        missed = float(mine.loc[mine["mixture"].isin(known["mixture"]), "held_out_error"].max())
    share = float(first["share_best"]) if pd.notna(first["share_best"]) else np.nan
    return Choice(metric, tokens, first, behind, without, share, decided, lead, missed)


def _without_law(rows: pd.DataFrame, best: pd.DataFrame, metric: str, here: pd.DataFrame) -> tuple[str, ...]:
    """The mixtures of which no law says what they reach, but for level ones: those stay what they are."""
    out = rows[rows["answer"].isin(_NOT_COMPARED)]
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
    said = f"{choice.name}: {choice.mixture} is predicted to reach {reached}"
    if choice.behind.empty:
        return f"{said}; no other mixture has a law at this budget."
    nearest = choice.behind.loc[choice.behind["difference"].abs().idxmin()]
    gap = behind_by(choice.metric, nearest)
    said += f"; {nearest['mixture']} is next, behind by {gap}"
    if choice.without_law:
        names = enumerate_words(choice.without_law)
        has = "has" if len(choice.without_law) == 1 else "have"
        return f"{said}; but {names} {has} no law at this budget, and may be better or worse: not decided."
    if choice.decided is None:
        return f"{said}, and the noise is not known."
    if not choice.decided:
        return f"{said}: an interval that holds 0, so that noise may explain it."
    if choice.missed > choice.lead:
        return (
            f"{said}, beyond the noise of the points; yet a law missed held-out points by"
            f" {100 * choice.missed:.1f}%, more than the lead of {100 * choice.lead:.1f}%."
        )
    return f"{said}, beyond the noise."


def budget_table(
    valued: pd.DataFrame | None, here: pd.DataFrame, metrics: list[str], id: str
) -> Table | None:
    """Which mixture is ahead at each budget, metric by metric."""
    if valued is None:
        return None
    rows = []
    for metric in metrics:
        asked = at_budget(valued, metric)
        for tokens in sorted(asked["pretrain_tokens"].dropna().unique()):
            one = _choice(asked[asked["pretrain_tokens"] == tokens], metric, None, here)
            row = {"metric": metric, "pretrain_tokens": tokens, "mixture": one.mixture or "no law"}
            if one.best is not None:
                row["extrapolation"] = one.best.get("extrapolation")
                row["share_best"] = one.share
                ends = one.best[["predicted", "predicted_low", "predicted_high"]].astype(float)
                row["predicted"] = with_interval(metric, *ends)
            if len(one.behind):
                next_best = one.behind.loc[one.behind["difference"].abs().idxmin()]
                row |= {"next": next_best["mixture"], "behind": behind_by(metric, next_best)}
                row["decided"] = {None: "noise unknown", True: "yes", False: "no"}[one.decided]
            if one.without_law:
                row["decided"] = f"not compared: {enumerate_words(one.without_law)}"
            rows.append(row)
    columns = (
        Column("metric", "score", metric_name),
        Column("pretrain_tokens", "Dp", count, numeric=True),
        Column("extrapolation", "times the largest Dp", numeric=True),
        Column("mixture", "ahead"),
        Column("predicted", "predicted", numeric=True),
        Column("share_best", "share of draws", percent(0), numeric=True),
        Column("next", "next"),
        Column("behind", "behind by", numeric=True),
        Column("decided", "beyond the noise"),
    )
    if not rows:
        return None
    frame = pd.DataFrame(rows, columns=[column.name for column in columns])
    return Table(id, "Which mixture the laws put ahead at each budget", frame, columns, "valuations.csv")
