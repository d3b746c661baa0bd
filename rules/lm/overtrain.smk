from downlaw.engine.overtraining import architecture

OVERTRAIN = RESULTS / "overtrain"


def cell_of(wildcards):
    return cell(
        STUDY,
        wildcards.mixture,
        wildcards.model,
        int(wildcards.seed),
        float(wildcards.multiplier),
    )


def cell_before(wildcards):
    """The run whose stretch of the trunk this one continues."""
    before = cell_of(wildcards).previous
    return (
        []
        if before is None
        else OVERTRAIN
        / f"{wildcards.mixture}/{wildcards.model}/seed{wildcards.seed}/{multiplier_name(before)}.json"
    )


OVERTRAINED, EVALUATED = (
    [stage / run.path for run in cells(STUDY)] for stage in (OVERTRAIN, EVALUATE)
)


# A stretch of a trunk and its decay, or a run of its own. What was trained is kept by content: a rerun of this rule
# with nothing new to train only reads a record.
rule overtrain:
    input:
        mixture=SUBSETS / "mixtures/{mixture}/manifest.json",
        view=ancient(SUBSETS / "mixtures/{mixture}/train.view.json"),
        pools=lambda w: list(map(ancient, pools_of(w.mixture))),
        sizes=ancient(SIZES),
        previous=cell_before,
    output:
        OVERTRAIN / "{mixture}/{model}/seed{seed}/{multiplier}.json",
    log:
        RESULTS / "logs/overtrain/{mixture}-{model}-seed{seed}-{multiplier}.log",
    benchmark:
        RESULTS / "benchmarks/overtrain/{mixture}-{model}-seed{seed}-{multiplier}.tsv"
    wildcard_constraints:
        seed=r"\d+",
        multiplier=r"[0-9.e+-]+",
    priority: 10
    conda:
        "../../envs/downlaw.yaml"
    threads: training_threads("overtrain")
    resources:
        **asked_by_training("overtrain"),
    params:
        overtrain=lambda w: STUDY.overtrain.of(w.model).deciding(),
        model=lambda w: architecture(STUDY, w.model),
        precision=STUDY.compute.precision,
    message:
        "train {wildcards.model} on {wildcards.mixture}, seed {wildcards.seed}, to {wildcards.multiplier} tokens a parameter"
    script:
        "../../scripts/overtrain.py"
