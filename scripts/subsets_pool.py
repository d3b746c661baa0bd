"""Shuffle the tokenized text of one corpus and language, and cut it into blocks."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.pools import make_pool
from downlaw.study import load_study

study = load_study(snakemake.config)
w = snakemake.wildcards
label = f"pool {w.corpus}.{w.language}"

with job(snakemake.log[0], label):
    record = make_pool(
        Path(snakemake.input.text),
        w.language,
        Path(snakemake.input.model),
        [Path(path).parent for path in snakemake.input.get("tokens", [])],
        study.block_layout,
        study.seed + int(w.position),
        Path(snakemake.output.blocks).with_suffix(""),
    )
    say(f"{label}: {record['blocks']:,} blocks of {record['pieces']:,} pieces")
