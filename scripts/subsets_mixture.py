"""Materialize one pretraining mixture as blocks that fairseq reads."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.mixtures import write_mixture
from downlaw.study import load_study

study = load_study(snakemake.config)
name = snakemake.wildcards.mixture
components = [(corpus, language) for corpus, language, _ in study.mixtures[name].components()]

with job(snakemake.log[0], f"mixture {name}"):
    manifest = write_mixture(
        name,
        study,
        dict(zip(components, map(Path, snakemake.input.text), strict=True)),
        Path(snakemake.input.model),
        Path(snakemake.input.dictionary),
        Path(snakemake.output.manifest).parent,
    )
    say(f"mixture {name}: {manifest['tokens']:,} tokens")
