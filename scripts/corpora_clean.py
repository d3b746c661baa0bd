"""Extract and clean one share of the sources of a part of a corpus."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.corpora.cleaned import clean_part
from downlaw.study import load_study

study = load_study(snakemake.config)
w = snakemake.wildcards
share = (int(w.job), snakemake.params.jobs)
label = f"corpus {w.corpus}/{w.part}, share {share[0] + 1} of {share[1]}"

with job(snakemake.log[0], label) as log:
    clean_part(
        study,
        w.corpus,
        w.part,
        study.results / "corpora/packages",
        Path(snakemake.output.record).parent,
        share,
        lambda line: (say(f"{label}: {line}"), log.write(f"{line}\n")),
    )
