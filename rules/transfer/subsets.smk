rule task:
    input:
        model=rules.tokenizer.output.model,
        dictionary=rules.tokenizer.output.dictionary,
        text=lambda w: [
            RESULTS / f"corpora/{corpus}/{STUDY.tasks[w.task].part}/{split}.parquet"
            for split, corpus in STUDY.tasks[w.task].corpora().items()
        ],
    output:
        manifest=SUBSETS / "tasks/{task}/all/manifest.json",
        train=expand(
            SUBSETS / "tasks/{{task}}/all/train.{side}.{end}",
            side=("source", "target"),
            end=("bin", "idx"),
        ),
    log:
        RESULTS / "logs/task/{task}.log",
    benchmark:
        RESULTS / "benchmarks/task/{task}.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("subsets"),
    params:
        task=lambda w: STUDY.tasks[w.task].deciding(),
        limits=[STUDY.model.max_pieces, STUDY.finetune.tokens_per_batch],
        seed=STUDY.seed,
    message:
        "encode task {wildcards.task}"
    script:
        "../../scripts/subsets_task.py"


# Once a study: when it grows, each job that would train something new looks at the sizes itself. If this ran again
# for a new mixture, Snakemake 9.27 would look at no job below it, and pass over changes of theirs in that call.
if not SIZES.exists():

    rule check_sizes:
        input:
            mixtures=[
                SUBSETS / f"mixtures/{name}/manifest.json" for name in STUDY.mixtures
            ],
            tasks=[SUBSETS / f"tasks/{name}/all/manifest.json" for name in STUDY.tasks],
        output:
            SIZES,
        log:
            RESULTS / "logs/check_sizes/sizes.log",
        benchmark:
            RESULTS / "benchmarks/check_sizes/sizes.tsv"
        localrule: True
        conda:
            "../../envs/downlaw.yaml"
        message:
            "compare every Dp and Df with the text there is"
        script:
            "../../scripts/subsets_check_sizes.py"


rule finetuning_subset:
    input:
        prepared=rules.task.output.manifest,
        train=ancient(rules.task.output.train),
        dictionary=rules.tokenizer.output.dictionary,
        sizes=ancient(SIZES),
    output:
        manifest=SUBSETS / "tasks/{task}/{pairs}/manifest.json",
    log:
        RESULTS / "logs/finetuning_subset/{task}-{pairs}.log",
    benchmark:
        RESULTS / "benchmarks/finetuning_subset/{task}-{pairs}.tsv"
    wildcard_constraints:
        pairs=r"\d+",
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("subsets"),
    message:
        "cut {wildcards.pairs} pairs for {wildcards.task}"
    script:
        "../../scripts/subsets_finetuning.py"
