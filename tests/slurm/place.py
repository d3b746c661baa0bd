"""Studies that run on Slurm, and what their training left behind."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster import Cluster
from conftest import BIN, ROOT, SMALL, Workplace

from downlaw.engine.log import read_log
from downlaw.files import read_json

STAGES = ("corpora", "subsets", "pretrain", "finetune", "evaluate", "laws", "report")
RESOURCES = {stage: {"memory_mb": 1500, "minutes": 10} for stage in STAGES}
UPDATES = 3000
SAVE_EVERY = 20

LONG_TRAINING = SMALL | {
    "mixtures": {"fr": {"shares": {"mono.fr": 1.0}}},
    "pretrain__tokens": [32 * UPDATES],
    "pretrain__blocks_per_update": 1,
    "pretrain__allow_repeats": True,
    "pretrain__save_every_updates": SAVE_EVERY,
    "resources": RESOURCES,
}
"""Changes of the tiny study that leave one training that takes most of a minute, and two runs."""


class SlurmPlace(Workplace):
    """A study that `snakemake --profile slurm` runs, as it would be typed, at the test cluster's pace."""

    def command(self, *arguments: str, cores: int = 4) -> list[str]:
        profile = self.folder / "slurm"
        if not profile.is_symlink():
            profile.symlink_to(ROOT / "profiles/slurm")
        return [
            *(str(BIN / "snakemake"), "--profile", "slurm", "--snakefile", str(ROOT / "Snakefile")),
            *("--configfile", "study.yaml", "--workflow-profile", str(ROOT / "profiles/default")),
            *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "3"),
            *("--latency-wait", "5", "--cores", str(cores), *arguments),
        ]

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Snakemake at work, its output in `run.log`; stopped if the block leaves it running."""
        with (self.folder / "run.log").open("ab") as log:
            process = subprocess.Popen(
                self.command(*arguments), cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()

    @property
    def said(self) -> str:
        return (self.folder / "run.log").read_text()

    @property
    def job_logs(self) -> str:
        """What Slurm's jobs said that failed."""
        return "".join(path.read_text() for path in (self.folder / "logs/slurm").rglob("*.log"))

    @property
    def training(self) -> Path:
        """The folder of the one pretraining; there is none before it has begun."""
        return next((self.folder / "results/pretrain/fr/seed1").glob("*/*/train.log")).parent

    @property
    def update(self) -> int:
        """How far the pretraining has come."""
        try:
            return read_log(self.training / "train.log").updates
        except StopIteration:
            return 0

    @property
    def history(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.training / "history.jsonl").read_text().splitlines()]

    @property
    def record(self) -> dict[str, Any]:
        return read_json(self.training / "record.json")

    def make_tables(self) -> None:
        """Make all that stands below the training, without Slurm."""
        wanted = [f"results/{name}.csv" for name in ("runs", "comparisons", "laws")]
        done = Workplace(self.folder, self.study).snakemake(*wanted)
        assert done.returncode == 0, done.stderr

    def tables(self) -> dict[str, bytes]:
        """Every table but that of costs, which differ from run to run."""
        found = {path.name: path.read_bytes() for path in sorted((self.folder / "results").glob("*.csv"))}
        return {name: table for name, table in found.items() if name != "costs.csv"}


def untrained(reference: Workplace, folder: Path) -> SlurmPlace:
    """A copy of a finished study that has its text and its baseline, and nothing pretrained."""
    shutil.copytree(reference.folder, folder, copy_function=shutil.copy2)
    results = folder / "results"
    shutil.rmtree(results / "pretrain")
    for path in [*results.glob("*.csv"), *results.glob("*.parquet")]:
        path.unlink()
    for name in ("finetune", "evaluate"):
        shutil.rmtree(results / name / "en-de/fr")
    return SlurmPlace(folder, reference.study)


def wait_until(condition: Callable[[], Any], seconds: float = 180) -> Any:
    """What `condition` gives once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "this never came"
        time.sleep(0.2)
    return found


def running(place: SlurmPlace, cluster: Cluster, rule: str) -> int:
    """The Slurm job of a rule of this study, once it runs."""

    def find() -> int | None:
        jobs = cluster.jobs("RUNNING").items()
        return next(
            (
                number
                for number, job in jobs
                if f"rule_{rule}" in job["comment"] and job["folder"] == str(place.folder)
            ),
            None,
        )

    return wait_until(find)
