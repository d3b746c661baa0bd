"""Which run to make next: the one that narrows the deciding interval most for its FLOPs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from .bootstrap import DEFAULT_LEVEL, DEFAULT_SAMPLES
from .comparison import Comparison, Contender
from .costs import flops_column, flops_per_token, require_flops_per_token
from .curves import curves
from .estimates import at_tokens, best_of, lower_is_better
from .fitted import NOISE_UNKNOWN
from .preposterior import Candidate, Decision, RunKind, new_points
from .tables import KEYS, METRICS, SEEDS, FittedMetric, TableError, check_runs
from .valuation import comparisons, read_verdicts

NEXT_RUN_COLUMNS = (
    *("task", "finetune_pairs", "metric", "budget", "deciding", "decided", "rank"),
    *("mixture", "run", "pretrain_tokens", "pretrain_flops", "finetune_flops", "flops"),
    *("width_now", "width_after", "narrowing", "narrowing_per_flop"),
    *("noise", "interval_level", "status", "reason"),
)
BUDGET_OVER_COMMON = 4
"""The budget that decides unless one is given: this multiple of the largest Dp all mixtures have reached."""

LEAST_NARROWING = 0.01
"""A run that is expected to narrow the interval by less than this share of its width is not ranked: so small
a number is as likely an accident of the draws."""

SEED_KINDS = (RunKind.PRETRAINING_SEED, RunKind.FINETUNING_SEED)
_SEEDS_UNKNOWN = {
    "status": "seed noise unknown",
    "reason": "no two runs differ in this seed alone: what another one would tell is not known",
    "order": -1.0,
}


def next_runs(
    runs: pd.DataFrame,
    *,
    metric: str,
    budget: float | None = None,
    metrics: Mapping[str, FittedMetric] = METRICS,
    resamples: pd.DataFrame | None = None,
    relative_noise: float | None = None,
    verdicts: pd.DataFrame | None = None,
    flops_per_token: float | None = None,
    level: float = DEFAULT_LEVEL,
    samples: int = DEFAULT_SAMPLES,
) -> pd.DataFrame:
    """Rank the runs that could be made next, for each task and finetuning size, columns NEXT_RUN_COLUMNS.

    What decides is the difference in ln(metric) between the best mixture at `budget` (pretraining tokens, by
    default 4 times the largest Dp that all mixtures have reached) and the mixture that beats it in most
    draws; with one mixture, its own prediction. Candidates: a larger Dp, a Dp between two others, and
    another seed at each Dp, of these mixtures. width_now and width_after are those of the interval in
    ln(metric), 0.02 for 2% of the metric. Where nothing can be ranked, one row says why. Raises TableError,
    also for a metric or FLOPs that are not there, and ValueError for numbers that are not positive.
    """
    runs = check_runs(runs)
    if metric not in metrics:
        raise ValueError(f"there is no metric {metric!r}; there are {', '.join(metrics)}")
    if metric not in runs.columns or not runs[metric].notna().any():
        raise TableError(f"runs: column {metric!r} is missing or empty")
    if budget is not None and not 0 < budget < math.inf:
        raise ValueError(f"the budget must be a positive number of tokens, not {budget}")
    costs = Costs.of(runs, flops_per_token)
    words = read_verdicts(verdicts)
    between_seeds = _between_seeds(runs, metric)
    rows: list[dict[str, object]] = []
    for comparison in comparisons(
        runs,
        {metric: metrics[metric]},
        words,
        costs.of_a_token,
        level=level,
        samples=samples,
        resamples=resamples,
        relative_noise=relative_noise,
    ):
        rows += _Choice(comparison, costs, between_seeds, budget, level).rows()
    return pd.DataFrame(rows, columns=list(NEXT_RUN_COLUMNS))


@dataclass(frozen=True)
class Costs:
    """What runs cost. of_a_token: FLOPs of pretraining a token, by mixture. checkpoints: the Dp of each
    mixture that any finished run started from. finetuning: FLOPs of one point, at all learning rates, by
    task and finetuning size."""

    of_a_token: Mapping[str, float]
    checkpoints: Mapping[str, tuple[int, ...]]
    finetuning: Mapping[tuple[str, int], float]

    @classmethod
    def of(cls, runs: pd.DataFrame, given: float | None) -> Costs:
        """From a checked table of runs; raises TableError where pretraining has no FLOPs."""
        rates = flops_per_token(runs, given)
        require_flops_per_token(rates, runs, "the cost of a run")
        finished = runs[runs["status"] == "ok"]
        checkpoints = {
            str(mixture): tuple(sorted({int(t) for t in rows["pretrain_tokens"]}))
            for mixture, rows in finished.groupby("mixture")
        }
        finetuning: dict[tuple[str, int], float] = {}
        flops = flops_column(runs, "finetune_flops")
        if flops is not None:
            known = runs.assign(flops=flops)[flops.notna()]
            points = known.groupby([*KEYS, *SEEDS], as_index=False)["flops"].sum()
            for (task, pairs), rows in points.groupby(["task", "finetune_pairs"]):
                finetuning[(str(task), int(pairs))] = float(rows["flops"].median())
        return cls(rates, checkpoints, finetuning)

    def pretraining(self, mixture: str, kind: RunKind, tokens: int) -> float:
        """FLOPs of pretraining to a Dp: from the nearest smaller checkpoint on, none for another finetuning,
        the whole chain for another pretraining seed."""
        if kind is RunKind.FINETUNING_SEED:
            return 0.0
        start = 0
        if kind is not RunKind.PRETRAINING_SEED:
            start = max((t for t in self.checkpoints.get(mixture, ()) if t <= tokens), default=0)
        return (tokens - start) * self.of_a_token[mixture]


@dataclass(frozen=True)
class _BetweenSeeds:
    """What a table tells of the variance between seeds. sd: of ln(metric) of one run, by task and finetuning
    size; varied: which seeds differ between runs that are otherwise alike."""

    sd: Mapping[tuple[str, int], float]
    varied: frozenset[RunKind]


def _between_seeds(runs: pd.DataFrame, metric: str) -> _BetweenSeeds:
    kept = runs[runs["selected"] & (runs["status"] == "ok") & (runs["pretrain_tokens"] > 0)]
    kept = kept[kept[metric] > 0]
    varied = set()
    for kind, seed, alike in zip(SEED_KINDS, SEEDS, (KEYS, (*KEYS, SEEDS[0])), strict=True):
        if (kept.groupby(list(alike))[seed].nunique() > 1).any():
            varied.add(kind)
    sd = {}
    for curve in curves(runs, metric):
        if curve.noise is not None and curve.noise.source == "seeds" and curve.points:
            one = float(curve.noise.sd[0]) * math.sqrt(curve.points[0].n_seeds)
            sd[(curve.task, curve.finetune_pairs)] = one
    return _BetweenSeeds(sd, frozenset(varied))


@dataclass(frozen=True)
class _Choice:
    """The runs that could come next in one task and finetuning size."""

    comparison: Comparison
    costs: Costs
    seeds: _BetweenSeeds
    asked: float | None
    level: float

    def rows(self) -> list[dict[str, object]]:
        place = self._place
        contenders = [each for each in self.comparison.contenders if each.counts]
        if not contenders:
            words = {str(each.row("")["reason"]) for each in self.comparison.contenders}
            return [place | {"status": "no law", "reason": "; ".join(sorted(words))}]
        budget = place["budget"]
        ahead = [each for each in contenders if each.smallest <= budget]
        if not ahead:
            return [place | {"status": "below the points", "reason": "the budget is below all Dp"}]
        unknown = [each.fitted.curve.mixture for each in ahead if each.fitted.spread is None]
        if unknown:
            reason = f"nothing is known of the noise of {', '.join(unknown)}; give resamples or a level"
            return [place | {"status": NOISE_UNKNOWN, "reason": reason}]
        return self._ranked(self._leading(ahead, budget), place)

    @property
    def _place(self) -> dict[str, object]:
        curve = self.comparison.contenders[0].fitted.curve
        return {
            "task": curve.task,
            "finetune_pairs": curve.finetune_pairs,
            "metric": self.comparison.metric,
            "budget": self.asked or BUDGET_OVER_COMMON * self.comparison.common_tokens,
        }

    def _leading(self, contenders: list[Contender], budget: float) -> tuple[Contender, ...]:
        """The best mixture at the budget and the one that beats it in most draws; the next best where none
        ever does."""
        metric = self.comparison.metric
        scores = [at_tokens(each.fitted, budget) for each in contenders]
        best = best_of(scores, metric)
        if len(contenders) == 1:
            return (contenders[0],)
        sign = -1 if lower_is_better(metric) else 1

        def threat(number: int) -> tuple[float, float]:
            ahead = sign * (scores[number].draws - scores[best].draws)
            return float((ahead > 0).mean()), sign * scores[number].value

        rival = max((number for number in range(len(contenders)) if number != best), key=threat)
        return contenders[best], contenders[rival]

    def _ranked(self, leading: tuple[Contender, ...], place: dict[str, object]) -> list[dict[str, object]]:
        names = [each.fitted.curve.mixture for each in leading]
        given = leading[0].fitted.curve.noise.source == "given"
        sd = None if given else self.seeds.sd.get((str(place["task"]), int(place["finetune_pairs"])))
        decision = Decision(tuple(each.fitted for each in leading), float(place["budget"]), sd)
        low, high = decision.estimate.interval(self.level)
        place = place | {
            "deciding": " - ".join(names),
            "decided": bool(low > 0 or high < 0) if len(leading) == 2 else None,
            "width_now": high - low,
            "interval_level": self.level,
        }
        found = []
        for number, each in enumerate(leading):
            curve = each.fitted.curve
            points = new_points(curve.tokens, decision.tokens)
            for kind in sorted(self._known_seeds(curve.noise.source)):
                points += [(kind, int(t)) for t in curve.tokens]
            for kind, tokens in points:
                row = place | {"mixture": curve.mixture, "run": str(kind), "pretrain_tokens": tokens}
                row["noise"] = curve.noise.source
                found.append(row | self._worth(decision, Candidate(number, kind, tokens), row))
            found += [
                place | {"mixture": curve.mixture, "run": str(kind)} | _SEEDS_UNKNOWN
                for kind in SEED_KINDS
                if kind not in self._known_seeds(curve.noise.source)
            ]
        found.sort(key=lambda row: -row.pop("order"))
        for rank, row in enumerate((row for row in found if row["status"] == "ok"), start=1):
            row["rank"] = rank
        return found

    def _known_seeds(self, source: str) -> frozenset[RunKind]:
        """The seeds of which the noise tells a variance; a given noise is taken for that of a whole run."""
        return frozenset({RunKind.PRETRAINING_SEED}) if source == "given" else self.seeds.varied

    def _worth(self, decision: Decision, candidate: Candidate, row: dict[str, object]) -> dict[str, object]:
        """What a candidate costs, what it is expected to do, and one sentence on both."""
        mixture, tokens, kind = str(row["mixture"]), candidate.tokens, candidate.kind
        pretraining = self.costs.pretraining(mixture, kind, tokens)
        finetuning = self.costs.finetuning.get((str(row["task"]), int(row["finetune_pairs"])), math.nan)
        flops = pretraining + (0.0 if math.isnan(finetuning) else finetuning)
        cells = {"pretrain_flops": pretraining, "finetune_flops": finetuning, "flops": flops, "order": -1.0}
        if not flops:
            return cells | {"status": "cost unknown", "reason": "finetune_flops is missing or empty"}
        now = float(row["width_now"])
        after = now * decision.share_left(candidate)
        cells |= {"width_after": after, "narrowing": now - after, "narrowing_per_flop": (now - after) / flops}
        what = f"the {self.level:.0%} interval of ln({row['metric']}) of {row['deciding']}"
        reason = f"{_asked(mixture, kind, tokens)}: {what} goes from {now:.3g} to {after:.3g}"
        if now - after < LEAST_NARROWING * now:
            return cells | {
                "status": "no gain",
                "order": 0.0,
                "reason": f"{reason}, which is next to nothing",
            }
        reason += f" for {flops:.3g} FLOPs"
        return cells | {"status": "ok", "order": cells["narrowing_per_flop"], "reason": reason}


def _asked(mixture: str, kind: RunKind, tokens: int) -> str:
    return {
        RunKind.LARGER: f"continue {mixture} to {tokens} tokens",
        RunKind.BETWEEN: f"train {mixture} to {tokens} tokens, between two others",
        RunKind.PRETRAINING_SEED: f"pretrain {mixture} again from another seed to {tokens} tokens",
        RunKind.FINETUNING_SEED: f"finetune {mixture} at {tokens} tokens again from another seed",
    }[kind]
