"""Refuse a D for which there is not enough text, before anything is trained."""

from downlaw.console import job
from downlaw.files import read_json, write_json
from downlaw.study import load_study
from downlaw.subsets import check_grid_sizes

study = load_study(snakemake.config)

with job(snakemake.log[0]):
    mixtures = dict(zip(study.mixtures, map(read_json, snakemake.input.mixtures), strict=True))
    write_json(snakemake.output[0], check_grid_sizes(study, mixtures))
