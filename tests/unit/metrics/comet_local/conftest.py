"""A made-up wheel's encoder, and models of a few steps on the toy text."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import toy_text

from downlaw.metrics.comet_local.corruption import Pair
from downlaw.study.comet_local import CometLocal

SECTION = CometLocal(
    variant="tiny", rows=64, min_references=20, epochs=1, vocabulary=120, layers=1, width=16, heads=2
)


def _pairs(count: int, seed: int = 1) -> list[Pair]:
    generator = random.Random(seed)
    meanings = [toy_text.meaning(generator) for _ in range(count)]
    return [Pair(toy_text.sentence("en", m), toy_text.sentence("de", m), "de") for m in meanings]


@pytest.fixture(scope="session")
def pairs() -> list[Pair]:
    """40 segments in made-up languages."""
    return _pairs(40)


@pytest.fixture(scope="session")
def section() -> CometLocal:
    return SECTION


@pytest.fixture(scope="session")
def q4() -> ModuleType:
    """The module that builds made-up files at 4 bits."""
    spec = importlib.util.spec_from_file_location("q4_file", Path(__file__).with_name("q4_file.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["q4_file"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def untrained_encoder(once: Callable[..., Path]) -> Path:
    from downlaw.metrics.comet_local.encoder import untrained

    def make(folder: Path) -> None:
        text = [text for pair in _pairs(300, seed=2) for text in (pair.source, pair.reference)]
        untrained(text, SECTION, 1, folder / "encoder")

    return once("comet-local-encoder", make) / "encoder"


@pytest.fixture(scope="session")
def unpacked_encoder(once: Callable[..., Path], q4: ModuleType) -> Path:
    from downlaw.metrics.comet_local.encoder import unpack

    return (
        once(
            "comet-local-unpacked",
            lambda folder: unpack(q4.build(), "toy.whl: toy.bin", ["LATIN"], folder / "encoder"),
        )
        / "encoder"
    )


@pytest.fixture(scope="session")
def measured(once: Callable[..., Path], pairs: list[Pair], untrained_encoder: Path) -> Path:
    """The folder of a model trained for a step, with figures and card."""
    from downlaw.metrics.comet_local.model import make_and_measure

    return once(
        "comet-local-model",
        lambda folder: make_and_measure(pairs, untrained_encoder, SECTION, 1, folder, lambda line: None),
    )
