"""Show the tables of an over-training study on the terminal, and keep them as text."""

from rich.console import Console

from downlaw.console import job
from downlaw.files import write_aside
from downlaw.laws import read_lm_runs
from downlaw.report.lm_summary import print_lm_summary
from downlaw.report.summary import PIPED_WIDTH
from downlaw.report.tables import read_lm_laws, read_lm_predictions, read_lm_tasks

with job(snakemake.log[0]):
    tables = (
        read_lm_runs(str(snakemake.input.runs)),
        read_lm_laws(snakemake.input.laws),
        read_lm_predictions(snakemake.input.predictions),
        read_lm_tasks(snakemake.input.tasks),
    )
    with write_aside(snakemake.output[0]) as aside, aside.open("w", encoding="utf-8") as stream:
        print_lm_summary(*tables, Console(file=stream, width=PIPED_WIDTH))
    print_lm_summary(*tables)
