"""Verdicts on curves of a score over pretraining tokens, as in Isik et al. 2024 (section 3.5), with noise.

docs/verdicts.md tells the rule, and how often it errs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

import numpy as np
import pandas as pd

from .bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES
from .curves import Curve, curves
from .evidence import LEAST_POINTS, Evidence, gather
from .fit import DEFAULT_N_FIT
from .laws_table import PLACE
from .tables import METRICS, FittedMetric, check_runs

LOSS = "cross_entropy"

MARGINS: Mapping[str, float] = {"bleu": 0.04, "chrf": 0.02, "rouge_l": 0.02, "comet": 0.0125}
"""Differences of ln(score) that count as none, about one point of BLEU at 25, of chrF and ROUGE-L at 50, of
COMET (times 100) at 80. Gains, rises, falls and errors of a law are all held against it: with a large test
set or unseen spread between seeds, smaller ones are often beyond the noise that is known, and matter to
nobody."""

OTHER_MARGIN = 0.04
"""For a score that is not in MARGINS."""

DIP_SHARE = 0.5
"""A curve that rises as a whole but falls between two points is called misaligned only where the fall is at
least this share of the rise: one bad run does not make a mixture useless."""

VERDICT_COLUMNS = (*PLACE, "verdict", "reason", *(field.name for field in fields(Evidence)))


class Verdict(StrEnum):
    """What a curve says of its mixture, for one task and finetuning size."""

    ALIGNED = "aligned"
    MISALIGNED = "misaligned"
    SATURATED = "saturated"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Judgement:
    """A verdict on a curve, the reason in one sentence, and the evidence."""

    curve: Curve
    verdict: Verdict
    reason: str
    evidence: Evidence


def judge(
    curve: Curve,
    loss: Curve | None = None,
    *,
    how: FittedMetric | None = None,
    margin: float | None = None,
    n_fit: int | None = DEFAULT_N_FIT,
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
) -> Judgement:
    """The verdict on one curve of a score; loss: the curve of its cross-entropy.

    how: law and Huber threshold, by default the metric's own in METRICS. margin: see MARGINS. n_fit: of the
    law that is tested on the larger Dp (see gather). Raises ValueError for a margin that is not positive and
    a level outside (0, 1), KeyError for a metric without a law.
    """
    how = how or METRICS[curve.metric]
    return judge_many([curve], [loss], how, margin=margin, n_fit=n_fit, level=level, samples=samples)[0]


def judge_many(
    same: Sequence[Curve],
    losses: Sequence[Curve | None],
    how: FittedMetric,
    *,
    margin: float | None = None,
    n_fit: int | None = DEFAULT_N_FIT,
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
) -> list[Judgement]:
    """The verdicts on many curves of one metric, each as judge gives it, much faster."""
    if not same:
        return []
    if margin is None:
        margin = MARGINS.get(same[0].metric, OTHER_MARGIN)
    found = gather(same, losses, how, margin=margin, n_fit=n_fit, level=level, samples=samples)
    return [
        Judgement(curve, *_decide(curve, evidence), evidence)
        for curve, evidence in zip(same, found, strict=True)
    ]


def verdict_runs(
    runs: pd.DataFrame,
    *,
    n_fit: int | None = DEFAULT_N_FIT,
    metrics: Mapping[str, FittedMetric] = METRICS,
    resamples: pd.DataFrame | None = None,
    relative_noise: float | None = None,
    margins: Mapping[str, float] = MARGINS,
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
) -> pd.DataFrame:
    """The verdicts on a table of runs: one row for each task, finetuning size, mixture and score of
    `metrics`, columns VERDICT_COLUMNS (see Evidence), what does not exist empty.

    Rows are ordered by task, finetuning size and mixture, then metric. Scores without a single number are
    passed over; cross-entropy is evidence and gets no verdict of its own. The noise is that of
    curves(). Raises TableError, and ValueError as judge does.
    """
    runs = check_runs(runs)
    losses = {_key(loss): loss for loss in _curves(runs, LOSS, resamples, relative_noise)}
    rows = []
    for metric, how in metrics.items():
        if metric == LOSS:
            continue
        same = _curves(runs, metric, resamples, relative_noise)
        judged = judge_many(
            same,
            [losses.get(_key(curve)) for curve in same],
            how,
            margin=margins.get(metric, OTHER_MARGIN),
            n_fit=n_fit,
            level=level,
            samples=samples,
        )
        rows += [_row(judgement) for judgement in judged]
    table = pd.DataFrame(rows, columns=list(VERDICT_COLUMNS))
    return table.sort_values(["task", "finetune_pairs", "mixture"], kind="stable", ignore_index=True)


def _curves(
    runs: pd.DataFrame, metric: str, resamples: pd.DataFrame | None, relative_noise: float | None
) -> list[Curve]:
    """The curves of a metric; none where the table lacks it."""
    if metric not in runs.columns or runs[metric].isna().all():
        return []
    return curves(runs, metric, resamples=resamples, relative_noise=relative_noise)


def _key(curve: Curve) -> tuple[str, int, str]:
    return curve.task, curve.finetune_pairs, curve.mixture


def _row(judgement: Judgement) -> dict[str, object]:
    curve = judgement.curve
    place = ("transfer", *_key(curve), curve.metric)
    row = dict(zip(PLACE, place, strict=True))
    row |= {"verdict": str(judgement.verdict), "reason": judgement.reason} | asdict(judgement.evidence)
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in row.items()}


def _decide(curve: Curve, e: Evidence) -> tuple[Verdict, str]:
    """The rule: the first that applies."""
    if obstacle := _obstacle(curve, e):
        return Verdict.INCONCLUSIVE, obstacle
    if e.gain_bound <= e.margin and not e.gain_beyond:
        return Verdict.SATURATED, (
            f"the score stays within {_percent(e.gain_bound)} of the non-pretrained baseline at all Dp,"
            f" less than the {_percent(e.margin)} that count"
        )
    if e.falls and not (e.rises and e.fall < DIP_SHARE * e.rise):
        return Verdict.MISALIGNED, _fall(e) + _beside_loss(e) + _below(e) + _assumed_seeds(e)
    if e.rises:
        return _decide_rising(e)
    return Verdict.INCONCLUSIVE, _level(e) + _below(e)


def _obstacle(curve: Curve, e: Evidence) -> str | None:
    """Why nothing can be said of a curve, None where something can."""
    if e.n_points < LEAST_POINTS:
        lost = [(e.n_diverged, "did not finish"), (e.n_missing, "without the score")]
        why = "".join(f"; {count} run{'s'[: count != 1]} {what}" for count, what in lost if count)
        return f"{e.n_points or 'no'} point{'s'[: e.n_points != 1]}, at least {LEAST_POINTS} are needed{why}"
    if np.any(curve.values <= 0):
        where = int(curve.tokens[curve.values <= 0][0])
        return f"the score is 0 or below at Dp = {where}, and has no logarithm there"
    if e.noise is None:
        return "noise unknown: without it a change cannot be told from chance"
    return None


def _decide_rising(e: Evidence) -> tuple[Verdict, str]:
    rise = f"the score rises by {_percent(e.rise)} from the smallest to the largest Dp"
    if e.falls:
        dip = f"{rise}, yet falls by {_percent(-e.fall)} between two Dp, beyond the noise"
        return Verdict.INCONCLUSIVE, dip + _below(e) + _assumed_seeds(e)
    if math.isnan(e.held_out_error) or math.isnan(e.held_out_limit):
        return Verdict.INCONCLUSIVE, f"{rise}, but no law can be tested on it: {e.law_status}" + _below(e)
    if e.held_out_limit >= e.rise:
        untested = f"errors up to {_percent(e.held_out_limit)} on points that a true law has not seen"
        return (
            Verdict.INCONCLUSIVE,
            f"{rise}, but no law can be tested: noise alone gives {untested}" + _below(e),
        )
    missed = f"the others by {_percent(e.held_out_error)}, where noise alone gives up to"
    missed = f"the law of the {e.n_fit} smallest Dp misses {missed} {_percent(e.held_out_limit)}"
    if e.held_out_error > e.held_out_allowed:
        return Verdict.INCONCLUSIVE, f"{rise}, but {missed}" + _below(e)
    return Verdict.ALIGNED, f"{rise}, falls nowhere beyond the noise, and {missed}" + _below(e)


def _fall(e: Evidence) -> str:
    if e.rise_high < 0 and -e.rise >= DIP_SHARE * e.fall:
        return f"the score falls by {_percent(e.rise)} from the smallest to the largest Dp, beyond the noise"
    return f"the score fluctuates: it falls by {_percent(-e.fall)} between two Dp, beyond the noise"


def _beside_loss(e: Evidence) -> str:
    if e.diverges:
        return ", while cross-entropy improves"
    if e.cross_entropy_change_low > 0:
        return ", and cross-entropy gets worse too"
    return ""


def _below(e: Evidence) -> str:
    return "; at the largest Dp it is below the non-pretrained baseline" if e.gain_high < 0 else ""


def _assumed_seeds(e: Evidence) -> str:
    """Whatever hangs on a difference between runs hangs on the spread between seeds."""
    return (
        f"; a spread of {_percent(e.assumed_seed_sd)} between seeds is assumed" if e.assumed_seed_sd else ""
    )


def _level(e: Evidence) -> str:
    if e.p_monotone < e.alpha:
        return f"the score falls by {_percent(-e.fall)}, beyond the noise, but less than {_percent(e.margin)}"
    ends = f"between {_signed(e.rise_low)} and {_signed(e.rise_high)}"
    if e.rise_low > 0:
        return f"the score rises by {_percent(e.rise)}, beyond the noise, but less than {_percent(e.margin)}"
    found = f"the score neither rises nor falls beyond the noise: its change over all Dp lies {ends}"
    if e.gain_low > e.margin:
        return f"{found}; at the largest Dp it is above the non-pretrained baseline"
    if math.isnan(e.baseline):
        return f"{found}; without a baseline it cannot be told whether pretraining helps at all"
    if math.isnan(e.gain):
        return f"{found}; the baseline is 0 or below, and no gain over it has a logarithm"
    if math.isnan(e.gain_bound):
        return f"{found}; the noise of the baseline is unknown"
    return found


def _percent(change: float) -> str:
    """The size of a difference of ln(metric), positive for a rise, in percent of the metric."""
    return f"{100 * abs(math.expm1(change)):.1f}%"


def _signed(change: float) -> str:
    return f"{100 * math.expm1(change):+.1f}%"
