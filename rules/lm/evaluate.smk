rule evaluate:
    input:
        run=OVERTRAIN / "{mixture}/{model}/seed{seed}/{multiplier}.json",
        sets=SETS,
        choices=CHOICES,
    output:
        rows=EVALUATE / "{mixture}/{model}/seed{seed}/{multiplier}.json",
        segments=EVALUATE / "{mixture}/{model}/seed{seed}/{multiplier}.segments.parquet",
    log:
        RESULTS / "logs/evaluate/{mixture}-{model}-seed{seed}-{multiplier}.log",
    benchmark:
        RESULTS / "benchmarks/evaluate/{mixture}-{model}-seed{seed}-{multiplier}.tsv"
    wildcard_constraints:
        seed=r"\d+",
        multiplier=r"[0-9.e+-]+",
    conda:
        "../../envs/downlaw.yaml"
    threads: STUDY.compute.threads
    resources:
        **asked_with_gpu("evaluate"),
    params:
        samples=STUDY.evaluate.bootstrap_samples,
        fitted=lambda w: [
            (w.model, float(w.multiplier)) in runs
            for runs in (STUDY.loss_fit, STUDY.error_fit)
        ],
    message:
        "evaluate {wildcards.model} on {wildcards.mixture}, seed {wildcards.seed}, at {wildcards.multiplier}"
    script:
        "../../scripts/evaluate_lm.py"
