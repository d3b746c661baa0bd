"""Draw a figure for each task, finetuning size and metric."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.laws import read_laws, read_runs
from downlaw.report.figures import write_figures

with job(snakemake.log[0], "figures"):
    folder = Path(snakemake.output[0])
    folder.mkdir(parents=True)
    paths = write_figures(read_runs(str(snakemake.input.runs)), read_laws(str(snakemake.input.laws)), folder)
    say(f"figures: {len(paths)} files in {folder}")
