"""Draw the figures of the over-training track: losses, errors and predictions."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.laws import read_lm_runs
from downlaw.report.lm_figures import write_lm_figures
from downlaw.report.tables import read_lm_laws, read_lm_lines, read_lm_predictions
from downlaw.study import load_study

asked = load_study(snakemake.config).figures

with job(snakemake.log[0], "figures"):
    folder = Path(snakemake.output[0])
    folder.mkdir(parents=True)
    paths = write_lm_figures(
        read_lm_runs(str(snakemake.input.runs)),
        read_lm_laws(snakemake.input.laws),
        read_lm_predictions(snakemake.input.predictions),
        read_lm_lines(snakemake.input.lines),
        folder,
        formats=asked.formats,
        dpi=asked.dpi,
    )
    say(f"figures: {len(paths)} files in {folder}")
