from downlaw.study.grid import cell, cells
from downlaw.study.overtrain import FileTask, multiplier_name

SETS = [SUBSETS / f"sets/{name}/manifest.json" for name in STUDY.evaluation_sets]
CHOICES = [SUBSETS / f"choices/{name}/manifest.json" for name in STUDY.evaluate.tasks]


def test_text(corpus, part):
    return RESULTS / f"corpora/{corpus}/{part}/test.parquet"


def choices_from(wildcards):
    """What the items of a task are made from: the user's own file, or held-out text."""
    task = STUDY.evaluate.tasks[wildcards.task]
    return task.path if isinstance(task, FileTask) else test_text(*task.part)


rule evaluation_set:
    input:
        model=rules.tokenizer.output.model,
        text=lambda w: [
            test_text(corpus, language)
            for corpus, language, _ in STUDY.evaluation_sets[w.set].components()
        ],
    output:
        manifest=SUBSETS / "sets/{set}/manifest.json",
        data=SUBSETS / "sets/{set}/test.bin",
        index=SUBSETS / "sets/{set}/test.idx",
    log:
        RESULTS / "logs/evaluation_set/{set}.log",
    benchmark:
        RESULTS / "benchmarks/evaluation_set/{set}.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("subsets"),
    params:
        mixture=lambda w: STUDY.evaluation_sets[w.set].model_dump(),
        blocks=[STUDY.overtrain.block_pieces, STUDY.evaluate.sequences],
        seed=STUDY.seed,
    message:
        "cut the held-out text of {wildcards.set} into sequences"
    script:
        "../../scripts/subsets_evaluation_set.py"


rule choices:
    input:
        model=rules.tokenizer.output.model,
        source=choices_from,
    output:
        SUBSETS / "choices/{task}/manifest.json",
    log:
        RESULTS / "logs/choices/{task}.log",
    benchmark:
        RESULTS / "benchmarks/choices/{task}.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("subsets"),
    params:
        task=lambda w: STUDY.evaluate.tasks[w.task].model_dump(mode="json"),
        longest=STUDY.overtrain.block_pieces,
        seed=STUDY.seed,
    message:
        "make the items of {wildcards.task}"
    script:
        "../../scripts/subsets_choices.py"


# Once a study: when it grows, each job that would train something new looks at the sizes itself. A wrong task file
# is seen here too, before anything is trained.
if not SIZES.exists():

    rule check_grid_sizes:
        input:
            mixtures=[
                SUBSETS / f"mixtures/{name}/manifest.json" for name in STUDY.mixtures
            ],
            sets=SETS,
            choices=CHOICES,
        output:
            SIZES,
        log:
            RESULTS / "logs/check_grid_sizes/sizes.log",
        benchmark:
            RESULTS / "benchmarks/check_grid_sizes/sizes.tsv"
        localrule: True
        conda:
            "../../envs/downlaw.yaml"
        message:
            "compare every D with the text there is"
        script:
            "../../scripts/subsets_check_grid_sizes.py"
