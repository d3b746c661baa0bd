"""What a cluster does not have is said before the first job."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster import Cluster
from conftest import SMALL, make_workplace
from place import RESOURCES, SlurmPlace


def refusal(cluster: Cluster, folder: Path, *arguments: str, **changes: object) -> str:
    """What Snakemake says of a study that this cluster cannot run; no job was submitted."""
    made = make_workplace(folder, **({"resources": RESOURCES} | SMALL | changes))
    before = len(cluster.jobs())
    done = SlurmPlace(made.folder, made.study).snakemake(*arguments, cores=4)
    assert done.returncode != 0
    assert len(cluster.jobs()) == before
    assert "Traceback" not in done.stderr
    return done.stderr


def test_an_unknown_partition(cluster: Cluster, tmp_path: Path) -> None:
    said = refusal(cluster, tmp_path, "--set-resources", "pretrain:slurm_partition=gpuu")
    assert (
        "the study cannot run:\npretrain: partition 'gpuu' is not on this cluster; it has cpu, gpu: "
        "set slurm_partition in the profile\n"
    ) in said


def test_more_gpus_than_a_node_has(cluster: Cluster, tmp_path: Path) -> None:
    training = RESOURCES["pretrain"] | {"processes": 8}
    said = refusal(
        cluster,
        tmp_path,
        *("--set-resources", "pretrain:slurm_partition=gpu"),
        compute={"device": "cuda", "threads": 1},
        resources=RESOURCES | {"pretrain": training},
        pretrain__batches_per_update=8,
    )
    assert (
        "pretrain: 8 GPUs of a node are asked for, but nodes of partition 'gpu' have 2: "
        "lower resources.pretrain.processes, raise resources.pretrain.nodes"
    ) in said


@pytest.mark.parametrize(
    ("key", "amount", "message"),
    [
        (
            "memory_mb",
            9000,
            "9000 MB of memory of a node are asked for, but nodes of partition 'cpu' have 8000",
        ),
        ("minutes", 3000, "3000 minutes are asked for, but partition 'cpu' ends jobs after 1440"),
    ],
)
def test_more_memory_or_time_than_there_is(
    key: str, amount: int, message: str, cluster: Cluster, tmp_path: Path
) -> None:
    pretrain = RESOURCES["pretrain"] | {key: amount}
    said = refusal(cluster, tmp_path, resources=RESOURCES | {"pretrain": pretrain})
    assert f"pretrain: {message}: lower resources.pretrain.{key}\n" in said


def test_a_cluster_that_keeps_no_accounts(cluster: Cluster, tmp_path: Path) -> None:
    said = refusal(cluster, tmp_path, "--slurm-status-command", "sacct")
    assert "set slurm-status-command: squeue in the profile" in said


def test_a_node_without_cuda(cluster: Cluster, tmp_path: Path) -> None:
    """The job lands where the profile says, and says there what is missing."""
    made = make_workplace(
        tmp_path, **SMALL | {"resources": RESOURCES, "compute": {"device": "cuda", "threads": 1}}
    )
    place = SlurmPlace(made.folder, made.study)
    asked = [f"{rule}:slurm_partition=gpu" for rule in ("pretrain", "finetune", "evaluate")]
    done = place.snakemake(
        *("--set-resources", *asked, "pretrain:gpu_model=h100", "--retries", "0", "--until", "pretrain"),
        cores=4,
    )
    assert done.returncode != 0
    log = (place.folder / "results/logs/pretrain/fr-seed1-1000.log").read_text()
    assert log.startswith("error: pretrain fr seed 1 to 1,000 tokens: compute.device is cuda, but")
    _, last = max(cluster.jobs().items())
    assert (last["partition"], last["node"]) == ("gpu", "node2")
