"""Cut one finetuning subset: the first Df pairs of a task."""

from pathlib import Path

from downlaw.console import job
from downlaw.files import read_json
from downlaw.study import load_study
from downlaw.subsets import check_sizes, write_finetuning_subset

study = load_study(snakemake.config)
name = snakemake.wildcards.task

with job(snakemake.log[0]):
    check_sizes(study, {}, {name: read_json(snakemake.input.prepared)})
    write_finetuning_subset(
        study.tasks[name],
        int(snakemake.wildcards.pairs),
        Path(snakemake.input.prepared).parent,
        Path(snakemake.input.dictionary),
        Path(snakemake.output.manifest).parent,
    )
