"""How far runs that differ in nothing but their seeds lie apart: variances, pooled over a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class SeedSpread:
    """Variances of ln(metric) between seeds; None where nothing shows them.

    finetuning: between finetunings of the same checkpoint. pretraining: what another pretraining seed adds to
    that. both: of the two together, where each checkpoint was finetuned once, so that nothing parts them.
    *_groups: places where two seeds or more can be compared. *_freedom: degrees of freedom over all of them.
    The variance itself is off by about sqrt(2 / freedom) of its value.
    """

    finetuning: float | None
    pretraining: float | None
    both: float | None
    finetuning_groups: int
    finetuning_freedom: int
    pretraining_groups: int
    pretraining_freedom: int

    @classmethod
    def of(cls, runs: pd.DataFrame) -> SeedSpread:
        """From the selected runs of one task and finetuning size, with a column `ln`: ln(metric).

        Finetuning seeds are nested in pretraining seeds. The variances are those of the analysis of variance
        for unequal numbers of seeds (Searle, Casella and McCulloch 1992, chapter 3), pooled over mixtures
        and Dp; one that comes out below 0 is 0. The baseline has finetuning seeds alone.
        """
        inner = runs.groupby(["mixture", "pretrain_tokens", "pretraining_seed"])["ln"].agg(["mean", "count"])
        alike = runs.groupby(["mixture", "pretrain_tokens", "pretraining_seed"])["ln"]
        within = float((alike.var(ddof=0) * alike.count()).sum())
        within_freedom = int((inner["count"] - 1).sum())
        finetuning = within / within_freedom if within_freedom else None

        between = weight = 0.0
        groups = freedom = 0
        for (_, tokens), seeds in inner.groupby(level=["mixture", "pretrain_tokens"]):
            if len(seeds) < 2 or not tokens:
                continue
            count = seeds["count"]
            mean = (count * seeds["mean"]).sum() / count.sum()
            between += float((count * (seeds["mean"] - mean) ** 2).sum())
            weight += float(count.sum() - (count**2).sum() / count.sum())
            groups, freedom = groups + 1, freedom + len(seeds) - 1
        pretraining = both = None
        if freedom and finetuning is not None:
            pretraining = max(0.0, (between - freedom * finetuning) / weight)
        elif freedom:
            both = between / freedom
        return cls(
            finetuning=finetuning,
            pretraining=pretraining,
            both=both,
            finetuning_groups=int((inner["count"] > 1).sum()),
            finetuning_freedom=within_freedom,
            pretraining_groups=groups,
            pretraining_freedom=freedom,
        )

    def variance_of_mean(self, runs_a_seed: Sequence[int], *, pretrained: bool) -> float | None:
        """Variance of the mean of ln(metric) over the runs of one point; None where no seeds are seen.

        runs_a_seed: how many finetunings each of its pretraining seeds has. More finetunings of one
        checkpoint do not average out what its pretraining seed adds.
        """
        runs = sum(runs_a_seed)
        share = sum((count / runs) ** 2 for count in runs_a_seed)
        if self.finetuning is not None:
            return self.finetuning / runs + (self.pretraining or 0.0) * share * pretrained
        return None if self.both is None else self.both * share
