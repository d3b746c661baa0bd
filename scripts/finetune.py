"""Finetune every model of a task that starts from one checkpoint."""

from pathlib import Path

from downlaw.console import job
from downlaw.engine.once import Output
from downlaw.files import read_json, write_json
from downlaw.runs import finetune_batch
from downlaw.study import load_study
from downlaw.study.matrix import Start

study = load_study(snakemake.config)
w = snakemake.wildcards
start = Start(w.mixture, int(w.seed), int(w.tokens))
label = (
    f"finetune {w.task} from {'nothing' if start.is_baseline else f'{w.mixture} at {start.tokens_asked:,}'}"
)

with job(snakemake.log[0], label) as log:
    records = finetune_batch(
        study,
        w.task,
        start,
        read_json(snakemake.input.start) if snakemake.input.get("start") else None,
        Path(snakemake.input.prepared).parent,
        dict(zip(study.finetune.pairs, (Path(path).parent for path in snakemake.input.subsets), strict=True)),
        Path(snakemake.output[0]).with_suffix(""),
        Output(log, label),
    )
    write_json(snakemake.output[0], records)
