"""Score every run on the same test sets drawn anew, by the metrics that laws are fitted to, as one table."""

from downlaw.console import job
from downlaw.files import write_aside
from downlaw.laws import CHOICE_ERROR, METRICS
from downlaw.metrics import read_statistics, resample_runs

with job(snakemake.log[0]):
    resamples = resample_runs(
        map(read_statistics, snakemake.input), snakemake.params.samples, only={*METRICS, CHOICE_ERROR}
    )
    with write_aside(snakemake.output[0]) as aside:
        resamples.to_parquet(aside, index=False)
