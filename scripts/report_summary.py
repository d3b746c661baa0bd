"""Show the study's tables on the terminal, and keep them as text."""

from rich.console import Console

from downlaw.console import job
from downlaw.files import write_aside
from downlaw.laws import read_laws, read_runs
from downlaw.report.summary import PIPED_WIDTH, print_summary
from downlaw.report.tables import (
    read_comparisons,
    read_contamination_scores,
    read_valuations,
    read_verdicts,
)

with job(snakemake.log[0]):
    runs, laws = read_runs(str(snakemake.input.runs)), read_laws(snakemake.input.laws)
    judged = {
        "verdicts": read_verdicts(snakemake.input.verdicts),
        "valuations": read_valuations(snakemake.input.valuations),
        "comparisons": read_comparisons(snakemake.input.comparisons),
        "without_seen": read_contamination_scores(snakemake.input.without_seen),
    }
    with write_aside(snakemake.output[0]) as aside, aside.open("w", encoding="utf-8") as stream:
        print_summary(runs, laws, Console(file=stream, width=PIPED_WIDTH), **judged)
    print_summary(runs, laws, **judged)
