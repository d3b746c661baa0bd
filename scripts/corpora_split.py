"""Split one part of a corpus, after cleaning it where no other job has."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.corpora.build import split_part
from downlaw.study import load_study

study = load_study(snakemake.config)
w = snakemake.wildcards
label = f"corpus {w.corpus}/{w.part}"

with job(snakemake.log[0], label) as log:
    record = split_part(
        study,
        w.corpus,
        w.part,
        study.results / "corpora/packages",
        Path(snakemake.output.record).parent,
        [Path(path).parent for path in snakemake.input.get("cleaned", [])],
        [Path(path).parent for path in snakemake.input.get("earlier", [])],
        lambda line: (say(f"{label}: {line}"), log.write(f"{line}\n")),
    )
    counts = ", ".join(f"{about['segments']:,} {split}" for split, about in record["splits"].items())
    say(f"{label}: {counts} segments")
