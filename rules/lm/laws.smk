rule lm_runs:
    input:
        EVALUATED,
    output:
        report(
            RESULTS / "lm_runs.csv",
            caption="../../report/lm_runs.rst",
            category="Scores",
            labels={"table": "runs"},
        ),
    log:
        RESULTS / "logs/lm_runs/lm_runs.log",
    benchmark:
        RESULTS / "benchmarks/lm_runs/lm_runs.tsv"
    localrule: True
    conda:
        "../../envs/downlaw.yaml"
    message:
        "gather all runs"
    script:
        "../../scripts/laws_lm_runs.py"


rule lm_resamples:
    input:
        [path.with_suffix(".segments.parquet") for path in EVALUATED],
    output:
        RESULTS / "lm_resamples.parquet",
    log:
        RESULTS / "logs/lm_resamples/lm_resamples.log",
    benchmark:
        RESULTS / "benchmarks/lm_resamples/lm_resamples.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("laws"),
    params:
        samples=STUDY.evaluate.bootstrap_samples,
    message:
        "draw held-out text and items anew"
    script:
        "../../scripts/laws_lm_resamples.py"


# Only figures read the lines.
rule lm_laws:
    input:
        runs=rules.lm_runs.output,
        resamples=rules.lm_resamples.output,
    output:
        laws=report(
            RESULTS / "laws.csv",
            caption="../../report/lm_laws.rst",
            category="Laws",
            labels={"table": "laws"},
        ),
        predictions=report(
            RESULTS / "predictions.csv",
            caption="../../report/lm_predictions.rst",
            category="Answer",
            labels={"table": "predictions"},
        ),
        tasks=report(
            RESULTS / "lm_tasks.csv",
            caption="../../report/lm_tasks.rst",
            category="Laws",
            labels={"table": "tasks"},
        ),
        lines=RESULTS / "law_lines.csv",
    log:
        RESULTS / "logs/lm_laws/lm_laws.log",
    benchmark:
        RESULTS / "benchmarks/lm_laws/lm_laws.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("laws"),
    params:
        laws=STUDY.laws.model_dump(exclude={"fit", "fit_error"}),
    message:
        "fit laws"
    script:
        "../../scripts/laws_lm.py"
