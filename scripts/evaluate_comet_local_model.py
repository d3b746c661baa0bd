"""Train comet-local on damaged validation references, and measure it on others."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything reads it

from pathlib import Path

from downlaw.console import job, say
from downlaw.metrics.comet_local.model import make_and_measure
from downlaw.references import read_pairs
from downlaw.study import load_study

study = load_study(snakemake.config)

with job(snakemake.log[0], "comet-local") as log:

    def tell(line: str) -> None:
        say(f"comet-local: {line}")
        log.write(line + "\n")

    pairs = read_pairs(study, snakemake.input.text)
    encoder, folder = Path(snakemake.input.encoder[0]).parent, Path(snakemake.output.card).parent
    figures = make_and_measure(pairs, encoder, study.evaluate.comet_local, study.seed, folder, tell)
    tell("Spearman: " + ", ".join(f"{name} {value:.3f}" for name, value in figures["spearman"].items()))
