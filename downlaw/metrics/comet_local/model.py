"""A small COMET on disk: made, looked at, and named for the scorer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import yaml

from downlaw.metrics.comet import LocalModel, Scoring
from downlaw.study.comet_local import CometLocal

from .corruption import Row
from .folder import MANIFEST, verify, whole_folder
from .head import train

CHECKPOINT, HPARAMS, ENCODER = "checkpoints/model.ckpt", "hparams.yaml", "encoder"
WEIGHTS = "model.safetensors"


def make(
    rows: Sequence[Row],
    encoder: Path,
    section: CometLocal,
    seed: int,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Train a model on rows and write it to `folder`, as comet lays out its own, with its encoder's config
    and tokenizer.

    Raises:
        ModelError: where the encoder is not whole.
    """
    verify(encoder)
    model = train(rows, encoder, section, seed, say)
    hparams = {**dict(model.hparams), "pretrained_model": ENCODER, "class_identifier": "regression_metric"}
    about = {"variant": section.variant, "seed": seed, "rows": len(rows)}
    with whole_folder(folder, about) as aside:
        (aside / CHECKPOINT).parent.mkdir()
        torch.save({"state_dict": model.state_dict(), "hyper_parameters": hparams}, aside / CHECKPOINT)
        (aside / HPARAMS).write_text(yaml.safe_dump(hparams), encoding="utf-8")
        (aside / ENCODER).mkdir()
        for path in sorted(encoder.iterdir()):
            if path.name not in (WEIGHTS, MANIFEST):
                shutil.copyfile(path, aside / ENCODER / path.name)


def scoring(folder: Path, device: str = "cpu", threads: int = 1) -> Scoring:
    """How the model in `folder` scores: fp32, under the name `comet-local-<variant>`.

    Raises:
        ModelError: where the model is not whole.
    """
    variant = verify(folder)["variant"]
    model = LocalModel(f"comet-local-{variant}", folder / CHECKPOINT, folder / ENCODER)
    return Scoring(model, device=device, threads=threads)
