"""Fetch the study's COMET model from its hub into the shared cache."""

from downlaw.console import job, say
from downlaw.metrics.comet.hub import prefetch
from downlaw.study import load_study

study = load_study(snakemake.config)

with job(snakemake.log[0], "prefetch"):
    if study.evaluate.comet:
        prefetch(study.evaluate.comet, say)
    else:
        say("the study has no evaluate.comet: there is nothing to fetch")
