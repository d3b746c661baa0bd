"""Make or read the items of a multiple-choice task, and encode them."""

from pathlib import Path

from downlaw.choices import write_task_choices
from downlaw.console import job, say
from downlaw.study import load_study

study = load_study(snakemake.config)
name = snakemake.wildcards.task

with job(snakemake.log[0], f"task {name}"):
    manifest = write_task_choices(
        name,
        study,
        Path(snakemake.input.source),
        Path(snakemake.input.model),
        Path(snakemake.output[0]).parent,
    )
    say(f"task {name}: {manifest['items']:,} items, error of guessing {manifest['chance_error']:.3f}")
