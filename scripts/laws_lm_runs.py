"""Gather the scores of every run of the grid into one table."""

from downlaw.console import job
from downlaw.files import read_json, write_aside
from downlaw.lm_runs import lm_runs_table

with job(snakemake.log[0]):
    table = lm_runs_table(row for path in snakemake.input for row in read_json(path))
    with write_aside(snakemake.output[0]) as aside:
        table.to_csv(aside, index=False)
