"""Refuse a Dp, a Df or a comet-local for which there is not enough text, before anything is trained."""

from downlaw.console import job
from downlaw.files import read_json, write_json
from downlaw.references import check_references
from downlaw.study import load_study
from downlaw.subsets import check_sizes

study = load_study(snakemake.config)

with job(snakemake.log[0]):
    sizes = check_sizes(
        study,
        dict(zip(study.mixtures, map(read_json, snakemake.input.mixtures), strict=True)),
        dict(zip(study.tasks, map(read_json, snakemake.input.tasks), strict=True)),
    )
    check_references(study)
    write_json(snakemake.output[0], sizes)
