"""Draw a figure for each task, finetuning size and metric."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.laws import read_laws, read_runs
from downlaw.report.figures import write_figures
from downlaw.report.tables import read_lines, read_relations, read_valuations, read_verdicts
from downlaw.study import load_study

asked = load_study(snakemake.config).figures

with job(snakemake.log[0], "figures"):
    folder = Path(snakemake.output[0])
    folder.mkdir(parents=True)
    runs, laws = read_runs(str(snakemake.input.runs)), read_laws(snakemake.input.laws)
    paths = write_figures(
        runs,
        laws,
        folder,
        lines=read_lines(snakemake.input.lines),
        verdicts=read_verdicts(snakemake.input.verdicts),
        valuations=read_valuations(snakemake.input.valuations),
        relations=read_relations(snakemake.input.relations),
        formats=asked.formats,
        dpi=asked.dpi,
    )
    say(f"figures: {len(paths)} files in {folder}")
