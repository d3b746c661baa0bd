"""A synthetic testbed in the published layout, whose runs follow known laws."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from downlaw.testbed.budget import TARGETS
from downlaw.testbed.table import EVALUATION_SETS, MODELS, N_TASKS, TASKS_17, TRAINING_SETS

TOP = "scaling-0000000"
PARAMS = (10_569_312, 78_914_048, 153_677_376, 411_616_256, 1_439_795_200, 6_889_410_560)
MULTIPLIERS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)

ALPHA, DATA_FACTOR = 0.3, 0.9
FLOORS, FACTORS = (1.7, 1.8, 1.9), (1.0, 1.1, 0.9)
"""L = E + A (N / 1e8)^-alpha + B (D / 1e9)^-alpha, E and A in the order of TRAINING_SETS."""

CEILINGS, GAMMA, GAINS = {"error_17": 0.8, "error_46": 0.75}, 0.9, (0.2, 0.25, 0.22)
"""Err = eps - k exp(-gamma (L - 2.8)), k in the order of TRAINING_SETS."""


def loss_of(number: int, params: float, tokens: float) -> float:
    factor = FACTORS[number] * (params / 1e8) ** -ALPHA
    return FLOORS[number] + factor + DATA_FACTOR * (tokens / 1e9) ** -ALPHA


def error_of(number: int, loss: float, metric: str) -> float:
    gain = GAINS[number] * (1.0 if metric == "error_17" else 0.5)
    return CEILINGS[metric] - gain * np.exp(-GAMMA * (loss - 2.8))


def run_files(number: int, model: str, multiplier: float, rng: np.random.Generator, noise: float) -> dict:
    """The two files of a run, by path below `exp_data`, as what JSON holds. noise: relative, of the loss;
    errors have three times as much."""
    training_set = list(TRAINING_SETS)[number]
    params = PARAMS[list(MODELS).index(model)]
    tokens = round(multiplier * params)
    loss = loss_of(number, params, tokens)
    name = f"{training_set}-{model}-{multiplier / 20}"
    measured = loss * np.exp(noise * rng.standard_normal())
    results = [
        {
            "loss": measured * scale,
            "loss_sequences_lower_95": measured * scale * 0.999,
            "loss_sequences_upper_95": measured * scale * 1.001,
            "val_data": [f"training/eval_data/{folder}/shard-0000000.tar"],
        }
        for folder, scale in zip(EVALUATION_SETS, (1.1, 1.0, 1.01, 1.2, 1.05, 1.3, 1.02, 1.15), strict=True)
    ]
    right = {
        metric: 1 - error_of(number, loss, metric) - 3 * noise * rng.standard_normal() for metric in CEILINGS
    }
    others = N_TASKS - len(TASKS_17)
    rest = (N_TASKS * right["error_46"] - len(TASKS_17) * right["error_17"]) / others
    tasks = dict.fromkeys(TASKS_17, right["error_17"]) | {f"task_{i}": rest for i in range(others)}
    settings = {"params": params, "params_no_embed": params, "tokens": tokens}
    return {
        f"models/{name}.json": {
            "name": name,
            "dataset_name": training_set,
            "hyperparameters": settings,
            "results": results,
        },
        f"evals/evaluation_{name}_heavy.json": {"eval_metrics": {"icl": tasks}},
    }


def testbed_files(noise: float = 0.0, seed: int = 0) -> dict[str, Any]:
    """All files of a synthetic testbed: four small models at every multiplier, two large ones where the real
    testbed has them."""
    rng = np.random.default_rng(seed)
    found = {}
    for number, training_set in enumerate(TRAINING_SETS):
        designs = [(model, each) for model in list(MODELS)[:4] for each in MULTIPLIERS]
        large = [("1.4B", 20.0)] + [target[1:] for target in TARGETS if target[0] == training_set]
        names = {paper_name: model for model, paper_name in MODELS.items()}
        designs += [(names[paper_name], each) for paper_name, each in large]
        for model, multiplier in designs:
            found |= run_files(number, model, multiplier, rng, noise)
    return found


def as_bytes(files: dict[str, Any]) -> dict[str, bytes]:
    return {path: json.dumps(content).encode() for path, content in files.items()}


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    """An archive as GitHub makes it: everything below one folder, with files that are no runs beside."""
    with tarfile.open(path, mode) as archive:
        for name, content in {"README.md": b"text", "exp_data/grid.json": b"{}"}.items():
            add_member(archive, f"{TOP}/{name}", content)
        for name, content in members.items():
            add_member(archive, f"{TOP}/exp_data/{name}", content)
    return path


def add_member(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


@pytest.fixture(scope="session")
def synthetic() -> SimpleNamespace:
    """What this file defines, for tests."""
    return SimpleNamespace(**globals())


@pytest.fixture(scope="session")
def noisy_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("testbed") / "noisy.tar.gz"
    return write_tar(path, as_bytes(testbed_files(noise=0.001, seed=3)))


@pytest.fixture
def files() -> dict[str, Any]:
    """The files of one training set's smallest run, to be damaged."""
    return run_files(0, "d=96_l=8_h=4", 20.0, np.random.default_rng(0), 0.0)


@pytest.fixture
def tar_of(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    return lambda members: write_tar(tmp_path / "copy.tar.gz", members)
