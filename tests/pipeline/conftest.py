"""A tiny study run by the real workflow through real fairseq, once for all tests of a session."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import toy_text
import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

TINY: dict[str, Any] = {
    "study": "tiny",
    **toy_text.study_sections("text"),
    "cleaning": {"identify_language": False},
    "tokenizer": {"vocabulary": 300},
    "tasks": {
        "en-de": {
            "source": "en",
            "target": "de",
            "corpus": "pairs",
            "valid_segments": 20,
            "test_segments": 40,
        }
    },
    "model": {"encoder_layers": 1, "decoder_layers": 1, "width": 32, "heads": 2, "ffn_width": 64},
    "pretrain": {
        "tokens": [1000, 2000, 4000, 8000, 16000],
        "block_pieces": 34,
        "blocks_per_update": 8,
        "warmup_updates": 10,
        "save_every_updates": 10,
    },
    "finetune": {
        "pairs": [200, 600],
        "learning_rates": [0.002, 0.01],
        "seeds": [1, 2],
        "updates": 12,
        "tokens_per_update": 512,
        "warmup_updates": 2,
    },
    "evaluate": {"beam": 2, "bootstrap_samples": 100},
    "compute": {"threads": 1},
}


@dataclass
class Workplace:
    """A folder with a study in it, and the workflow to run there."""

    folder: Path
    study: dict[str, Any]

    def configure(self, **changes: Any) -> Workplace:
        """Write the study with `changes`, whose keys are written section__key, or just section."""
        study = copy.deepcopy(self.study)
        for name, value in changes.items():
            *sections, key = name.split("__")
            place = study
            for section in sections:
                place = place[section]
            place[key] = value
        self.study = study
        (self.folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
        return self

    def snakemake(self, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess[str]:
        return self.run(self.command(*arguments, cores=cores))

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            text=True,
            capture_output=True,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        return [
            *(str(BIN / "snakemake"), "--snakefile", str(ROOT / "Snakefile"), "--cores", str(cores)),
            *("--configfile", "study.yaml", "--workflow-profile", str(ROOT / "profiles/default")),
            *arguments,
        ]

    def planned(self) -> dict[str, int]:
        """Jobs that a dry run announces, by rule."""
        return self.announced(self.command("--dry-run", "--quiet", "rules"))

    def announced(self, command: Sequence[str]) -> dict[str, int]:
        """Jobs that a command announces, by rule."""
        done = self.run(command)
        assert done.returncode == 0, done.stderr + done.stdout
        return job_counts(done.stdout + done.stderr)

    def status(self) -> list[dict[str, Any]]:
        """What `downlaw status` says of every training and every run."""
        done = self.run([str(BIN / "downlaw"), "status", "--configfile", "study.yaml", "--json"])
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["runs"]

    def updates(self, stage: str) -> int:
        """Optimizer updates really made so far in a stage, by all trainings together."""
        return sum(
            entry["to_update"] - entry["from_update"]
            for history in (self.folder / "results" / stage).rglob("history.jsonl")
            for entry in map(json.loads, history.read_text().splitlines())
        )


def job_counts(text: str) -> dict[str, int]:
    """The job table that Snakemake prints, without its total."""
    counts = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 2 and fields[1].isdigit() and fields[0] != "total":
            counts[fields[0]] = int(fields[1])
    return counts


RESAMPLES = "results/resamples.parquet"

SMALL = {
    "pretrain__tokens": [1000, 2000],
    "finetune__pairs": [200],
    "finetune__learning_rates": [0.01],
    "finetune__seeds": [1],
}
"""Changes that leave five runs of the tiny study."""


def make_workplace(folder: Path, **changes: Any) -> Workplace:
    toy_text.write_corpora(folder / "text")
    return Workplace(folder, TINY).configure(**changes)


def copy_of(place: Workplace, folder: Path) -> Workplace:
    """A copy of a study and all it has made, to change and run on."""
    shutil.copytree(place.folder, folder, copy_function=shutil.copy2)
    return Workplace(folder, place.study)


def run_to_the_end(folder: Path, **changes: Any) -> None:
    done = make_workplace(folder, **changes).snakemake()
    assert done.returncode == 0, done.stderr


def workplace_in(folder: Path) -> Workplace:
    return Workplace(folder, yaml.safe_load((folder / "study.yaml").read_text()))


@pytest.fixture(scope="session")
def small(once: Callable[..., Path]) -> Workplace:
    """Five runs of the tiny study, made in a place of their own, for all test processes to read."""
    return workplace_in(once("small", lambda folder: run_to_the_end(folder, **SMALL)))


@pytest.fixture(scope="session")
def finished(once: Callable[..., Path]) -> Workplace:
    """The tiny study, run to its end, for all test processes to read."""
    return workplace_in(once("finished", run_to_the_end))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The file that takes longest comes first: two processes share the files, and end together then."""
    items.sort(key=lambda item: item.path.name != "test_workflow.py")
