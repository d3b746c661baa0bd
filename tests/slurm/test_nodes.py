"""A training spread over two nodes, each with a slurmd of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster import Cluster
from conftest import SMALL, Workplace, make_workplace
from place import RESOURCES, SlurmPlace, running

CHANGES = SMALL | {
    "mixtures": {"fr": {"shares": {"mono.fr": 1.0}}},
    "pretrain__tokens": [16000],
    "pretrain__batches_per_update": 2,
}


def spread(folder: Path, processes: int, nodes: int) -> Workplace:
    pretrain = {"memory_mb": 2000, "minutes": 10, "processes": processes, "nodes": nodes}
    return make_workplace(folder, **CHANGES, resources=RESOURCES | {"pretrain": pretrain})


def test_two_nodes_train_what_one_process_trains(cluster: Cluster, tmp_path: Path) -> None:
    made = spread(tmp_path / "two", 2, 2)
    place = SlurmPlace(made.folder, made.study)
    with place.started("--until", "pretrain") as snakemake:
        job = running(place, cluster, "pretrain")
        assert cluster.jobs()[job]["node"] == "node[1-2]"
        assert snakemake.wait(300) == 0, place.said
    alone = spread(tmp_path / "one", 1, 1)
    done = alone.snakemake("--until", "pretrain")
    assert done.returncode == 0, done.stderr
    assert [entry["processes"] for entry in place.history] == [2]
    loss = SlurmPlace(alone.folder, alone.study).record["training_loss"]
    assert place.record["training_loss"] == pytest.approx(loss, rel=1e-4)
