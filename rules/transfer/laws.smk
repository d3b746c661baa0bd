rule runs:
    input:
        rows=EVALUATED,
        further=[EVALUATE / f"{name}.json" for name in LEARNED_METRICS],
    output:
        report(
            RESULTS / "runs.csv",
            caption="../../report/runs.rst",
            category="Scores",
            labels={"table": "runs"},
        ),
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
        laws=report(
            RESULTS / "laws.csv",
            caption="../../report/laws.rst",
            category="Laws",
            labels={"table": "laws"},
        ),
        predictions=report(
            RESULTS / "predictions.csv",
            caption="../../report/predictions.rst",
            category="Laws",
            labels={"table": "predictions"},
        ),
        verdicts=report(
            RESULTS / "verdicts.csv",
            caption="../../report/verdicts.rst",
            category="Answer",
            labels={"table": "verdicts"},
        ),
        valuations=report(
            RESULTS / "valuations.csv",
            caption="../../report/valuations.rst",
            category="Answer",
            labels={"table": "valuations"},
        ),
        lines=RESULTS / "law_lines.csv",
        relations=report(
            RESULTS / "metric_relations.csv",
            caption="../../report/metric_relations.rst",
            category="Scores",
            labels={"table": "metric relations"},
        ),
        noise=report(
            RESULTS / "noise.csv",
            caption="../../report/noise.rst",
            category="Scores",
            labels={"table": "noise"},
        ),
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
            laws=report(
                RESULTS / "choice_laws.csv",
                caption="../../report/choice_laws.rst",
                category="Laws",
                labels={"table": "translation choice"},
            ),
            figures=report(
                directory(REPORT / "choice_figures"),
                patterns=["{name}.png"],
                caption="../../report/choice_figures.rst",
                category="Figures",
                labels={"figure": "{name}", "of": "translation choice"},
            ),
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
