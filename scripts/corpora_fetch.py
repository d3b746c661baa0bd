"""Fetch one pinned file or folder of text."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.corpora.needs import find_artifact
from downlaw.corpora.sources.registry import fetch
from downlaw.study import load_study

study = load_study(snakemake.config)
destination = Path(snakemake.output[0])

with job(snakemake.log[0]):
    artifact = find_artifact(study, destination.name)
    say(f"fetch {artifact.name}")
    fetch(artifact, destination)
    say(f"fetch {artifact.name}: {destination.stat().st_size / 1e6:.1f} MB, as pinned")
