"""Encode a task's training pairs in one random order, and its validation and test segments."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.study import load_study
from downlaw.subsets import write_task

study = load_study(snakemake.config)
name = snakemake.wildcards.task

with job(snakemake.log[0], f"task {name}"):
    manifest = write_task(
        name,
        study,
        {Path(path).stem: Path(path) for path in snakemake.input.text},
        Path(snakemake.input.model),
        Path(snakemake.input.dictionary),
        Path(snakemake.output.manifest).parent,
    )
    counts = {split: about["segments"] for split, about in manifest["splits"].items()}
    for split in ("valid", "test"):
        asked = getattr(study.tasks[name], f"{split}_segments")
        if counts[split] < asked:
            say(f"tasks.{name}.{split}_segments: {asked:,} are asked for, there are {counts[split]:,}")
    say(f"task {name}: " + ", ".join(f"{count:,} {split}" for split, count in counts.items()))
