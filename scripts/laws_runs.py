"""Gather every run of the study into one table."""

from downlaw.console import job
from downlaw.files import read_json, write_aside
from downlaw.runs import runs_table

with job(snakemake.log[0]):
    rows, further = (
        [row for path in paths for row in read_json(path)]
        for paths in (snakemake.input.rows, snakemake.input.further)
    )
    table = runs_table(rows, further)
    with write_aside(snakemake.output[0]) as aside:
        table.to_csv(aside, index=False)
