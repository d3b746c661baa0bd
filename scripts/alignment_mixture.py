"""Measure how close one mixture is to every task."""

from pathlib import Path

from downlaw.alignment.measure import measure_mixture
from downlaw.console import job, say
from downlaw.files import write_json
from downlaw.study import load_study

study = load_study(snakemake.config)
name = snakemake.wildcards.mixture

with job(snakemake.log[0], f"alignment of {name}"):
    measured = measure_mixture(
        name,
        study,
        Path(snakemake.input.mixture).parent,
        {task: Path(path).parent for task, path in zip(study.tasks, snakemake.input.tasks, strict=True)},
        Path(snakemake.input.model),
    )
    for task, about in measured["tasks"].items():
        for note in about["notes"]:
            say(f"alignment of {name} with {task}: {note}")
    write_json(snakemake.output[0], measured)
