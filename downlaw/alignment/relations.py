"""Which measure of alignment best predicts what a mixture is worth, and whether that can be told at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import permutations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, rankdata

from .measures import MEASURES
from .points import points

LEAST_MIXTURES = 8
"""With fewer mixtures nothing is decided: the best of as many measures ranks most of them well by chance."""

LEAST_RANKED = 3
"""Two mixtures are always ranked rightly or wrongly, and nothing between."""

SHUFFLES = 20_000
"""Orders of gains that are drawn where there are too many to try all."""

RELATION_COLUMNS = (
    *("task", "finetune_pairs", "metric", "measure", "closer", "pretrain_tokens", "n_mixtures"),
    *("spearman", "kendall", "p", "p_adjusted", "rank"),
    *("n_aligned", "n_not_aligned", "auc", "decidable", "reason"),
)

_PLACE = ["task", "finetune_pairs", "metric"]
_SIZES: Mapping[str, str] = {
    "js": "js_windows",
    "ngram": "ngram_pieces",
    "domain": "domain_windows",
}


def relate_alignment(
    alignment: pd.DataFrame, runs: pd.DataFrame, verdicts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Rank correlation of every measure with the gains of mixtures, one row for each task, finetuning size,
    metric and measure, columns RELATION_COLUMNS; what does not exist is empty.

    Correlations are positive where mixtures that are closer to the task gain more. p: share of all orders of
    the gains with as strong a Spearman correlation of either sign (of SHUFFLES drawn, beyond 8 mixtures);
    p_adjusted: of those with as strong a correlation of any measure, since the best of many is sought
    (Westfall and Young 1993, max T), empty for a measure that some mixtures lack. rank: 1 for the measure
    that correlates most. auc: share of pairs of an aligned and a misaligned or saturated mixture in which the
    aligned one is closer, ties a half. decidable: yes from LEAST_MIXTURES mixtures on.

    Args:
        alignment: of alignment_table.
        verdicts: of verdict_runs, or none.

    Raises:
        TableError: where a table of runs or verdicts is no such table.
    """
    gains = points(runs, verdicts)
    rows: list[dict[str, object]] = []
    for place, found in gains.groupby(_PLACE, sort=False):
        here = found.merge(alignment, on=["task", "mixture"], how="left", validate="one_to_one")
        rows += _relate(dict(zip(_PLACE, place, strict=True)), here)
    table = pd.DataFrame(rows, columns=list(RELATION_COLUMNS))
    return table.astype({"rank": "Int64", "pretrain_tokens": "Int64"})


def _relate(place: dict[str, object], here: pd.DataFrame) -> list[dict[str, object]]:
    gained = here[here["gain"].notna()]
    gains = gained["gain"].to_numpy(float)
    closeness = np.column_stack(
        [
            gained[measure.name].to_numpy(float) * (1 if measure.higher_is_closer else -1)
            for measure in MEASURES
        ]
    )
    complete = ~np.isnan(closeness).any(axis=0)
    rho, p, adjusted = _spearman(gains, closeness[:, complete])
    found = dict(zip(np.flatnonzero(complete), zip(rho, p, adjusted, strict=True), strict=True))
    rows = []
    for index, measure in enumerate(MEASURES):
        known = ~np.isnan(closeness[:, index])
        if complete[index]:
            spearman, chance, among_all = found[index]
        else:
            (spearman,), (chance,), _ = _spearman(gains[known], closeness[known][:, [index]])
            among_all = math.nan
        tau = math.nan
        if not math.isnan(spearman):
            tau = float(kendalltau(closeness[known, index], gains[known]).statistic)
        decidable, reason = _decidable(here, gained[known], measure.name, spearman)
        rows.append(
            {
                **place,
                "measure": measure.name,
                "closer": "higher" if measure.higher_is_closer else "lower",
                "pretrain_tokens": here["pretrain_tokens"].iloc[0],
                "n_mixtures": int(known.sum()),
                "spearman": spearman,
                "kendall": tau,
                "p": chance,
                "p_adjusted": among_all,
                **_against_verdicts(here, measure.name, measure.higher_is_closer),
                "decidable": "yes" if decidable else "no",
                "reason": reason,
            }
        )
    ranks = pd.Series([row["spearman"] for row in rows]).rank(ascending=False, method="min")
    return [
        row | {"rank": None if math.isnan(rank) else int(rank)} for row, rank in zip(rows, ranks, strict=True)
    ]


def _spearman(gains: np.ndarray, closeness: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spearman's rho of each column with the gains, its permutation p, and that among all columns; NaN where
    there are too few mixtures or all are alike."""
    n, count = closeness.shape
    empty = np.full(count, math.nan)
    if n < LEAST_RANKED or not count:
        return empty, empty, empty
    ranks, spread = _standardized(rankdata(closeness, axis=0))
    gained, gains_spread = _standardized(rankdata(gains)[:, None])
    usable = spread & gains_spread
    rho = np.where(usable, (gained.T @ ranks)[0], math.nan)
    if not usable.any():
        return rho, empty, empty
    orders = _orders(n)
    strength = np.abs(gained[:, 0][orders] @ ranks[:, usable])
    observed = np.abs(rho[usable]) - 1e-9  # sums in another order
    p, adjusted = empty.copy(), empty.copy()
    p[usable] = (strength >= observed).mean(axis=0)
    adjusted[usable] = (strength.max(axis=1)[:, None] >= observed).mean(axis=0)
    return rho, p, adjusted


def _standardized(ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns with mean 0 and length 1, and which of them are not constant."""
    centred = ranks - ranks.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    return centred / np.where(length > 0, length, 1.0), length > 0


def _orders(n: int) -> np.ndarray:
    """All orders of n things, or SHUFFLES of them with the one at hand, shape (orders, n)."""
    if n <= LEAST_MIXTURES:
        return np.array(list(permutations(range(n))))
    generator = np.random.default_rng(0)
    drawn = generator.permuted(np.tile(np.arange(n), (SHUFFLES - 1, 1)), axis=1)
    return np.vstack([np.arange(n), drawn])


def _against_verdicts(here: pd.DataFrame, measure: str, higher_is_closer: bool) -> dict[str, object]:
    known = here[here[measure].notna()]
    closeness = known[measure].to_numpy(float) * (1 if higher_is_closer else -1)
    aligned = closeness[(known["verdict"] == "aligned").to_numpy()]
    others = closeness[known["verdict"].isin(["misaligned", "saturated"]).to_numpy()]
    auc = math.nan
    if len(aligned) and len(others):
        difference = aligned[:, None] - others[None, :]
        auc = float(np.mean((difference > 0) + 0.5 * (difference == 0)))
    return {"n_aligned": len(aligned), "n_not_aligned": len(others), "auc": auc}


def _decidable(
    here: pd.DataFrame, known: pd.DataFrame, measure: str, spearman: float
) -> tuple[bool, str | None]:
    said = []
    n = len(known)
    if n < LEAST_MIXTURES:
        said.append(f"not decidable: {n} mixture{'s'[: n != 1]}, at least {LEAST_MIXTURES} are needed")
    elif math.isnan(spearman):
        said.append("not decidable: all mixtures have the same measure or the same gain")
    decidable = not said
    for reason, which in here.dropna(subset="reason").groupby("reason")["mixture"]:
        said.append(f"{reason}: {', '.join(which)}")
    unmeasured = sorted(set(here.loc[here[measure].isna(), "mixture"]))
    if unmeasured:
        said.append(f"not measured: {', '.join(unmeasured)}")
    kind, side = measure.split("_")[0], measure.rsplit("_", 1)[1]
    size = _SIZES.get(kind)
    if size in ("js_windows", "domain_windows"):
        size = f"{size}_{side}"
    if size and known[size].nunique() > 1:
        said.append(f"samples differ in size: {size} from {known[size].min():g} to {known[size].max():g}")
    return decidable, "; ".join(said) or None
