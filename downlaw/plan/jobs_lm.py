"""Jobs of the over-training track, from evaluation sets to the summary."""

from __future__ import annotations

from downlaw.engine.flops import language_model_flops
from downlaw.study import LmStudy
from downlaw.study.grid import Cell, cells
from downlaw.study.overtrain import FileTask, multiplier_name

from .jobs import Graph, Work, scoring_shape, training_shape
from .jobs_text import pool_keys, text_key

SIZES = "check_grid_sizes/sizes"


def cell_name(cell: Cell) -> str:
    return cell.path.removesuffix(".json")


def add_grid(jobs: Graph, study: LmStudy) -> None:
    """Evaluation sets, the grid of trainings, scores, laws and the report."""
    sets = [
        jobs.add(
            "evaluation_set",
            name,
            ["tokenizer/tokenizer", *(text_key(corpus, part) for corpus, part, _ in mixture.components())],
            outputs=(f"subsets/sets/{name}/manifest.json",),
        )
        for name, mixture in study.evaluation_sets.items()
    ]
    choices = [
        jobs.add(
            "choices",
            name,
            ["tokenizer/tokenizer", *(() if isinstance(task, FileTask) else (text_key(*task.part),))],
            outputs=(f"subsets/choices/{name}/manifest.json",),
        )
        for name, task in study.evaluate.tasks.items()
    ]
    mixtures = [f"mixture/{name}" for name in study.mixtures]
    jobs.add(
        *("check_grid_sizes", "sizes", [*mixtures, *sets, *choices]),
        first=frozenset([*mixtures, *sets, *choices]),
        outputs=("subsets/sizes.json",),
        local=True,
    )
    _add_trainings(jobs, study)
    _add_tables(jobs, study, [*sets, *choices])


def _add_trainings(jobs: Graph, study: LmStudy) -> None:
    overtrain, vocabulary = study.overtrain, study.tokenizer.vocabulary
    for cell in cells(study):
        tokens = cell.trained_updates * overtrain.of(cell.model).tokens_per_update
        model, pools = overtrain.models[cell.model], pool_keys(study, cell.mixture)
        before = []
        if cell.previous is not None:
            one = multiplier_name(cell.previous)
            before = [f"overtrain/{cell.mixture}/{cell.model}/seed{cell.seed}/{one}"]
        jobs.add(
            "overtrain",
            cell_name(cell),
            [f"mixture/{cell.mixture}", *pools, SIZES, *before],
            first=frozenset([SIZES, *pools]),
            outputs=(f"overtrain/{cell.path}",),
            priority=10,
            work=Work(
                # With a trunk, a job trains twice: a stretch of the trunk, then its decay.
                trainings=1 if cell.trunk_updates is None else 2,
                updates=cell.trained_updates,
                tokens=tokens,
                flops=language_model_flops(model, vocabulary, tokens, overtrain.block_pieces),
            ),
            **training_shape(study, study.resources.overtrain),
        )


def _add_tables(jobs: Graph, study: LmStudy, prepared: list[str]) -> None:
    sequences = study.evaluate.sequences * len(study.evaluation_sets)
    grid = list(cells(study))
    scored = [
        jobs.add(
            "evaluate",
            cell_name(cell),
            [f"overtrain/{cell_name(cell)}", *prepared],
            outputs=(f"evaluate/{cell.path}",),
            work=Work(runs=1, segments=sequences),
            **scoring_shape(study),
        )
        for cell in grid
    ]

    def table(rule: str, on: list[str], *outputs: str, local: bool = False) -> str:
        work = Work(runs=len(grid))
        return jobs.add(rule, rule, on, outputs=outputs, target=True, local=local, work=work)

    runs = table("lm_runs", scored, "lm_runs.csv", local=True)
    resamples = table("lm_resamples", scored, "lm_resamples.parquet")
    laws = table("lm_laws", [runs, resamples], "laws.csv", "predictions.csv", "lm_tasks.csv")
    figures = table("lm_figures", [runs, laws], "report/figures")
    trained = [job.key for job in jobs.of("overtrain")]
    costs = table("lm_costs", [runs, laws, figures, *trained], "costs.csv", local=True)
    page = table("lm_page", [runs, laws, figures, costs], "report/report.html")
    table("lm_summary", [runs, laws, figures, costs, page], "report/summary.txt", local=True)
