# A COMET that the study trains for itself, where no hub can be reached. Its text and its seed are its own: what is
# pretrained or finetuned does not change it.

from downlaw.corpora.sources.pypi import wheel_name

COMET_LOCAL = EVALUATE / "comet_local"


if STUDY.evaluate.comet_local:

    rule comet_local_encoder:
        input:
            (
                WHEELS / wheel_name(STUDY.evaluate.comet_local.wheel)
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
            "../envs/downlaw.yaml"
        threads: 1
        params:
            encoder=STUDY.evaluate.comet_local.encoder_keys(),
            languages=[[task.source, task.target] for task in STUDY.tasks.values()],
            seed=STUDY.seed,
        message:
            "make the encoder of comet-local"
        script:
            "../scripts/evaluate_comet_local_encoder.py"

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
            "../envs/downlaw.yaml"
        threads: 1
        params:
            comet_local=STUDY.evaluate.comet_local.model_dump(),
            languages=[[task.source, task.target] for task in STUDY.tasks.values()],
            seed=STUDY.seed,
        message:
            "train and measure comet-local"
        script:
            "../scripts/evaluate_comet_local_model.py"

    rule comet_local:
        input:
            rows=EVALUATED,
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
            "../envs/downlaw.yaml"
        threads: STUDY.compute.threads
        params:
            samples=STUDY.evaluate.bootstrap_samples,
        message:
            "score all runs by comet-local"
        script:
            "../scripts/evaluate_comet_local.py"
