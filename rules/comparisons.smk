rule comparisons:
    input:
        SEGMENT_STATISTICS,
    output:
        RESULTS / "comparisons.csv",
    log:
        RESULTS / "logs/comparisons/comparisons.log",
    benchmark:
        RESULTS / "benchmarks/comparisons/comparisons.tsv"
    conda:
        "../envs/downlaw.yaml"
    params:
        samples=STUDY.evaluate.bootstrap_samples,
    message:
        "compare runs"
    script:
        "../scripts/evaluate_comparisons.py"
