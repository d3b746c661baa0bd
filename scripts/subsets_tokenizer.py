"""Learn the study's SentencePiece model on its training text."""

from collections import defaultdict
from pathlib import Path

from downlaw.console import job
from downlaw.corpora.tokenizer import sample, train_tokenizer
from downlaw.study import load_study

study = load_study(snakemake.config)

with job(snakemake.log[0], "tokenizer"):
    tables = defaultdict(list)
    for language, path in zip(snakemake.params.languages, snakemake.input, strict=True):
        tables[language].append(Path(path))
    most = study.tokenizer.sentences_per_language
    train_tokenizer(
        {language: sample(paths, language, most, study.seed) for language, paths in tables.items()},
        study.tokenizer,
        study.seed,
        Path(snakemake.output.model),
        Path(snakemake.output.dictionary),
    )
