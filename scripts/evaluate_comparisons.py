"""Compare mixtures and Dp by every metric: differences, their noise, and why BLEU changed."""

from downlaw.console import job
from downlaw.files import write_aside
from downlaw.metrics.comparisons import compare_runs
from downlaw.metrics.segments import read_statistics

DIGITS = "%.10g"  # sums in another order differ in the last of 17 digits; the same study has the same tables

with job(snakemake.log[0], "comparisons"):
    table = compare_runs(map(read_statistics, snakemake.input), snakemake.params.samples)
    with write_aside(snakemake.output[0]) as aside:
        table.to_csv(aside, index=False, float_format=DIGITS)
