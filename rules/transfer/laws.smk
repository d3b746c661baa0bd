rule runs:
    input:
        rows=EVALUATED,
        further=[EVALUATE / f"{name}.json" for name in LEARNED_METRICS],
    output:
        RESULTS / "runs.csv",
    log:
        RESULTS / "logs/runs/runs.log",
    benchmark:
        RESULTS / "benchmarks/runs/runs.tsv"
    localrule: True
    conda:
        "../../envs/downlaw.yaml"
    message:
        "gather all runs"
    script:
        "../../scripts/laws_runs.py"


rule resamples:
    input:
        SEGMENT_STATISTICS,
    output:
        RESULTS / "resamples.parquet",
    log:
        RESULTS / "logs/resamples/resamples.log",
    benchmark:
        RESULTS / "benchmarks/resamples/resamples.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("laws"),
    params:
        samples=STUDY.evaluate.bootstrap_samples,
    message:
        "draw test sets anew"
    script:
        "../../scripts/laws_resamples.py"


# Only figures read the lines.
rule laws:
    input:
        runs=rules.runs.output,
        resamples=rules.resamples.output,
    output:
        laws=RESULTS / "laws.csv",
        predictions=RESULTS / "predictions.csv",
        verdicts=RESULTS / "verdicts.csv",
        valuations=RESULTS / "valuations.csv",
        lines=RESULTS / "law_lines.csv",
        relations=RESULTS / "metric_relations.csv",
        noise=RESULTS / "noise.csv",
    log:
        RESULTS / "logs/laws/laws.log",
    benchmark:
        RESULTS / "benchmarks/laws/laws.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("laws"),
    params:
        laws=STUDY.laws.model_dump(),
    message:
        "fit laws"
    script:
        "../../scripts/laws.py"


# How often a model takes a wrong translation for the right one, over its cross-entropy.
if STUDY.evaluate.translation_choices:

    rule choice_laws:
        input:
            runs=rules.runs.output,
            resamples=rules.resamples.output,
        output:
            laws=RESULTS / "choice_laws.csv",
            figures=directory(REPORT / "choice_figures"),
        log:
            RESULTS / "logs/choice_laws/choice_laws.log",
        benchmark:
            RESULTS / "benchmarks/choice_laws/choice_laws.tsv"
        conda:
            "../../envs/downlaw.yaml"
        resources:
            **asked("laws"),
        params:
            laws=STUDY.laws.model_dump(
                include={"fit_points", "interval_level", "bootstrap_samples"}
            ),
            figures=STUDY.figures.model_dump(),
        message:
            "fit the error of translation choice to cross-entropy"
        script:
            "../../scripts/laws_choice.py"
