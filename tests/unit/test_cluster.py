"""What jobs ask for against what sinfo says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from downlaw.cluster import ClusterError, Nodes, Partition, Request, check, problems, read_partitions

SINFO = """\
cpu*|1-00:00:00|64|256000|(null)
gpu|2-00:00:00|128|1000000|gpu:a100:4(S:0-3)
gpu|2-00:00:00|96|2000000+|gpu:h100:8(S:0-1),nvme:1
short|30:00|64+|256000|(null)
fake|infinite|4|8000|gpu:2
"""


def said(request: Request, sinfo: str = SINFO) -> list[str]:
    return problems([request], read_partitions(sinfo))


def test_lines_of_sinfo_are_read() -> None:
    cpu, gpu, short, fake = read_partitions(SINFO)
    assert cpu == Partition("cpu", True, 1440, (Nodes(64, 256000, {}),))
    assert gpu.nodes == (Nodes(128, 1000000, {"a100": 4}), Nodes(96, 2000000, {"h100": 8}))
    assert (short.minutes, fake.minutes) == (30, None)
    assert fake.nodes[0].gpus == {"": 2}


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [("30:00", 30), ("2:00:00", 120), ("10:30", 11), ("7-12:00:00", 10800), ("infinite", None), ("15", 15)],
)
def test_time_limits_are_whole_minutes(limit: str, minutes: int | None) -> None:
    assert read_partitions(f"cpu|{limit}|1|1|(null)")[0].minutes == minutes


@pytest.mark.parametrize(
    "request_",
    [
        Request("split_corpus", "corpora", None, 64, 256000, 1440),
        Request("pretrain", "pretrain", "gpu", 96, 2000000, 2880, 8),
        Request("pretrain", "pretrain", "gpu", 96, 1000, 60, 8, "h100"),
        Request("finetune", "finetune", "fake", 1, 1000, 600000, 2),
        Request("finetune", "finetune", "short,cpu", 1, 1000, 60),  # one of the two is enough
    ],
)
def test_what_fits_is_passed(request_: Request) -> None:
    assert said(request_) == []


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            Request("pretrain", "pretrain", "gpuu"),
            "pretrain: partition 'gpuu' is not on this cluster; it has cpu, gpu, short, fake: "
            "set slurm_partition in the profile",
        ),
        (
            Request("pretrain", "pretrain", "gpu", gpus=16),
            "pretrain: 16 GPUs of a node are asked for, but nodes of partition 'gpu' have 8: lower "
            "resources.pretrain.processes, raise resources.pretrain.nodes, or set slurm_partition in the "
            "profile",
        ),
        (
            Request("pretrain", "pretrain", "gpu", gpus=8, gpu_model="a100"),
            "pretrain: 8 GPUs of a node are asked for, but nodes of partition 'gpu' have 4: lower "
            "resources.pretrain.processes, raise resources.pretrain.nodes, or set slurm_partition in the "
            "profile",
        ),
        (
            Request("evaluate", "evaluate", gpus=1),
            "evaluate: 1 GPUs of a node are asked for, but nodes of partition 'cpu' have 0: "
            "set slurm_partition in the profile",
        ),
        (
            Request("pretrain", "pretrain", "gpu", gpus=1, gpu_model="v100"),
            "pretrain: partition 'gpu' has no GPU 'v100', its nodes have a100, h100: "
            "set gpu_model in the profile",
        ),
        (
            Request("pretrain", "pretrain", "fake", gpus=1, gpu_model="a100"),
            "pretrain: partition 'fake' has no GPU 'a100', Slurm names no GPU models there: "
            "set gpu_model in the profile",
        ),
        (
            Request("laws", "laws", memory_mb=300000),
            "laws: 300000 MB of memory of a node are asked for, but nodes of partition 'cpu' have 256000: "
            "lower resources.laws.memory_mb",
        ),
        (
            Request("pretrain", "pretrain", "short", minutes=240),
            "pretrain: 240 minutes are asked for, but partition 'short' ends jobs after 30: "
            "lower resources.pretrain.minutes",
        ),
        (
            Request("group text", cpus=100),
            "group text: 100 CPUs of a node are asked for, but nodes of partition 'cpu' have 64: "
            "lower cores in the profile",
        ),
        (
            Request("pretrain", "pretrain", "gpu", cpus=128, gpus=8),
            "pretrain: no node of partition 'gpu' has 128 CPUs, 0 MB of memory and 8 GPUs at once: "
            "set slurm_partition in the profile",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_key(request_: Request, message: str) -> None:
    assert said(request_) == [message]


def test_a_cluster_without_a_default_partition_needs_one_in_the_profile() -> None:
    assert said(Request("laws", "laws"), "cpu|infinite|4|8000|(null)\n") == [
        "laws: this cluster has no default partition; it has cpu: "
        "set slurm_partition in default-resources of the profile"
    ]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts programs of Slurm on the path that only run these lines of sh."""

    def put(sinfo: str, sacct: str = "exit 0") -> None:
        for name, lines in {"sinfo": sinfo, "sacct": sacct}.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{lines}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin:/usr/bin")

    return put


def test_all_that_is_wrong_is_said_at_once(slurm: Callable[..., None]) -> None:
    slurm("echo 'cpu*|1:00|4|8000|(null)'", "echo 'accounting storage is disabled' >&2; exit 1")
    requests = [Request("pretrain", "pretrain", "gpu"), Request("laws", "laws", cpus=5)]
    with pytest.raises(ClusterError) as found:
        check(requests, asks_sacct=True)
    first, second, third = str(found.value).splitlines()
    assert first.startswith("pretrain: partition 'gpu'") and second.startswith("laws: 5 CPUs")
    assert "(accounting storage is disabled): set slurm-status-command: squeue in the profile" in third


def test_accounts_do_not_matter_where_squeue_is_asked(slurm: Callable[..., None]) -> None:
    slurm("echo 'cpu*|1:00|4|8000|(null)'", "exit 1")
    check([Request("laws", "laws")])


def test_a_machine_without_slurm_and_a_slurm_that_is_down_are_told_apart(
    slurm: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm("echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(ClusterError, match=r"^Slurm does not answer: Unable to contact slurm controller$"):
        check([])
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(ClusterError, match="on a login node of the cluster"):
        check([])
