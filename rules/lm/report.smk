rule lm_figures:
    input:
        **{
            name: rules.lm_laws.output[name]
            for name in ("laws", "predictions", "lines")
        },
        runs=rules.lm_runs.output,
    output:
        directory(REPORT / "figures"),
    log:
        RESULTS / "logs/lm_figures/lm_figures.log",
    benchmark:
        RESULTS / "benchmarks/lm_figures/lm_figures.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("report"),
    params:
        figures=STUDY.figures.model_dump(),
    message:
        "draw figures"
    script:
        "../../scripts/report_lm_figures.py"


rule lm_costs:
    input:
        tables=[rules.lm_runs.output, *rules.lm_laws.output],
        figures=rules.lm_figures.output,
        overtrain=OVERTRAINED,
    output:
        RESULTS / "costs.csv",
    log:
        RESULTS / "logs/lm_costs/lm_costs.log",
    benchmark:
        RESULTS / "benchmarks/lm_costs/lm_costs.tsv"
    localrule: True
    conda:
        "../../envs/downlaw.yaml"
    message:
        "gather costs"
    script:
        "../../scripts/report_lm_costs.py"


# The last job of a study, so that its tables end what the terminal shows.
rule lm_summary:
    input:
        runs=rules.lm_runs.output,
        laws=rules.lm_laws.output.laws,
        predictions=rules.lm_laws.output.predictions,
        tasks=rules.lm_laws.output.tasks,
        figures=rules.lm_figures.output,
        costs=rules.lm_costs.output,
    output:
        REPORT / "summary.txt",
    log:
        RESULTS / "logs/lm_summary/lm_summary.log",
    benchmark:
        RESULTS / "benchmarks/lm_summary/lm_summary.tsv"
    localrule: True
    conda:
        "../../envs/downlaw.yaml"
    message:
        "summarize"
    script:
        "../../scripts/report_lm_summary.py"


# What a study ends in.
OUTCOMES = [
    rules.lm_runs.output,
    rules.lm_resamples.output,
    rules.lm_laws.output,
    rules.lm_figures.output,
    rules.lm_costs.output,
    rules.lm_summary.output,
]
