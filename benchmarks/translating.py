"""Methods that translate a study's test set, each in processes of its own, and how their hypotheses agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WORKER = ROOT / "benchmarks" / "workers" / "translate.py"

Hypotheses = Mapping[int, list[int]]


class BenchmarkError(RuntimeError):
    """What is missing, or what a method said last."""


@dataclass(frozen=True)
class Method:
    """A way to translate: which worker, in batches of how many sources, and how many models a process."""

    name: str
    worker: str
    batch: int | None = None
    alone: bool = False


METHODS = (
    Method("fairseq-generate", "fairseq", 64, alone=True),
    Method("downlaw, a process a model", "downlaw", alone=True),
    Method("downlaw", "downlaw"),
    Method("transformers", "transformers", 64),
)

ALONE = (
    Method("fairseq-generate, source by source", "fairseq", 1, alone=True),
    Method("downlaw, source by source", "downlaw", 1),
)
"""What does not depend on the batch that a source is in."""


@dataclass
class Timing:
    """Seconds a model, one entry a round: whole processes, and from opening the checkpoint on."""

    whole: dict[str, list[float]] = field(default_factory=lambda: {"wall": [], "cpu": []})
    inside: dict[str, list[float]] = field(default_factory=lambda: {"wall": [], "cpu": []})


@dataclass(frozen=True)
class Agreement:
    """Another method's hypotheses beside downlaw's, all models together.

    same: the same pieces. cut: one is the beginning of the other, which goes on beyond what the length of its
    own source allows. missing: no answer. different: the rest, `segments` less the three.
    """

    segments: int
    same: int
    cut: int
    missing: int

    @property
    def different(self) -> int:
        return self.segments - self.same - self.cut - self.missing


def agreement(ours: Sequence[Hypotheses], theirs: Sequence[Hypotheses], bounds: Sequence[int]) -> Agreement:
    """Compare hypotheses model by model; `bounds` are the most pieces that each source allows."""
    same = cut = missing = 0
    for our, their in zip(ours, theirs, strict=True):
        for number, ids in our.items():
            other = their.get(number)
            if other is None:
                missing += 1
            elif other == ids:
                same += 1
            elif len(ids) == bounds[number] < len(other) and other[: len(ids)] == ids:
                cut += 1
    return Agreement(sum(map(len, ours)), same, cut, missing)


def run_worker(method: Method, job: Mapping[str, Any], folder: Path) -> tuple[float, float, list[dict]]:
    """Wall and processor seconds of a worker's whole process, and its result.

    Raises:
        BenchmarkError: with the last words of a worker that fails.
    """
    asked, found = folder / "job.json", folder / "found.json"
    asked.write_text(json.dumps({**job, "batch": method.batch}), encoding="utf-8")
    said = folder / "said.txt"
    with said.open("w") as stream:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, str(WORKER), method.worker, str(asked), str(found)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
    if status:
        last = [line for line in said.read_text(errors="replace").splitlines() if line.strip()][-1:]
        raise BenchmarkError(f"{method.name} failed: {''.join(last)}")
    result = json.loads(found.read_text())
    return wall, usage.ru_utime + usage.ru_stime, result


def run_round(
    method: Method, models: Sequence[Path], job: Mapping[str, Any], folder: Path, timing: Timing
) -> list[Hypotheses]:
    """Translate once with every model; seconds go to `timing`."""
    groups = [[model] for model in models] if method.alone else [list(models)]
    wall = cpu = 0.0
    results = []
    for group in groups:
        seconds = run_worker(method, {**job, "models": [str(model) for model in group]}, folder)
        wall, cpu = wall + seconds[0], cpu + seconds[1]
        results += seconds[2]
    timing.whole["wall"].append(wall / len(models))
    timing.whole["cpu"].append(cpu / len(models))
    for kind in ("wall", "cpu"):
        timing.inside[kind].append(sum(result[kind] for result in results) / len(models))
    return [{number: ids for number, ids in result["hypotheses"]} for result in results]


class Materials:
    """What the methods read: models, test text and dictionaries of a study that has run."""

    def __init__(self, configfile: Path, results: Path | None, count: int, folder: Path) -> None:
        """Raises:
        BenchmarkError: where the study has not run.
        """
        from downlaw.engine.mmap import read_dataset
        from downlaw.study import load_study

        self.study = load_study(configfile)
        root = results or Path(self.study.results)
        self.name, task = next(iter(self.study.tasks.items()))
        self.languages = (task.source, task.target)
        self.prepared = root / "subsets/tasks" / self.name / "all"
        self.tokenizer = root / "subsets/tokenizer/sentencepiece.model"
        every = sorted((root / "finetune" / self.name).rglob("model.pt"))
        if not every or not self.prepared.exists():
            raise BenchmarkError(f"{root} holds no finetuned models of {self.name}: run the study first")
        count = min(count, len(every))
        self.models = [every[i * len(every) // count] for i in range(count)]
        self.sources = read_dataset(self.prepared / "test.source")
        self.fairseq = folder / "data"
        self.fairseq.mkdir()
        pair = "-".join(self.languages)
        dictionaries = root / "subsets/tasks" / self.name / str(self.study.finetune.pairs[0])
        for side, language in zip(("source", "target"), self.languages, strict=True):
            name = f"dict.{language}.txt"
            (self.fairseq / name).symlink_to((dictionaries / name).resolve())
            for kind in ("bin", "idx"):
                link = self.fairseq / f"test.{pair}.{language}.{kind}"
                link.symlink_to((self.prepared / f"test.{side}.{kind}").resolve())

    def job(self, beam: int, device: str) -> dict[str, Any]:
        evaluate = self.study.evaluate
        return {
            "data": str(self.prepared / "test.source"),
            "fairseq_data": str(self.fairseq),
            "languages": self.languages,
            "beam": beam,
            "max_length_ratio": evaluate.max_length_ratio,
            "length_penalty": evaluate.length_penalty,
            "device": device,
        }

    def bounds(self) -> list[int]:
        """The most pieces of a hypothesis of each source."""
        ratio, longest = self.study.evaluate.max_length_ratio, self.study.model.max_pieces - 1
        return [min(int(ratio * len(source) + 10), longest) for source in self.sources]

    def bleu(self, hypotheses: Sequence[Hypotheses]) -> float:
        """Mean over the models; a source without an answer counts as an empty one."""
        from sacrebleu.metrics import BLEU

        from downlaw.corpora.tokenizer import Tokenizer

        tokenizer = Tokenizer(self.tokenizer)
        references = (self.prepared / "test.target.txt").read_text(encoding="utf-8").split("\n")[:-1]
        scores = []
        for one in hypotheses:
            lines = tokenizer.decode([one.get(number, []) for number in range(len(references))])
            scores.append(BLEU().corpus_score(lines, [references]).score)
        return sum(scores) / len(scores)
