"""Score the selected models of a batch on the test text."""

from pathlib import Path

from downlaw.console import job
from downlaw.files import read_json, write_aside, write_json
from downlaw.runs import evaluate_batch
from downlaw.study import load_study

study = load_study(snakemake.config)
w = snakemake.wildcards

with job(snakemake.log[0], f"evaluate {w.task} from {w.mixture} at {int(w.tokens):,}"):
    rows, statistics = evaluate_batch(
        study,
        read_json(snakemake.input.runs),
        Path(snakemake.input.prepared).parent,
        Path(snakemake.input.tokenizer),
        Path(snakemake.output.rows).with_suffix(""),
    )
    with write_aside(snakemake.output.segments) as aside:
        statistics.to_parquet(aside, index=False)
    write_json(snakemake.output.rows, rows)
