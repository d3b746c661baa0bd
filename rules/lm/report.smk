rule lm_figures:
    input:
        **{
            name: rules.lm_laws.output[name]
            for name in ("laws", "predictions", "lines")
        },
        runs=rules.lm_runs.output,
    output:
        report(
            directory(REPORT / "figures"),
            patterns=["{name}.png"],
            caption="../../report/lm_figures.rst",
            category="Figures",
            labels={"figure": "{name}", "of": "laws"},
        ),
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
        report(
            RESULTS / "costs.csv",
            caption="../../report/costs.rst",
            category="Cost",
            labels={"table": "costs"},
        ),
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


# The study as one page. It shows the study file as it was when the page was made.
rule lm_page:
    input:
        tables=[rules.lm_runs.output, *rules.lm_laws.output],
        figures=rules.lm_figures.output,
        costs=rules.lm_costs.output,
    output:
        page=report(
            REPORT / "report.html",
            caption="../../report/page.rst",
            category="Answer",
            labels={"table": "the whole report"},
        ),
        tables=directory(REPORT / "report_tables"),
        figures=report(
            directory(REPORT / "report_figures"),
            patterns=["{name}.png"],
            caption="../../report/page_figures.rst",
            category="Figures",
            labels={"figure": "{name}", "of": "page"},
        ),
    log:
        RESULTS / "logs/lm_page/lm_page.log",
    benchmark:
        RESULTS / "benchmarks/lm_page/lm_page.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("report"),
    message:
        "write the report"
    script:
        "../../scripts/report_page.py"


# The last job of a study, so that its tables end what the terminal shows.
rule lm_summary:
    input:
        runs=rules.lm_runs.output,
        laws=rules.lm_laws.output.laws,
        predictions=rules.lm_laws.output.predictions,
        tasks=rules.lm_laws.output.tasks,
        figures=rules.lm_figures.output,
        costs=rules.lm_costs.output,
        page=rules.lm_page.output.page,
    output:
        report(
            REPORT / "summary.txt",
            caption="../../report/summary.rst",
            category="Answer",
            labels={"table": "summary"},
        ),
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
    rules.lm_page.output,
    rules.lm_summary.output,
]
