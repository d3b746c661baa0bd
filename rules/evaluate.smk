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


# Where a hub can be reached, before the study runs. Without output, so that it looks at the cache every time.
rule prefetch:
    log:
        RESULTS / "logs/prefetch/prefetch.log",
    localrule: True
    conda:
        "../envs/downlaw.yaml"
    message:
        "fetch the COMET model"
    script:
        "../scripts/evaluate_prefetch.py"


if STUDY.evaluate.comet:

    # One job for all runs: the model takes longer to load than to score one of them.
    rule comet:
        input:
            rows=[
                EVALUATE / name / start_path(start)
                for name in STUDY.tasks
                for start in starts(STUDY)
            ],
            prepared=[
                SUBSETS / f"tasks/{name}/all/manifest.json" for name in STUDY.tasks
            ],
            model=[
                path for path in [STUDY.evaluate.comet.model] if Path(path).is_file()
            ],
        output:
            rows=EVALUATE / "comet.json",
            segments=EVALUATE / "comet.parquet",
        log:
            RESULTS / "logs/comet/comet.log",
        benchmark:
            RESULTS / "benchmarks/comet/comet.tsv"
        conda:
            "../envs/downlaw.yaml"
        threads: STUDY.compute.threads
        params:
            comet=STUDY.evaluate.comet.model_dump(exclude={"batch_tokens"}),
            samples=STUDY.evaluate.bootstrap_samples,
        message:
            "score all runs by COMET"
        script:
            "../scripts/evaluate_comet.py"
