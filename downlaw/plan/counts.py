"""What a study holds, counted from its run matrix: jobs, trainings, updates, tokens and FLOPs by rule."""

from __future__ import annotations

from dataclasses import dataclass

from downlaw.corpora import needs
from downlaw.corpora.sources.pypi import wheel_name
from downlaw.engine.flops import language_model_flops, pretraining_flops, training_flops
from downlaw.study import LmStudy, Study
from downlaw.study.grid import cells
from downlaw.study.matrix import runs, segments, starts


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


def plan(study: Study | LmStudy) -> list[StageCost]:
    """Jobs, updates, tokens and FLOPs of each rule, in the order of the flow."""
    return [*_text(study), *(_grid(study) if isinstance(study, LmStudy) else _transfer(study))]


def _text(study: Study | LmStudy) -> list[StageCost]:
    """What both tracks begin with."""
    parts = needs.parts(study)
    fetched = {
        artifact.name for corpus, part in parts for artifact in needs.artifacts_of(study, corpus, part)
    }
    pools = {
        (corpus, language, position)
        for mixture in study.mixtures.values()
        for position, (corpus, language, _) in enumerate(mixture.components())
    }
    mixed = sorted({(corpus, language) for corpus, language, _ in pools})
    own = study.evaluate.comet_local if isinstance(study, Study) else None
    if own and own.variant == "e5":
        fetched.add(wheel_name(own.wheel))
    return [
        StageCost("corpora", "fetch", len(fetched)),
        *_shares(study, "corpora", "clean_corpus", [corpus for corpus, _ in parts]),
        StageCost("corpora", "split_corpus", len(parts)),
        StageCost("corpora", "decontaminate_corpus", len(parts)),
        StageCost("subsets", "tokenizer", 1),
        *_shares(study, "subsets", "tokenize", [corpus for corpus, _ in mixed]),
        StageCost("subsets", "pool", len(pools)),
        StageCost("subsets", "mixture", len(study.mixtures)),
    ]


def _shares(study: Study | LmStudy, stage: str, rule: str, corpora: list[str]) -> list[StageCost]:
    """The jobs that share the work on large corpora, each of which is named once a part."""
    jobs = [study.corpora[corpus].jobs for corpus in corpora]
    shared = sum(count for count in jobs if count > 1)
    return [StageCost(stage, rule, shared)] if shared else []


def _transfer(study: Study) -> list[StageCost]:
    own = study.evaluate.comet_local
    learned = ["comet"] if study.evaluate.comet else []
    learned += ["comet_local_encoder", "comet_local_model", "comet_local"] if own else []
    return [
        StageCost("subsets", "task", len(study.tasks)),
        StageCost("subsets", "check_sizes", 1),
        StageCost("subsets", "finetuning_subset", len(study.tasks) * len(study.finetune.pairs)),
        _pretraining(study),
        _finetuning(study),
        StageCost("evaluate", "evaluate", len(study.tasks) * len(starts(study))),
        *(StageCost("evaluate", rule, 1) for rule in learned),
        StageCost("evaluate", "contamination", 1),
        StageCost("evaluate", "comparisons", 1),
        StageCost("laws", "runs", 1),
        StageCost("laws", "resamples", 1),
        StageCost("laws", "laws", 1),
        *([StageCost("laws", "choice_laws", 1)] if study.evaluate.translation_choices else ()),
        StageCost("alignment", "alignment", len(study.mixtures)),
        StageCost("alignment", "alignment_relations", 1),
        StageCost("report", "figures", 1),
        StageCost("report", "costs", 1),
        StageCost("report", "page", 1),
        StageCost("report", "summary", 1),
    ]


def _grid(study: LmStudy) -> list[StageCost]:
    runs = list(cells(study))
    trained = [run.trained_updates * study.overtrain.of(run.model).tokens_per_update for run in runs]
    return [
        StageCost("subsets", "evaluation_set", len(study.evaluation_sets)),
        StageCost("subsets", "choices", len(study.evaluate.tasks)),
        StageCost("subsets", "check_grid_sizes", 1),
        StageCost(
            "overtrain",
            "overtrain",
            jobs=len(runs),
            trainings=len(runs),
            updates=sum(run.trained_updates for run in runs),
            tokens=sum(trained),
            flops=grid_flops(study)["trained"],
        ),
        StageCost("evaluate", "evaluate", len(runs)),
        *(StageCost("laws", rule, 1) for rule in ("lm_runs", "lm_resamples", "lm_laws")),
        *(StageCost("report", rule, 1) for rule in ("lm_figures", "lm_costs", "lm_page", "lm_summary")),
    ]


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
