rule runs:
    input:
        [
            EVALUATE / name / start_path(start)
            for name in STUDY.tasks
            for start in starts(STUDY)
        ],
    output:
        RESULTS / "runs.csv",
    log:
        RESULTS / "logs/runs/runs.log",
    benchmark:
        RESULTS / "benchmarks/runs/runs.tsv"
    conda:
        "../envs/downlaw.yaml"
    message:
        "gather all runs"
    script:
        "../scripts/laws_runs.py"


rule laws:
    input:
        rules.runs.output,
    output:
        RESULTS / "laws.csv",
    log:
        RESULTS / "logs/laws/laws.log",
    benchmark:
        RESULTS / "benchmarks/laws/laws.tsv"
    conda:
        "../envs/downlaw.yaml"
    params:
        laws=STUDY.laws.model_dump(),
    message:
        "fit laws"
    script:
        "../scripts/laws.py"
