"""Join what was measured of all mixtures with what they gained, and draw it."""

from downlaw.alignment.measures import alignment_table
from downlaw.alignment.relations import relate_alignment
from downlaw.console import job, say
from downlaw.files import read_json, write_aside
from downlaw.laws import read_runs
from downlaw.report.alignment_figure import write_alignment_figures
from downlaw.report.tables import read_verdicts
from downlaw.study import load_study

asked = load_study(snakemake.config).figures

with job(snakemake.log[0], "alignment"):
    runs = read_runs(str(snakemake.input.runs))
    verdicts = read_verdicts(snakemake.input.verdicts)
    alignment = alignment_table(read_json(path) for path in snakemake.input.measured)
    relations = relate_alignment(alignment, runs, verdicts)
    paths = write_alignment_figures(
        runs,
        alignment,
        relations,
        verdicts,
        snakemake.output.figures,
        formats=asked.formats,
        dpi=asked.dpi,
    )
    say(f"alignment: {len(paths)} files in {snakemake.output.figures}")
    for table, path in ((alignment, snakemake.output.alignment), (relations, snakemake.output.relations)):
        with write_aside(path) as aside:
            table.to_csv(aside, index=False, float_format="%.10g")
