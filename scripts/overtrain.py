"""Train one language model of the grid: its stretch of a trunk and its decay, or a run of its own."""

from pathlib import Path

from downlaw.console import job
from downlaw.engine.once import Output
from downlaw.engine.overtraining import train_cell
from downlaw.files import read_json, write_json
from downlaw.study import load_study
from downlaw.study.grid import cell
from downlaw.subsets import check_grid_sizes

study = load_study(snakemake.config)
w = snakemake.wildcards
run = cell(study, w.mixture, w.model, int(w.seed), float(w.multiplier))

with job(snakemake.log[0], f"overtrain {run.name}") as log:
    check_grid_sizes(study, {w.mixture: read_json(snakemake.input.mixture)})
    record = train_cell(
        study,
        run,
        Path(snakemake.input.mixture).parent,
        read_json(snakemake.input.previous) if snakemake.input.get("previous") else None,
        Path(snakemake.output[0]).with_suffix(""),
        Output(log, f"overtrain {run.name}"),
    )
    write_json(snakemake.output[0], record)
