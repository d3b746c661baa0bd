"""Compare mixtures and Dp by every metric: differences, their noise, and why BLEU changed; and score runs
without the test segments that they have seen."""

import pandas as pd

from downlaw.console import job
from downlaw.contamination import score_without_seen
from downlaw.files import write_aside
from downlaw.metrics.comparisons import compare_runs
from downlaw.metrics.segments import read_statistics

DIGITS = "%.10g"  # sums in another order differ in the last of 17 digits; the same study has the same tables

with job(snakemake.log[0], "comparisons"):
    statistics, output = snakemake.input.statistics, snakemake.output
    tables = {
        output.comparisons: compare_runs(map(read_statistics, statistics), snakemake.params.samples),
        output.without_seen: score_without_seen(
            map(read_statistics, statistics), pd.read_parquet(snakemake.input.seen)
        ),
    }
    for path, table in tables.items():
        with write_aside(path) as aside:
            table.to_csv(aside, index=False, float_format=DIGITS)
