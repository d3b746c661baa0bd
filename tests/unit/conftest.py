"""A toy study in made-up languages, and what the pipeline makes of it, shared by all tests of a session."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import toy_text
from toy_configs import changed
from toy_mixtures import make_mixture

from downlaw import subsets
from downlaw.corpora.segments import read_text
from downlaw.corpora.tokenizer import train_tokenizer
from downlaw.files import read_json
from downlaw.study import Study, load_study

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a child forked from a process with threads of torch may hang

TOY: dict[str, Any] = {
    "study": "toy",
    **toy_text.study_sections("."),
    "tokenizer": {"vocabulary": 200},
    "tasks": {
        "en-de": {
            "source": "en",
            "target": "de",
            "corpus": "pairs",
            "valid_segments": 20,
            "test_segments": 30,
        }
    },
    "model": {"encoder_layers": 1, "decoder_layers": 1, "width": 16, "heads": 2, "ffn_width": 32},
    "pretrain": {
        "tokens": [256, 512],
        "block_pieces": 18,
        "blocks_per_update": 4,
        "warmup_updates": 4,
        "learning_rate": 0.01,
    },
    "finetune": {
        "pairs": [100, 300],
        "updates": 6,
        "tokens_per_update": 256,
        "warmup_updates": 2,
        "learning_rates": [0.01],
    },
    "evaluate": {"beam": 2, "bootstrap_samples": 100},
}


def configured(**changes: Any) -> dict[str, Any]:
    """The toy study's config with changes, whose keys are written section__key, or just section."""
    return changed(TOY, changes)


@pytest.fixture(scope="session")
def toy_config() -> Callable[..., dict[str, Any]]:
    return configured


@pytest.fixture(scope="session")
def toy_study() -> Callable[..., Study]:
    return lambda **changes: load_study(configured(**changes))


class Toy:
    """The toy study's corpora, tokenizer, mixtures and task, as the pipeline's first stages leave them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model, self.dictionary = folder / "spm.model", folder / "dict.txt"
        self.prepared = folder / "task"
        self.text = {("mono", code): folder / f"corpora/{code}.parquet" for code in ("en", "de", "fr")}
        self.pairs = {
            split: folder / f"corpora/pairs.{split}.parquet" for split in ("train", "valid", "test")
        }

    def mixture(self, name: str) -> Path:
        return self.folder / "mixtures" / name

    def subset(self, pairs: int) -> Path:
        return self.folder / f"task{pairs}"

    def make(self) -> None:
        study = load_study(configured())
        toy_text.write_corpora(self.folder / "text", monolingual=700, pairs=500)
        (self.folder / "corpora").mkdir()
        for (_, code), path in self.text.items():
            lines = [
                line for line in (self.folder / f"text/mono.{code}.txt").read_text().splitlines() if line
            ]
            pd.DataFrame({"document": "d", code: lines}).to_parquet(path)
        rows = [row.split("\t") for row in (self.folder / "text/pairs.de-en.tsv").read_text().splitlines()]
        pairs = pd.DataFrame([row for row in rows if len(row) == 2], columns=["de", "en"])
        pairs.insert(0, "document", "d")
        for split, part in (("train", pairs[:400]), ("valid", pairs[400:430]), ("test", pairs[430:])):
            part.to_parquet(self.pairs[split])
        text = {code: read_text(path, code) for (_, code), path in self.text.items()}
        train_tokenizer(text, study.tokenizer, study.seed, self.model, self.dictionary)
        for name in study.mixtures:
            make_mixture(name, study, self.text, self.model, self.dictionary, self.mixture(name))
        subsets.write_task("en-de", study, self.pairs, self.model, self.dictionary, self.prepared)
        for size in study.finetune.pairs:
            subsets.write_finetuning_subset(
                study.tasks["en-de"], size, self.prepared, self.dictionary, self.subset(size)
            )

    def manifest(self, name: str) -> dict[str, Any]:
        return read_json(self.mixture(name) / "manifest.json")


@pytest.fixture(scope="session")
def toy(once: Callable[..., Path]) -> Toy:
    return Toy(once("toy", lambda folder: Toy(folder).make()))
