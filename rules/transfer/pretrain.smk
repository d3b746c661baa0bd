# The longest chain of jobs in a study, so it goes first. What was trained is kept by content: a rerun of this
# rule with nothing new to train only reads a record.
rule pretrain:
    input:
        mixture=SUBSETS / "mixtures/{mixture}/manifest.json",
        view=ancient(SUBSETS / "mixtures/{mixture}/train.view.json"),
        pools=lambda w: list(map(ancient, pools_of(w.mixture))),
        sizes=ancient(SIZES),
        previous=previous_segment,
    output:
        PRETRAIN / "{mixture}/seed{seed}/{tokens}.json",
    log:
        RESULTS / "logs/pretrain/{mixture}-seed{seed}-{tokens}.log",
    benchmark:
        RESULTS / "benchmarks/pretrain/{mixture}-seed{seed}-{tokens}.tsv"
    wildcard_constraints:
        seed=r"\d+",
        tokens=r"\d+",
    priority: 10
    conda:
        "../../envs/downlaw.yaml"
    threads: training_threads("pretrain")
    resources:
        **asked_by_training("pretrain"),
    params:
        pretrain=STUDY.pretrain.deciding(),
        model=STUDY.model.model_dump(),
        precision=STUDY.compute.precision,
    message:
        "pretrain {wildcards.mixture}, seed {wildcards.seed}, to {wildcards.tokens} tokens"
    script:
        "../../scripts/pretrain.py"
