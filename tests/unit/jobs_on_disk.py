"""Results of a toy study as they lie on disk, made without training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from downlaw.engine.once import OK
from downlaw.engine.training import pretraining_identity
from downlaw.files import digest, write_json
from downlaw.plan.graph import graph
from downlaw.plan.jobs import Graph
from downlaw.study import Study
from downlaw.study.matrix import Run, Start, runs, segment

MANIFEST = {"vocabulary": 200, "sha256": {"bin": "0", "idx": "0"}}
"""Of every mixture."""


def segment_identity(study: Study, name: str) -> str:
    """The folder of the segment of a job, such as `fr/seed1/256`."""
    mixture, seed, tokens = name.split("/")
    one = segment(study, mixture, int(seed.removeprefix("seed")), int(tokens))
    return digest(pretraining_identity(study, one, MANIFEST))


def start_of(name: str) -> tuple[str, Start]:
    """Task and start of a finetune or evaluate job."""
    task, mixture, seed, tokens = name.split("/")
    return task, Start(mixture, int(seed.removeprefix("seed")), int(tokens))


def record(identity: str, **facts: Any) -> dict[str, Any]:
    return {"identity": identity, "status": OK, "reason": "", "versions": {}, **facts}


def named(run: Run) -> dict[str, Any]:
    return {"finetune_pairs": run.pairs, "learning_rate": run.learning_rate, "finetuning_seed": run.seed}


def make(study: Study, leave_out: Iterable[str] = ()) -> Graph:
    """Write the outputs of all jobs but those whose key begins with one of `leave_out`; the whole graph."""
    jobs, left_out = graph(study), tuple(leave_out)
    for key, job in jobs.items():
        if left_out and key.startswith(left_out):
            continue
        content: Any = {}
        if job.rule == "mixture":
            content = MANIFEST
        elif job.rule == "pretrain":
            content = record(segment_identity(study, job.name))
        elif job.rule in ("finetune", "evaluate"):
            task, start = start_of(job.name)
            batch = runs(study, task, start)
            content = [
                record(f"run{number}", selected=True, **named(run)) for number, run in enumerate(batch)
            ]
        for output in job.outputs:
            write_json(study.results / output, content)
    return jobs
