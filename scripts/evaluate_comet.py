"""Score every selected run of the study by its COMET model, without a network."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything reads it

from pathlib import Path

from downlaw.console import job, say
from downlaw.engine.gpus import held
from downlaw.metrics.comet import Scoring, evaluated, find, score_study, write_scores
from downlaw.study import load_study

study = load_study(snakemake.config)

with job(snakemake.log[0], "score by COMET") as log, held(study.compute.device):

    def tell(line: str) -> None:
        say(line)
        log.write(line + "\n")

    asked, compute = study.evaluate.comet, study.compute
    scoring = Scoring(find(asked), compute.device, asked.precision, asked.batch_tokens, snakemake.threads)
    test_sets = dict(zip(study.tasks, (Path(path).parent for path in snakemake.input.prepared), strict=True))
    runs = evaluated(snakemake.input.rows)
    scored = score_study(runs, test_sets, scoring, "comet", study.evaluate.bootstrap_samples, tell)
    write_scores(*scored, snakemake.output.rows, snakemake.output.segments)
