"""Refuse a Dp beyond its mixture and a Df beyond its corpus before anything is trained."""

from downlaw.console import job
from downlaw.files import read_json, write_json
from downlaw.study import load_study
from downlaw.subsets import check_sizes

study = load_study(snakemake.config)

with job(snakemake.log[0]):
    sizes = check_sizes(
        study,
        dict(zip(study.mixtures, map(read_json, snakemake.input.mixtures), strict=True)),
        dict(zip(study.tasks, map(read_json, snakemake.input.tasks), strict=True)),
    )
    write_json(snakemake.output[0], sizes)
