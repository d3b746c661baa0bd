"""Fit laws to every curve of the table of runs, judge the curves, and say what the laws predict."""

from dataclasses import replace

from downlaw.console import job
from downlaw.files import write_aside
from downlaw.laws import METRICS, fit_runs, predict_runs, read_resamples, read_runs
from downlaw.laws.noise_table import noise_of_runs
from downlaw.laws.relations import relate_runs
from downlaw.laws.valuation import value_runs
from downlaw.laws.verdicts import verdict_runs
from downlaw.report.lines import law_lines
from downlaw.study import load_study

DIGITS = "%.10g"  # sums in another order differ in the last of 17 digits; the same study has the same tables

laws = load_study(snakemake.config).laws

scores = dict.fromkeys(METRICS, laws.huber_delta_scores)
deltas = scores | {"cross_entropy": laws.huber_delta_cross_entropy}

with job(snakemake.log[0], "laws"):
    runs = read_runs(str(snakemake.input.runs))
    how = {
        "metrics": {name: replace(metric, delta=deltas[name]) for name, metric in METRICS.items()},
        "resamples": read_resamples(str(snakemake.input.resamples)),
        "level": laws.interval_level,
        "samples": laws.bootstrap_samples,
    }
    tested = how | {"n_fit": laws.fit_points}
    verdicts = verdict_runs(runs, **tested)
    tables = {
        "laws": fit_runs(runs, method=laws.method, **tested),
        "predictions": predict_runs(runs, budgets=laws.budgets, **tested),
        "verdicts": verdicts,
        "valuations": value_runs(runs, budgets=laws.budgets, targets=laws.targets, verdicts=verdicts, **how),
        "lines": law_lines(runs, budgets=laws.budgets, **tested),
        "relations": relate_runs(runs, **{key: how[key] for key in ("resamples", "level", "samples")}),
        "noise": noise_of_runs(runs, metrics=how["metrics"], resamples=how["resamples"]),
    }
    for name, table in tables.items():
        with write_aside(snakemake.output[name]) as aside:
            table.to_csv(aside, index=False, float_format=DIGITS)
