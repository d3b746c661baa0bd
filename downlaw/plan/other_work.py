"""What a calibration times beside trainings: laws, and text."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd

from downlaw.corpora.build import split_part
from downlaw.corpora.tokenizer import Tokenizer, train_tokenizer
from downlaw.laws import fit_runs
from downlaw.study import LmStudy, Study
from downlaw.study.sources import MonolingualFiles

from . import made_up

TEXTS = 12_000


def unit() -> float:
    """Seconds of a fixed piece of work like that of jobs that no calibration runs: laws fitted to made-up
    curves, with intervals."""
    tokens = [1000 * 2**step for step in range(7)]
    rows = [
        {"mixture": mixture, "pretrain_tokens": each, "cross_entropy": 3 + scale / each**0.4, "task": "t"}
        for mixture, scale in (("a", 20.0), ("b", 30.0), ("c", 40.0))
        for each in tokens
    ]
    runs = pd.DataFrame(rows).assign(finetune_pairs=100)
    begun = time.perf_counter()
    fit_runs(runs, relative_noise=0.01)
    return time.perf_counter() - begun


def text(study: Study | LmStudy, work: Path) -> dict[str, float]:
    """Made-up text through the corpora stage as the study cleans it, then through a tokenizer."""
    language = study.languages[0]
    lines = made_up.sentences(TEXTS, np.random.default_rng(2))
    path = work / "text.txt"
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    files = [{"language": language, "path": str(path)}]
    corpus = MonolingualFiles.model_validate({"kind": "monolingual", "source": "files", "files": files})
    alone = study.model_copy(update={"corpora": {"made-up": corpus}})
    split_part(alone, "made-up", language, work, work / "warm")
    begun = time.perf_counter()
    split_part(alone, "made-up", language, work, work / "split")
    cleaning = time.perf_counter() - begun
    settings = study.tokenizer.model_copy(update={"vocabulary": 300, "text": None})
    train_tokenizer({language: lines[:2000]}, settings, 1, work / "spm.model", work / "dict.txt")
    tokenizer = Tokenizer(work / "spm.model")
    begun = time.perf_counter()
    ids, _ = tokenizer.encode_flat(lines)
    tokenizing = time.perf_counter() - begun
    return {
        "cleaned_texts_per_second": TEXTS / cleaning,
        "tokenized_pieces_per_second": len(ids) / tokenizing,
    }
