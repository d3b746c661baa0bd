"""Score every run of the grid on held-out text and items drawn anew, as one table."""

import pandas as pd

from downlaw.console import job
from downlaw.files import write_aside
from downlaw.lm_runs import resample_lm_runs

with job(snakemake.log[0]):
    resamples = resample_lm_runs(map(pd.read_parquet, snakemake.input), snakemake.params.samples)
    with write_aside(snakemake.output[0]) as aside:
        resamples.to_parquet(aside, index=False)
