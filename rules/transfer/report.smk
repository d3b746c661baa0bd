rule figures:
    input:
        runs=rules.runs.output,
        laws=rules.laws.output.laws,
        lines=rules.laws.output.lines,
        verdicts=rules.laws.output.verdicts,
        valuations=rules.laws.output.valuations,
        relations=rules.laws.output.relations,
    output:
        report(
            directory(REPORT / "figures"),
            patterns=["{name}.png"],
            caption="../../report/figures.rst",
            category="Figures",
            labels={"figure": "{name}", "of": "curves"},
        ),
    log:
        RESULTS / "logs/figures/figures.log",
    benchmark:
        RESULTS / "benchmarks/figures/figures.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("report"),
    params:
        figures=STUDY.figures.model_dump(),
    message:
        "draw figures"
    script:
        "../../scripts/report_figures.py"


rule costs:
    input:
        tables=[
            rules.runs.output,
            rules.resamples.output,
            *rules.contamination.output,
            *rules.comparisons.output,
            *rules.laws.output,
            *rules.alignment_relations.output,
        ],
        figures=rules.figures.output,
        pretrain=lambda w: PRETRAINED,
        finetune=lambda w: FINETUNED,
    output:
        report(
            RESULTS / "costs.csv",
            caption="../../report/costs.rst",
            category="Cost",
            labels={"table": "costs"},
        ),
    log:
        RESULTS / "logs/costs/costs.log",
    benchmark:
        RESULTS / "benchmarks/costs/costs.tsv"
    localrule: True
    conda:
        "../../envs/downlaw.yaml"
    message:
        "gather costs"
    script:
        "../../scripts/report_costs.py"


# The study as one page. It shows the study file as it was when the page was made.
rule page:
    input:
        tables=[
            rules.runs.output,
            *rules.contamination.output,
            *rules.comparisons.output,
            *rules.laws.output,
            *rules.alignment_relations.output,
            *(rules.choice_laws.output if STUDY.evaluate.translation_choices else ()),
        ],
        figures=rules.figures.output,
        costs=rules.costs.output,
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
        RESULTS / "logs/page/page.log",
    benchmark:
        RESULTS / "benchmarks/page/page.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("report"),
    message:
        "write the report"
    script:
        "../../scripts/report_page.py"


# The last job of a study, so that its tables end what the terminal shows.
rule summary:
    input:
        runs=rules.runs.output,
        laws=rules.laws.output.laws,
        verdicts=rules.laws.output.verdicts,
        valuations=rules.laws.output.valuations,
        comparisons=rules.comparisons.output.comparisons,
        without_seen=rules.comparisons.output.without_seen,
        figures=rules.figures.output,
        costs=rules.costs.output,
        page=rules.page.output.page,
    output:
        report(
            REPORT / "summary.txt",
            caption="../../report/summary.rst",
            category="Answer",
            labels={"table": "summary"},
        ),
    log:
        RESULTS / "logs/summary/summary.log",
    benchmark:
        RESULTS / "benchmarks/summary/summary.tsv"
    localrule: True
    conda:
        "../../envs/downlaw.yaml"
    message:
        "summarize"
    script:
        "../../scripts/report_summary.py"


# What a study ends in.
OUTCOMES = [
    rules.runs.output,
    rules.resamples.output,
    rules.contamination.output,
    rules.comparisons.output,
    rules.laws.output,
    rules.alignment_relations.output,
    rules.figures.output,
    rules.costs.output,
    rules.page.output,
    rules.summary.output,
    *(rules.choice_laws.output if STUDY.evaluate.translation_choices else ()),
]
