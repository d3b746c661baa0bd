"""Score a language model of the grid on held-out text and on tasks."""

from pathlib import Path

from downlaw.console import job
from downlaw.files import read_json, write_aside, write_json
from downlaw.lm_runs import evaluate_cell
from downlaw.study import load_study

study = load_study(snakemake.config)
w = snakemake.wildcards
sets, tasks = ([Path(path).parent for path in snakemake.input[kind]] for kind in ("sets", "choices"))

with job(snakemake.log[0], f"evaluate {w.model} on {w.mixture} at M = {w.multiplier}, seed {w.seed}"):
    rows, statistics = evaluate_cell(
        study,
        read_json(snakemake.input.run),
        dict(zip(study.evaluation_sets, sets, strict=True)),
        dict(zip(study.evaluate.tasks, tasks, strict=True)),
        Path(snakemake.output.rows).with_suffix(""),
    )
    with write_aside(snakemake.output.segments) as aside:
        statistics.to_parquet(aside, index=False)
    write_json(snakemake.output.rows, rows)
