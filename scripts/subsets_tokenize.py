"""Tokenize one share of the training text of a corpus and language."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.pools import tokenize

w = snakemake.wildcards
label = f"text {w.corpus}.{w.language}, share {int(w.job) + 1} of {snakemake.params.jobs}"

with job(snakemake.log[0], label):
    record = tokenize(
        Path(snakemake.input.text),
        w.language,
        Path(snakemake.input.model),
        Path(snakemake.output[0]).parent,
        (int(w.job), snakemake.params.jobs),
    )
    say(f"{label}: {record['tokens']:,} tokens")
