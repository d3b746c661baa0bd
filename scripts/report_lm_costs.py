"""Gather what every training and every job took."""

from pathlib import Path

from downlaw.console import job
from downlaw.costs import costs_table, overtraining_costs
from downlaw.files import write_aside
from downlaw.study import load_study

results = load_study(snakemake.config).results

with job(snakemake.log[0]):
    costs = costs_table(overtraining_costs(map(Path, snakemake.input.overtrain)), results / "benchmarks")
    with write_aside(snakemake.output[0]) as aside:
        costs.to_csv(aside, index=False)
