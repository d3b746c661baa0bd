"""Fit the error law to translation choice, and draw it."""

from downlaw.console import job
from downlaw.files import write_aside
from downlaw.laws import choice_laws, read_resamples, read_runs
from downlaw.report.choice_figure import write_choice_figures
from downlaw.study import load_study

study = load_study(snakemake.config)

with job(snakemake.log[0], "error law of translation choice"):
    runs = read_runs(str(snakemake.input.runs))
    table = choice_laws(
        runs,
        n_fit=study.laws.fit_points,
        resamples=read_resamples(str(snakemake.input.resamples)),
        level=study.laws.interval_level,
        samples=study.laws.bootstrap_samples,
    )
    write_choice_figures(
        runs,
        table,
        study.evaluate.translation_choices,
        snakemake.output.figures,
        formats=study.figures.formats,
        dpi=study.figures.dpi,
    )
    with write_aside(snakemake.output.laws) as aside:
        table.to_csv(aside, index=False, float_format="%.10g")
