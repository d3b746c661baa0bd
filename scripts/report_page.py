"""Write the study's page, and the tables and figures that lie beside it."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.report.page import write_page
from downlaw.study import load_study

results = load_study(snakemake.config).results

with job(snakemake.log[0]):
    written = write_page(results, Path(snakemake.output.page), config=dict(snakemake.config), say=say)
