"""Take the test text of every task out of one part of a corpus."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.corpora.decontaminate import decontaminate_part

w = snakemake.wildcards
label = f"corpus {w.corpus}/{w.part}"

with job(snakemake.log[0], f"{label} without test text"):
    manifest = decontaminate_part(
        Path(snakemake.input.record).parent,
        dict(zip(snakemake.params.tests, map(Path, snakemake.input.tests), strict=True)),
        Path(snakemake.output.manifest).parent,
        snakemake.params.seed,
        tuple(snakemake.params.get("left", ())),
    )
    say(f"{label}: {manifest['dropped']['overlaps_test']:,} segments overlapped with test text")
