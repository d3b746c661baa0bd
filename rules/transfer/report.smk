rule figures:
    input:
        runs=rules.runs.output,
        laws=rules.laws.output.laws,
        lines=rules.laws.output.lines,
        verdicts=rules.laws.output.verdicts,
        valuations=rules.laws.output.valuations,
        relations=rules.laws.output.relations,
    output:
        directory(REPORT / "figures"),
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
        RESULTS / "costs.csv",
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
    output:
        REPORT / "summary.txt",
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
    rules.summary.output,
    *(rules.choice_laws.output if STUDY.evaluate.translation_choices else ()),
]
