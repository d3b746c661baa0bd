"""A tiny COMET in comet's own layout, once for all tests of a session."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_comet

from downlaw.metrics.comet import LocalModel


def _make(folder: Path) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    tiny_comet.make_encoder(folder / "encoder")
    tiny_comet.make_checkpoint(folder / "model", folder / "encoder")


@pytest.fixture(scope="session")
def made(once: Callable[..., Path]) -> Path:
    """A folder with `encoder` and `model`; nobody changes it."""
    return once("comet", _make)


@pytest.fixture
def local(made: Path) -> LocalModel:
    return LocalModel("tiny.ckpt", made / "model/checkpoints/model.ckpt", made / "encoder")


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """A copy of the model and its encoder, to damage."""
    shutil.copytree(made, tmp_path / "own")
    return tmp_path / "own"


@pytest.fixture
def published(local: LocalModel) -> Callable[[list[dict[str, str]]], list[float]]:
    """Segment scores by comet's own functions, as its documentation calls them."""

    def score(samples: list[dict[str, str]]) -> list[float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from comet import load_from_checkpoint

            model: Any = load_from_checkpoint(str(local.checkpoint), local_files_only=True)
            return model.predict(samples, batch_size=8, gpus=0, num_workers=0, progress_bar=False).scores

    return score
