"""A small COMET on disk: made, measured, and named for the scorer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from downlaw.files import write_aside, write_json
from downlaw.metrics.comet import LocalModel, Scoring
from downlaw.metrics.comet.scorer import Scorer
from downlaw.study.comet_local import CometLocal

from . import check
from .card import card
from .corruption import Pair, Row, damage, split_pairs
from .encoder import check_scripts
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


def make_and_measure(
    pairs: Sequence[Pair],
    encoder: Path,
    section: CometLocal,
    seed: int,
    folder: Path,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Train a model on damaged references, measure it on references held out, and write both.

    Args:
        pairs: the validation segments of all tasks.
        folder: gets `model/`, `figures.json` (as `check.figures` gives them) and the card `README.md`.

    Returns:
        the figures.

    Raises:
        ModelError: where there are too few references or the encoder is not whole.
    """
    if section.variant == "e5":
        check_scripts((text for pair in pairs for text in (pair.source, pair.reference)), section.scripts)
    training, held_out = split_pairs(pairs, section.min_references, seed)
    say(f"{len(training):,} references to train on, {len(held_out):,} held out")
    make(damage(training, section.rows, [seed, 1]), encoder, section, seed, folder / "model", say)
    scoring_now = scoring(folder / "model")
    scorer = Scorer(scoring_now)
    figures = check.figures(held_out, lambda translations: scorer.score(translations)[0], seed)
    about = {"description": scoring_now.description, "digest": verify(folder / "model")["digest"]}
    write_json(folder / "figures.json", {**about, **figures})
    with write_aside(folder / "README.md") as aside:
        aside.write_text(card(about, section.model_dump(), figures), encoding="utf-8")
    return figures
