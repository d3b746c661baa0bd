"""Fit the loss law and the error law of every training set, and predict the runs held out."""

from downlaw.console import job
from downlaw.files import write_aside
from downlaw.laws import fit_lm_runs, read_lm_resamples, read_lm_runs
from downlaw.study import load_study

DIGITS = "%.10g"  # sums in another order differ in the last of 17 digits; the same study has the same tables

laws = load_study(snakemake.config).laws

with job(snakemake.log[0], "laws"):
    found = fit_lm_runs(
        read_lm_runs(str(snakemake.input.runs)),
        resamples=read_lm_resamples(str(snakemake.input.resamples)),
        error_loss=laws.error_loss,
        task_margin=laws.task_margin,
        level=laws.interval_level,
        samples=laws.bootstrap_samples,
        method=laws.method,
    )
    for name in ("laws", "predictions", "tasks", "lines"):
        with write_aside(snakemake.output[name]) as aside:
            getattr(found, name).to_csv(aside, index=False, float_format=DIGITS)
