"""Train one segment of a pretraining chain."""

from pathlib import Path

from downlaw.console import job
from downlaw.engine.once import Output
from downlaw.engine.training import pretrain_segment
from downlaw.files import read_json, write_json
from downlaw.study import load_study
from downlaw.study.matrix import segment
from downlaw.subsets import check_sizes

study = load_study(snakemake.config)
w = snakemake.wildcards
label = f"pretrain {w.mixture} seed {w.seed} to {int(w.tokens):,} tokens"

with job(snakemake.log[0], label) as log:
    check_sizes(study, {w.mixture: read_json(snakemake.input.mixture)}, {})
    record = pretrain_segment(
        study,
        segment(study, w.mixture, int(w.seed), int(w.tokens)),
        Path(snakemake.input.mixture).parent,
        read_json(snakemake.input.previous) if snakemake.input.get("previous") else None,
        Path(snakemake.output[0]).with_suffix(""),
        Output(log, label),
    )
    write_json(snakemake.output[0], record)
