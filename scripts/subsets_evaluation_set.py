"""Cut the held-out text of a mixture into sequences to measure losses on."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.mixtures import write_evaluation_set
from downlaw.study import load_study

study = load_study(snakemake.config)
name = snakemake.wildcards.set
components = [(corpus, language) for corpus, language, _ in study.evaluation_sets[name].components()]

with job(snakemake.log[0], f"evaluation set {name}"):
    manifest = write_evaluation_set(
        name,
        study,
        dict(zip(components, map(Path, snakemake.input.text), strict=True)),
        Path(snakemake.input.model),
        Path(snakemake.output.manifest).parent,
    )
    say(f"evaluation set {name}: {manifest['blocks']:,} sequences, {manifest['tokens']:,} tokens")
