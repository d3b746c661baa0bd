# How close each mixture is to each task, by label and measured. Nothing that is trained depends on it.
ALIGNMENT = RESULTS / "alignment"


rule alignment:
    input:
        mixture=SUBSETS / "mixtures/{mixture}/manifest.json",
        view=ancient(SUBSETS / "mixtures/{mixture}/train.view.json"),
        pools=lambda w: list(map(ancient, pools_of(w.mixture))),
        tasks=[SUBSETS / f"tasks/{name}/all/manifest.json" for name in STUDY.tasks],
        model=rules.tokenizer.output.model,
    output:
        ALIGNMENT / "{mixture}.json",
    log:
        RESULTS / "logs/alignment/{mixture}.log",
    benchmark:
        RESULTS / "benchmarks/alignment/{mixture}.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("subsets"),
    params:
        shares=lambda w: STUDY.mixtures[w.mixture].language_shares(),
        directions={name: [t.source, t.target] for name, t in STUDY.tasks.items()},
        languages=STUDY.languages,
        seed=STUDY.seed,
    message:
        "measure how close {wildcards.mixture} is to each task"
    script:
        "../../scripts/alignment_mixture.py"


rule alignment_relations:
    input:
        measured=[ALIGNMENT / f"{name}.json" for name in STUDY.mixtures],
        runs=rules.runs.output,
        verdicts=rules.laws.output.verdicts,
    output:
        alignment=report(
            RESULTS / "alignment.csv",
            caption="../../report/alignment.rst",
            category="Text",
            labels={"table": "alignment"},
        ),
        relations=report(
            RESULTS / "alignment_relations.csv",
            caption="../../report/alignment_relations.rst",
            category="Text",
            labels={"table": "alignment relations"},
        ),
        figures=report(
            directory(REPORT / "alignment_figures"),
            patterns=["{name}.png"],
            caption="../../report/alignment_figures.rst",
            category="Figures",
            labels={"figure": "{name}", "of": "alignment"},
        ),
    log:
        RESULTS / "logs/alignment_relations/alignment_relations.log",
    benchmark:
        RESULTS / "benchmarks/alignment_relations/alignment_relations.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("laws"),
    params:
        figures=STUDY.figures.model_dump(),
    message:
        "compare measures of alignment with gains and verdicts"
    script:
        "../../scripts/alignment_relations.py"
