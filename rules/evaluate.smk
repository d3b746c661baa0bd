rule evaluate:
    input:
        runs=FINETUNE / "{task}/{mixture}/seed{seed}/{tokens}.json",
        prepared=SUBSETS / "tasks/{task}/all/manifest.json",
        tokenizer=rules.tokenizer.output.model,
    output:
        rows=EVALUATE / "{task}/{mixture}/seed{seed}/{tokens}.json",
        segments=EVALUATE / "{task}/{mixture}/seed{seed}/{tokens}.segments.parquet",
    log:
        RESULTS / "logs/evaluate/{task}-{mixture}-seed{seed}-{tokens}.log",
    benchmark:
        RESULTS / "benchmarks/evaluate/{task}-{mixture}-seed{seed}-{tokens}.tsv"
    wildcard_constraints:
        seed=r"\d+",
        tokens=r"\d+",
    conda:
        "../envs/downlaw.yaml"
    threads: STUDY.compute.threads
    params:
        evaluate=STUDY.evaluate.model_dump(exclude={"comet", "comet_local"}),
    message:
        "evaluate {wildcards.task} from {wildcards.mixture}, seed {wildcards.seed}, at {wildcards.tokens} tokens"
    script:
        "../scripts/evaluate.py"
