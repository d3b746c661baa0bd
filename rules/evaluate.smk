EVALUATE = RESULTS / "evaluate"


rule evaluate:
    input:
        runs=FINETUNE / "{task}/{mixture}/seed{seed}/{tokens}.json",
        prepared=SUBSETS / "tasks/{task}/all/manifest.json",
        tokenizer=rules.tokenizer.output.model,
    output:
        EVALUATE / "{task}/{mixture}/seed{seed}/{tokens}.json",
    params:
        evaluate=STUDY.evaluate.model_dump(),
        seed=STUDY.seed,
    wildcard_constraints:
        seed=r"\d+",
        tokens=r"\d+",
    threads: STUDY.compute.threads
    log:
        RESULTS / "logs/evaluate/{task}-{mixture}-seed{seed}-{tokens}.log",
    benchmark:
        RESULTS / "benchmarks/evaluate/{task}-{mixture}-seed{seed}-{tokens}.tsv"
    conda:
        "../envs/downlaw.yaml"
    script:
        "../scripts/evaluate.py"
