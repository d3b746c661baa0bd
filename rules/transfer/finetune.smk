# One job trains every Df, learning rate and seed that starts from the same checkpoint, in one process.
rule finetune:
    input:
        prepared=SUBSETS / "tasks/{task}/all/manifest.json",
        subsets=[
            SUBSETS / f"tasks/{{task}}/{pairs}/manifest.json"
            for pairs in STUDY.finetune.pairs
        ],
        start=start_record,
    output:
        FINETUNE / "{task}/{mixture}/seed{seed}/{tokens}.json",
    log:
        RESULTS / "logs/finetune/{task}-{mixture}-seed{seed}-{tokens}.log",
    benchmark:
        RESULTS / "benchmarks/finetune/{task}-{mixture}-seed{seed}-{tokens}.tsv"
    wildcard_constraints:
        seed=r"\d+",
        tokens=r"\d+",
    conda:
        "../../envs/downlaw.yaml"
    threads: training_threads("finetune")
    resources:
        **asked_by_training("finetune"),
    params:
        finetune=STUDY.finetune.deciding(),
        model=STUDY.model.model_dump(),
        precision=STUDY.compute.precision,
    message:
        "finetune {wildcards.task} from {wildcards.mixture}, seed {wildcards.seed}, at {wildcards.tokens} tokens"
    script:
        "../../scripts/finetune.py"
