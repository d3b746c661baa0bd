"""BLEU against cross-entropy: where the exponential relation between them holds, and where it does not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES, Bootstrap, bootstrap
from .curves import CurveNoise, Point
from .evidence import ASSUMED_SEED_SHARE, LEAST_POINTS, seeds_unseen
from .families import FAMILIES, Floats
from .fit import Fit, fit_law
from .noise import Noise
from .objective import Objective
from .tables import KEYS, METRICS, SEEDS, check_resamples, check_runs
from .verdicts import MARGINS

MARGIN = MARGINS["bleu"]
"""A relation is not given up for points that are all within this of it, in ln(BLEU)."""

MISFIT = 0.05
"""Below this `misfit_p` the points scatter more than their noise explains."""

LEAVE_ONE_OUT_GAIN = 0.25
"""Where the noise is unknown, a point left out has to be predicted with at most this share of a constant's
error."""

RELATION_COLUMNS = (
    *("task", "finetune_pairs", "scope", "mixture", "n", "ln_a", "a", "b", "b_low", "b_high"),
    *("error", "largest_error", "leave_one_out_error", "leave_one_out_error_constant"),
    *("noise", "noise_sd", "misfit_p", "interval_level", "holds", "reason"),
)

_FAMILY = FAMILIES["exponential"]
_LEVEL = (
    "_level"  # a column of ours in the runs: BLEU * exp(b * cross-entropy), which the relation holds equal
)


def relate_runs(
    runs: pd.DataFrame,
    *,
    resamples: pd.DataFrame | None = None,
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
) -> pd.DataFrame:
    """Fit BLEU = a * exp(-b * cross-entropy) to the points of each mixture (`scope` is "mixture"), and to
    those of all mixtures and the baseline together ("all"), for each task and finetuning size.

    A point is the mean over the seeds at one Dp. Residuals are ln(predicted) - ln(observed), under the Huber
    loss of BLEU's laws. The noise of a residual is that of ln(BLEU) + b * cross-entropy, on the same
    resampled test sets and between the same seeds: what moves a run along the relation is no misfit. Where no
    seeds are seen, a spread between them is assumed, as verdicts do.

    `holds` is true where BLEU rises as cross-entropy falls, for certain, and noise explains how far the
    points are from the relation; false where BLEU falls instead, or where a point is off by MARGIN or more
    and `misfit_p` is below MISFIT; empty where it is undecided: `reason` says why. Without any noise, the
    error on each point left out decides, beside that of a constant (LEAVE_ONE_OUT_GAIN). Errors are means of
    |ln predicted - ln observed|; b is per nat, with its interval at `level`.

    Returns columns RELATION_COLUMNS, what does not exist empty; no rows without both metrics. Raises
    TableError where a table is no such table.
    """
    runs = check_runs(runs)
    rows: list[dict[str, object]] = []
    if {"bleu", "cross_entropy"} <= set(runs.columns):
        drawn = None if resamples is None else _drawn(resamples)
        kept = runs[runs["selected"] & (runs["status"] == "ok")].dropna(subset=["bleu", "cross_entropy"])
        for (task, pairs), here in kept.groupby(["task", "finetune_pairs"], sort=True):
            place = {"task": task, "finetune_pairs": pairs}
            mixtures = sorted(set(here["mixture"]) - {""})
            for mixture in mixtures:
                found = _relate(_Points.of(here, [mixture]), drawn, level, samples)
                rows.append(place | {"scope": "mixture", "mixture": mixture} | found)
            if mixtures:
                found = _relate(_Points.of(here, ["", *mixtures]), drawn, level, samples)
                rows.append(place | {"scope": "all", "mixture": None} | found)
    return pd.DataFrame(rows, columns=list(RELATION_COLUMNS)).astype({"holds": "boolean"})


_LN_MOST = 600.0
"""Beyond it exp would leave the range of numbers; nearly equal losses make such slopes."""


def _factor(exponent: pd.Series) -> pd.Series:
    return np.exp(exponent.clip(-_LN_MOST, _LN_MOST))


@dataclass(frozen=True)
class _Points:
    """Points by mixture and Dp: losses and scores, (n,). runs: all of the task and finetuning size, as seeds
    are pooled over them; mixtures: those whose points these are."""

    losses: Floats
    scores: Floats
    runs: pd.DataFrame
    mixtures: Sequence[str]

    @classmethod
    def of(cls, runs: pd.DataFrame, mixtures: Sequence[str]) -> _Points:
        mine = runs[runs["mixture"].isin(mixtures)]
        means = mine.groupby(["mixture", "pretrain_tokens"], sort=True)[["cross_entropy", "bleu"]].mean()
        return cls(means["cross_entropy"].to_numpy(), means["bleu"].to_numpy(), runs, mixtures)

    def noise(self, b: float, drawn: pd.DataFrame | None) -> Noise | None:
        """Of ln(BLEU) + b * cross-entropy at all points; None where it is not known of all."""
        bounds = [bound for bound in ("bleu_low", "bleu_high") if bound in self.runs]
        centre = float(self.losses.mean())  # a factor common to all moves no noise of logarithms
        factor = _factor(b * (self.runs["cross_entropy"] - centre))
        runs = self.runs.assign(
            **{_LEVEL: self.runs["bleu"] * factor},
            **{bound.replace("bleu", _LEVEL): self.runs[bound] * factor for bound in bounds},
        )
        task, pairs = runs[["task", "finetune_pairs"]].iloc[0]
        if drawn is not None:
            here = (drawn["task"] == task) & (drawn["finetune_pairs"] == pairs)
            drawn = drawn[here & drawn["mixture"].isin(self.mixtures)]
            drawn = drawn.assign(
                metric=_LEVEL, value=drawn["bleu"] * _factor(b * (drawn["cross_entropy"] - centre))
            )
        noises = CurveNoise(runs, _LEVEL, drawn, None)
        found = []
        for mixture, mine in runs[runs["mixture"].isin(self.mixtures)].groupby("mixture", sort=True):
            points = [
                _point(int(tokens), same) for tokens, same in mine.groupby("pretrain_tokens", sort=True)
            ]
            found.append(noises.of(str(task), int(pairs), str(mixture), points))
        if any(noise is None for noise in found) or len({noise.source for noise in found}) > 1:
            return None
        return _with_seeds(Noise(np.hstack([noise.draws for noise in found]), found[0].source))


def _point(tokens: int, runs: pd.DataFrame) -> Point:
    low, high = (runs.get(f"{_LEVEL}_{side}", pd.Series([math.nan])).iloc[0] for side in ("low", "high"))
    alone = len(runs) == 1
    return Point(
        tokens,
        float(runs[_LEVEL].mean()),
        float(low) if alone else math.nan,
        float(high) if alone else math.nan,
        len(runs),
    )


def _with_seeds(noise: Noise) -> Noise:
    if not seeds_unseen(noise):
        return noise
    count, n = noise.draws.shape
    assumed = Noise.independent(np.full(n, ASSUMED_SEED_SHARE * MARGIN), draws=count)
    return Noise(noise.plus(assumed).draws, noise.source)


def _drawn(resamples: pd.DataFrame) -> pd.DataFrame:
    """Both metrics of each run on each resampled test set, as columns."""
    table = check_resamples(resamples)
    both = table[table["metric"].isin(["bleu", "cross_entropy"])]
    return (
        both.pivot_table(index=[*KEYS, *SEEDS, "resample"], columns="metric", values="value", observed=True)
        .reindex(columns=["bleu", "cross_entropy"])
        .dropna()
        .reset_index()
    )


def _relate(points: _Points, drawn: pd.DataFrame | None, level: float, samples: int) -> dict[str, object]:
    n = len(points.scores)
    row: dict[str, object] = {"n": n}
    zero = int((points.scores <= 0).sum())
    if zero:
        return row | {"reason": f"BLEU is 0 at {zero} of {n} points, and has no logarithm"}
    if n < LEAST_POINTS:
        return row | {"reason": f"{n} points; {LEAST_POINTS} are needed"}
    if len(np.unique(points.losses)) < n:
        return row | {"reason": "two points have the same cross-entropy"}
    fit = _fit(points.losses, points.scores)
    if fit.place is None:
        return row | {"reason": str(fit.status)}
    published = {name: float(value) for name, value in fit.place.published(_FAMILY).items()}
    errors = np.abs(np.log(fit.predict(points.losses)) - np.log(points.scores))
    alone, constant = _leave_one_out(points.losses, points.scores)
    row |= published | {"a": _finite(float(np.exp(np.clip(published["ln_a"], -_LN_MOST, _LN_MOST))))}
    row |= {"error": float(errors.mean()), "largest_error": float(errors.max())}
    row |= {"leave_one_out_error": alone, "leave_one_out_error_constant": constant}
    noise = points.noise(published["b"], drawn)
    if noise is None:
        return row | _without_noise(published["b"], alone, constant)
    spread = bootstrap(fit, points.losses, noise, samples=samples)
    low, high = spread.parameter_intervals(level)["b"]
    row |= {"b_low": low, "b_high": high, "misfit_p": spread.misfit_p, "interval_level": level}
    row |= {"noise": noise.source, "noise_sd": float(np.median(noise.sd))}
    return row | _judged(low, high, spread, float(errors.max()))


def _fit(losses: Floats, scores: Floats) -> Fit:
    return fit_law(
        _FAMILY, losses, scores, objective=Objective.huber_on_logs(METRICS["bleu"].delta), n_fit=None
    )


def _judged(low: float, high: float, spread: Bootstrap, largest: float) -> dict[str, object]:
    if high < 0:
        return {"holds": False, "reason": "BLEU falls as cross-entropy improves"}
    if spread.misfit_p < MISFIT and largest >= MARGIN:
        return {"holds": False, "reason": "the points scatter more than their noise explains"}
    if low <= 0:
        return {"holds": None, "reason": "BLEU does not change with cross-entropy beyond the noise"}
    if spread.misfit_p < MISFIT:
        return {"holds": True, "reason": f"every point is within {100 * MARGIN:g}% of it"}
    return {"holds": True, "reason": "the points lie on it, within their noise"}


def _without_noise(b: float, alone: float, constant: float) -> dict[str, object]:
    if b <= 0:
        return {"holds": False, "reason": "noise unknown; BLEU falls as cross-entropy improves"}
    holds = alone <= LEAVE_ONE_OUT_GAIN * constant
    said = f"noise unknown; a point left out is off by {alone:.3f}, by {constant:.3f} with a constant"
    return {"holds": holds, "reason": said}


def _leave_one_out(losses: Floats, scores: Floats) -> tuple[float, float]:
    """Mean |ln predicted - ln observed| of each point from all others, by the relation and by a constant."""
    errors = []
    for left_out in range(len(losses)):
        others = np.arange(len(losses)) != left_out
        predicted = _fit(losses[others], scores[others]).predict([losses[left_out]])[0]
        constant = np.log(scores[others]).mean()
        seen = math.log(scores[left_out])
        errors.append((abs(math.log(predicted) - seen), abs(constant - seen)))
    return tuple(np.mean(errors, axis=0).tolist())


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def drawable(relations: pd.DataFrame) -> pd.DataFrame:
    """The rows of relations that have a line: those that were fitted."""
    return relations[relations["b"].notna()]


def values_at(relation: pd.Series, losses: Sequence[float] | Floats) -> Floats:
    """BLEU by a row of the table of relations, at cross-entropies, (m,): shape (m,)."""
    return _FAMILY.predict(losses, {"ln_a": relation["ln_a"], "b": relation["b"]})
