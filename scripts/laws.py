"""Fit a law to every curve of the table of runs."""

from dataclasses import replace

from downlaw.console import job
from downlaw.files import write_aside
from downlaw.laws.tables import METRICS, fit_runs, read_runs
from downlaw.study import load_study

study = load_study(snakemake.config)

deltas = {"cross_entropy": study.laws.huber_delta_cross_entropy}
metrics = {
    name: replace(how, delta=deltas.get(name, study.laws.huber_delta_scores)) for name, how in METRICS.items()
}

with job(snakemake.log[0], "laws"):
    laws = fit_runs(read_runs(snakemake.input[0]), n_fit=study.laws.fit_points, metrics=metrics)
    with write_aside(snakemake.output[0]) as aside:
        laws.to_csv(aside, index=False)
