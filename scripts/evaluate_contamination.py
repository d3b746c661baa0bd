"""Look for the test text of every task in the text of every mixture, and in the task's own training text."""

from pathlib import Path

from downlaw.console import job, say
from downlaw.contamination import EITHER, measure_contamination
from downlaw.files import write_aside
from downlaw.study import load_study

study = load_study(snakemake.config)

with job(snakemake.log[0], "contamination"):
    table, segments = measure_contamination(
        study,
        dict(zip(study.tasks, (Path(path).parent for path in snakemake.input.prepared), strict=True)),
        {
            tuple(place.split("/")): Path(path)
            for place, path in zip(snakemake.params.text, snakemake.input.text, strict=True)
        },
    )
    with write_aside(snakemake.output.segments) as aside:
        segments.to_parquet(aside, index=False)
    with write_aside(snakemake.output.table) as aside:
        table.to_csv(aside, index=False)
    most = table.loc[(table["text"] == EITHER) & (table["side"] == EITHER), "share_seen"].max()
    say(f"contamination: at most {100 * most:.1f}% of a task's test segments are seen in training text")
