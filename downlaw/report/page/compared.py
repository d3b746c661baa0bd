"""Which mixture is ahead as measured, and whether the noise of the test set explains it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from downlaw.laws.estimates import lower_is_better
from downlaw.metrics.comparisons import MIXTURES, MORE_TOKENS, NOISE

from ..labels import METRIC_LABELS, enumerate_words, short_count, with_interval

_FALLS_OF = "bleu"


@dataclass(frozen=True)
class Lead:
    """The mixture with the best score at the largest Dp that all mixtures were measured at.

    p, p_holm: the largest over the others, uncorrected and by Holm; NaN where one is not known.
    """

    metric: str
    mixture: str
    tokens: float
    value: float
    p: float = np.nan
    p_holm: float = np.nan

    @property
    def stands(self) -> bool:
        return self.p_holm < NOISE

    @property
    def name(self) -> str:
        return METRIC_LABELS[self.metric].name

    @property
    def p_said(self) -> str:
        """Both p in words; empty where they are not known."""
        if np.isnan(self.p):
            return ""
        holm = f", {self.p_holm:.2g} after Holm's correction" if not np.isnan(self.p_holm) else ""
        return f"p = {self.p:.2g}{holm}"


def measured_lead(here: pd.DataFrame, compared: pd.DataFrame | None, metric: str) -> Lead | None:
    """The lead as measured; None where no Dp has two mixtures or more, and all of them."""
    if metric not in here:
        return None
    kept = here[here["selected"] & (here["status"] == "ok") & (here["mixture"] != "")]
    means = kept.groupby(["mixture", "pretrain_tokens"])[metric].mean().unstack()
    means = means.dropna(axis="columns")
    if len(means) < 2 or means.empty:
        return None
    tokens = float(means.columns.max())
    last = means[means.columns.max()]
    best = str(last.idxmin() if lower_is_better(metric) else last.idxmax())
    p, holm = [], []
    for rival in last.index.drop(best):
        row = _pair(compared, metric, tokens, {best, str(rival)})
        p.append(np.nan if row is None else float(row["p_value"]))
        holm.append(np.nan if row is None else float(row["p_holm"]))
    return Lead(metric, best, tokens, float(last[best]), float(np.max(p)), float(np.max(holm)))


def _pair(compared: pd.DataFrame | None, metric: str, tokens: float, pair: set[str]) -> pd.Series | None:
    """The comparison of two mixtures at one Dp."""
    if compared is None or compared.empty:
        return None
    rows = compared[(compared["comparison"] == MIXTURES) & (compared["metric"] == metric)]
    rows = rows[(rows["pretrain_tokens_a"] == tokens) & (rows["pretrain_tokens_b"] == tokens)]
    rows = rows[rows["mixture_a"].isin(pair) & rows["mixture_b"].isin(pair)]
    return rows.iloc[0] if len(rows) else None


def leads_said(leads: Sequence[Lead]) -> Iterator[str]:
    """What was measured, mixture by mixture: where the lead stands after Holm's correction, and where not."""
    known = [lead for lead in leads if not np.isnan(lead.p)]
    for mixture, tokens in dict.fromkeys((lead.mixture, lead.tokens) for lead in known):
        mine = [lead for lead in known if (lead.mixture, lead.tokens) == (mixture, tokens)]
        stand = [lead for lead in mine if lead.stands]
        fall = [lead for lead in mine if not lead.stands and lead.p < NOISE]
        noise = [lead for lead in mine if not lead.stands and lead.p >= NOISE]
        said = f"Measured at Dp = {short_count(tokens)}, {mixture} is ahead"
        parts = []
        if stand:
            most = max(stand, key=lambda lead: (lead.p_holm, lead.p))
            parts.append(f" of every other beyond the noise of the test set in {_names(stand)} ({_up(most)})")
        if fall:
            listed = enumerate_words([f"{lead.name} ({_up(lead)})" for lead in fall])
            parts.append(f" in {listed}, but this does not stand after Holm's correction")
        if noise:
            listed = enumerate_words([f"{lead.name} ({_up(lead)})" for lead in noise])
            parts.append(f" in {listed}, but noise of the test set may explain it")
        yield f"{said}{';'.join(parts)}."


def _names(leads: Sequence[Lead]) -> str:
    return enumerate_words([lead.name for lead in leads])


def _up(lead: Lead) -> str:
    """p of the closest rival, which is the largest."""
    return lead.p_said.replace("p = ", "p at most ", 1)


def falls_said(compared: pd.DataFrame) -> Iterator[str]:
    """Every fall of a mixture's BLEU from one Dp to the next that noise seldom explains, with both p."""
    rows = compared[(compared["comparison"] == MORE_TOKENS) & (compared["metric"] == _FALLS_OF)]
    for row in rows[(rows["difference"] < 0) & (rows["p_value"] < NOISE)].itertuples():
        before, after = (
            with_interval(_FALLS_OF, score, np.nan, np.nan) for score in (row.score_b, row.score_a)
        )
        stands = "" if row.p_holm < NOISE else ", and so does not stand"
        yield (
            f"{METRIC_LABELS[_FALLS_OF].name} with {row.mixture_a} fell from {before} at Dp ="
            f" {short_count(row.pretrain_tokens_b)} to {after} at {short_count(row.pretrain_tokens_a)}"
            f" (p = {row.p_value:.2g}, {row.p_holm:.2g} after Holm's correction{stands}): {row.why}."
        )
