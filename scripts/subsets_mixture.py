"""Materialize one pretraining mixture as blocks that fairseq reads."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.mixtures import write_mixture
from downlaw.study import load_study

study = load_study(snakemake.config)
name = snakemake.wildcards.mixture

with job(snakemake.log[0], f"mixture {name}"):
    manifest = write_mixture(
        name,
        study,
        list(map(Path, snakemake.input.pools)),
        Path(snakemake.input.dictionary),
        Path(snakemake.output.manifest).parent,
    )
    say(f"mixture {name}: {manifest['tokens']:,} tokens")
