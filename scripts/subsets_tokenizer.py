"""Learn the study's SentencePiece model on its training text."""

from collections import defaultdict
from pathlib import Path

from downlaw.console import job
from downlaw.corpora.segments import read_text
from downlaw.corpora.tokenizer import train_tokenizer
from downlaw.study import load_study

study = load_study(snakemake.config)

with job(snakemake.log[0], "tokenizer"):
    text = defaultdict(list)
    for language, path in zip(snakemake.params.languages, snakemake.input, strict=True):
        text[language] += read_text(path, language)
    train_tokenizer(
        text,
        study.tokenizer,
        study.seed,
        Path(snakemake.output.model),
        Path(snakemake.output.dictionary),
    )
