"""Tiny decoder-only models, trained by fairseq on ids that were drawn by chance."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from downlaw.engine import launch, worker
from downlaw.engine.mmap import write_dataset

VOCABULARY, BLOCK = 60, 16
MODELS = {"tied": (2, ["--share-decoder-input-output-embed"]), "untied": (1, [])}
"""Layers, and what fairseq is told besides."""


def make(folder: Path) -> None:
    """Write `data` and train `tied.pt` and `untied.pt` into `folder`."""
    draw = np.random.default_rng(0)
    (folder / "data").mkdir(parents=True)
    (folder / "data/dict.txt").write_text("".join(f"p{number} 1\n" for number in range(VOCABULARY - 4)))
    # Rare ids are rare, so that a few updates teach something; a tenth ends a document.
    ids = np.minimum(4 + draw.geometric(0.1, 24 * BLOCK), VOCABULARY - 1)
    ids[draw.random(ids.size) < 0.1] = 2
    write_dataset(folder / "data/train", np.split(ids, 24), np.dtype(np.uint16))
    worker.import_fairseq()
    for name, (layers, more) in MODELS.items():
        arguments = [*_arguments(folder, layers), *more, "--save-dir", str(folder / name)]
        code = launch.run_forked(lambda arguments=arguments: worker.train(arguments), folder / "log", 1)
        assert code == 0, (folder / "log").read_text()
        os.replace(folder / name / "checkpoint_last.pt", folder / f"{name}.pt")


def _arguments(folder: Path, layers: int) -> list[str]:
    options = {
        "task": "language_modeling",
        "arch": "transformer_lm",
        "decoder-layers": layers,
        **{f"decoder-{side}-dim": 16 for side in ("embed", "input", "output")},
        "decoder-ffn-embed-dim": 32,
        "decoder-attention-heads": 2,
        "activation-fn": "gelu",
        "dropout": 0,
        "tokens-per-sample": BLOCK,
        "batch-size": 4,
        "sample-break-mode": "none",
        "curriculum": 1_000_000,
        "optimizer": "adam",
        "lr": 0.02,
        "max-update": 6,
        "criterion": "cross_entropy",
        "dataset-impl": "mmap",
        "num-workers": 0,
    }
    flags = ["--decoder-normalize-before", "--cpu", "--no-epoch-checkpoints", "--disable-validation"]
    named = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    return [str(folder / "data"), *named, *flags]
