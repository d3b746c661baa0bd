"""Gather what every training and every job took."""

from pathlib import Path

from downlaw.console import job
from downlaw.costs import costs_table, transfer_costs
from downlaw.files import write_aside
from downlaw.study import load_study

results = load_study(snakemake.config).results

with job(snakemake.log[0]):
    trainings = transfer_costs(map(Path, snakemake.input.pretrain), map(Path, snakemake.input.finetune))
    costs = costs_table(trainings, results / "benchmarks")
    with write_aside(snakemake.output[0]) as aside:
        costs.to_csv(aside, index=False)
