"""What a study holds, counted from the graph of its jobs: jobs, trainings, updates, tokens and FLOPs by
rule."""

from __future__ import annotations

from dataclasses import dataclass

from downlaw.engine.flops import language_model_flops
from downlaw.study import LmStudy, Study
from downlaw.study.grid import cells

from .graph import graph
from .jobs import Job


@dataclass(frozen=True)
class StageCost:
    """Jobs of one rule, and what they train. Tokens are pieces; a source and its target count once.

    `tokens` and `flops` of pretraining and over-training are exact. Those of finetuning are upper bounds:
    updates are filled up to `finetune.tokens_per_update`, less the remainder that no sentence fits.
    """

    stage: str
    rule: str
    jobs: int
    trainings: int = 0
    updates: int = 0
    tokens: int = 0
    flops: float = 0.0


STAGES = {
    "corpora": ("fetch", "clean_corpus", "split_corpus", "decontaminate_corpus"),
    "subsets": (
        *("tokenizer", "tokenize", "pool", "mixture", "task", "check_sizes", "finetuning_subset"),
        *("evaluation_set", "choices", "check_grid_sizes"),
    ),
    "pretrain": ("pretrain",),
    "finetune": ("finetune",),
    "overtrain": ("overtrain",),
    "evaluate": (
        *("evaluate", "comet", "comet_local_encoder", "comet_local_model", "comet_local"),
        *("contamination", "comparisons"),
    ),
    "laws": ("runs", "resamples", "laws", "choice_laws", "lm_runs", "lm_resamples", "lm_laws"),
    "alignment": ("alignment", "alignment_relations"),
    "report": (
        *("figures", "costs", "page", "summary"),
        *("lm_figures", "lm_costs", "lm_page", "lm_summary"),
    ),
}
"""The rules of each stage, in the order of the flow."""


def plan(study: Study | LmStudy) -> list[StageCost]:
    """What fetching takes, and each rule that has jobs, in the order of the flow."""
    jobs = graph(study)
    costs = [_cost(stage, rule, jobs.of(rule)) for stage, rules in STAGES.items() for rule in rules]
    return [cost for cost in costs if cost.jobs or cost.rule == "fetch"]


def _cost(stage: str, rule: str, jobs: list[Job]) -> StageCost:
    return StageCost(
        stage,
        rule,
        jobs=len(jobs),
        trainings=sum(job.trainings for job in jobs),
        updates=sum(job.work.updates for job in jobs),
        tokens=sum(job.work.tokens for job in jobs),
        flops=sum(job.work.flops for job in jobs),
    )


def grid_flops(study: LmStudy) -> dict[str, float]:
    """Operations of all runs of a grid together.

    Returns:
        `six_n_d`: the 6ND of Gadre et al. 2024. `exact`: counted matrix by matrix, each run on its own.
        `trained`: the same of what is really trained, where the runs of one size share a trunk.
    """
    total = {"six_n_d": 0.0, "exact": 0.0, "trained": 0.0}
    overtrain, vocabulary = study.overtrain, study.tokenizer.vocabulary
    for cell in cells(study):
        model = overtrain.models[cell.model]
        trained = cell.trained_updates * overtrain.of(cell.model).tokens_per_update
        total["six_n_d"] += 6.0 * study.parameters(cell.model).total * cell.tokens
        for name, tokens in (("exact", cell.tokens), ("trained", trained)):
            total[name] += language_model_flops(model, vocabulary, tokens, overtrain.block_pieces)
    return total
