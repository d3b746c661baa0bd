"""What the rules ask a scheduler for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, SMALL, make_workplace

from downlaw.files import read_json

GPU = {"device": "cuda", "threads": 3}

TELL = """
import json, sys
include: "{root}/Snakefile"
asked = {{
    each.name: {{
        name: each.resources[name].evaluate({{}}, attempt={attempt}).value
        for name in each.resources
        if not name.startswith("disk") and name != "tmpdir"
    }}
    for each in workflow.rules
}}
with open("asked.json", "w") as stream:
    json.dump(asked, stream)
"""


def asked(folder: Path, attempt: int = 1, **changes: Any) -> dict[str, dict[str, Any]]:
    """What each rule asks for at an attempt; `_cores` are its threads."""
    place = make_workplace(folder, **SMALL | changes)
    (folder / "tell.smk").write_text(TELL.format(root=ROOT, attempt=attempt))
    done = place.snakemake("--snakefile", "tell.smk", "--dry-run", "--quiet", "all", cores=64)
    assert done.returncode == 0, done.stderr
    return read_json(folder / "asked.json")


def test_memory_and_minutes_are_those_of_the_stage_and_grow(tmp_path: Path) -> None:
    said = asked(tmp_path, attempt=3, resources={"pretrain": {"memory_mb": 700, "minutes": 9}})["pretrain"]
    assert (said["mem_mb"], said["runtime"], said["gpu"], said["_cores"]) == (2100, 27, 0, 1)
    assert not said.keys() & {"nodes", "mpi", "tasks"}


@pytest.mark.parametrize(
    ("processes", "nodes", "threads", "spread"),
    [
        (1, 1, 3, {}),
        (4, 1, 12, {"nodes": 1}),
        (4, 2, 6, {"nodes": 2, "tasks": 2, "mpi": "srun"}),
    ],
)
def test_a_training_asks_for_a_gpu_a_process(
    processes: int, nodes: int, threads: int, spread: dict[str, Any], tmp_path: Path
) -> None:
    said = asked(
        tmp_path,
        compute=GPU,
        pretrain__batches_per_update=processes,
        resources={"pretrain": {"processes": processes, "nodes": nodes}},
    )
    pretrain = said["pretrain"]
    assert (pretrain["gpu"], pretrain["_cores"]) == (processes, threads)
    assert {name: pretrain[name] for name in ("nodes", "tasks", "mpi") if name in pretrain} == spread
    assert said["evaluate"]["gpu"] == 1
    assert not any("gpu" in said[rule] for rule in ("mixture", "laws", "figures"))
