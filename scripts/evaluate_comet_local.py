"""Score every selected run of the study by the COMET that it trained for itself."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything reads it

from pathlib import Path

from downlaw.console import job, say
from downlaw.engine.gpus import held
from downlaw.metrics.comet import evaluated, score_study, write_scores
from downlaw.metrics.comet_local.model import scoring
from downlaw.study import load_study

study = load_study(snakemake.config)

with job(snakemake.log[0], "score by comet-local") as log, held(study.compute.device):

    def tell(line: str) -> None:
        say(line)
        log.write(line + "\n")

    how = scoring(Path(snakemake.input.model).parent, study.compute.device, snakemake.threads)
    test_sets = dict(zip(study.tasks, (Path(path).parent for path in snakemake.input.prepared), strict=True))
    runs = evaluated(snakemake.input.rows)
    scored = score_study(runs, test_sets, how, "comet_local", study.evaluate.bootstrap_samples, tell)
    write_scores(*scored, snakemake.output.rows, snakemake.output.segments)
