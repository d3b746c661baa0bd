"""Cut one finetuning subset: the first Df pairs of a task."""

from pathlib import Path

from downlaw.console import job
from downlaw.study import load_study
from downlaw.subsets import write_finetuning_subset

study = load_study(snakemake.config)

with job(snakemake.log[0]):
    write_finetuning_subset(
        study.tasks[snakemake.wildcards.task],
        int(snakemake.wildcards.pairs),
        Path(snakemake.input.prepared).parent,
        Path(snakemake.input.dictionary),
        Path(snakemake.output.manifest).parent,
    )
