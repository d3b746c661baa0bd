"""Snakemake killed, a disk that fills, a node that is only cut off, and clocks that disagree."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster import Cluster
from conftest import Workplace
from place import SAVE_EVERY, SlurmPlace, running, wait_until
from test_faults import LATE_ENOUGH, finish_and_compare

DAY = 86400


def test_snakemake_killed_while_its_job_trains(
    place: SlurmPlace, cluster: Cluster, undisturbed: Workplace, note: Callable[..., None]
) -> None:
    """A second Snakemake submits the training again; that job waits, and finds it done."""
    with place.started("--until", "pretrain") as snakemake:
        wait_until(lambda: place.update > LATE_ENOUGH)
        first = running(place, cluster, "pretrain")
        snakemake.send_signal(signal.SIGKILL)
        snakemake.wait()
    assert first in cluster.jobs("RUNNING")
    assert place.snakemake("--unlock").returncode == 0
    with place.started("--until", "pretrain") as snakemake:
        assert snakemake.wait(300) == 0, place.said
    assert len(place.history) == 1
    finish_and_compare(place, undisturbed, note, "kill -9 of Snakemake, run again", most_lost=0)


def test_a_node_that_is_only_cut_off(
    place: SlurmPlace, cluster: Cluster, undisturbed: Workplace, note: Callable[..., None]
) -> None:
    """Slurm gives the node up, but its processes live: a job on the other one does not train beside them."""
    with place.started("--until", "pretrain") as snakemake:
        wait_until(lambda: place.update > LATE_ENOUGH)
        job = running(place, cluster, "pretrain")
        node = cluster.jobs("RUNNING")[job]["node"]
        cluster.kill_node(node, jobs_too=False)
        cluster.call("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=cut off")
        wait_until(lambda: job not in cluster.jobs("RUNNING"))
        assert snakemake.wait(300) == 0, place.said
        cluster.start_node(node)
    assert len(place.history) == 1
    finish_and_compare(place, undisturbed, note, "node cut off, its processes alive", most_lost=0)


@pytest.fixture
def small_disk(place: SlurmPlace) -> Iterator[Path]:
    """A disk of 8 MB below results/pretrain."""
    disk = place.folder / "results/pretrain"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_disk_that_fills_in_the_middle_of_a_save(
    place: SlurmPlace, cluster: Cluster, undisturbed: Workplace, note: Callable[..., None], small_disk: Path
) -> None:
    ballast = small_disk / "ballast"
    with place.started("--until", "pretrain", "--retries", "0") as snakemake:
        wait_until(lambda: place.update > LATE_ENOUGH)
        with ballast.open("wb", buffering=0) as stream, pytest.raises(OSError, match="No space left"):
            while True:
                stream.write(bytes(4096))
        assert snakemake.wait(300) != 0
    log = (place.folder / "results/logs/pretrain").glob("*.log")
    assert "the disk is full" in next(log).read_text()
    ballast.unlink()
    with place.started("--until", "pretrain") as snakemake:
        assert snakemake.wait(300) == 0, place.said
    finish_and_compare(place, undisturbed, note, "disk full during a save", most_lost=2 * SAVE_EVERY)


def stopped(place: SlurmPlace, cluster: Cluster) -> None:
    """Train until the job is cancelled, and do not try again."""
    with place.started("--until", "pretrain", "--retries", "0") as snakemake:
        wait_until(lambda: place.update > LATE_ENOUGH)
        cluster.call("scancel", str(running(place, cluster, "pretrain")))
        assert snakemake.wait(300) != 0


def set_times(place: SlurmPlace, part: str, shift: int) -> None:
    then = time.time() + shift
    for path in (place.folder / "results" / part).rglob("*"):
        os.utime(path, (then, then))


@pytest.mark.parametrize(("name", "shift"), [("future", DAY), ("past", -DAY)])
def test_a_training_from_another_day(
    name: str,
    shift: int,
    place: SlurmPlace,
    cluster: Cluster,
    undisturbed: Workplace,
    note: Callable[..., None],
) -> None:
    """The clock of the node that trained was wrong, and all that it left says so."""
    stopped(place, cluster)
    set_times(place, "pretrain", shift)
    with place.started("--until", "pretrain") as snakemake:
        assert snakemake.wait(300) == 0, place.said
    assert len(place.history) == 2
    finish_and_compare(place, undisturbed, note, f"file times in the {name}", most_lost=0)


def test_text_from_the_future(
    place: SlurmPlace, cluster: Cluster, undisturbed: Workplace, note: Callable[..., None]
) -> None:
    """Snakemake refuses what is older than the text it was made from; the training is kept."""
    set_times(place, "subsets/mixtures", DAY)
    with place.started("--until", "pretrain", "--retries", "0") as snakemake:
        assert snakemake.wait(300) != 0
    assert "This could indicate a clock skew problem in your network" in place.said + place.job_logs
    set_times(place, "subsets/mixtures", 0)
    with place.started("--until", "pretrain") as snakemake:
        assert snakemake.wait(300) == 0, place.said
    assert len(place.history) == 1
    finish_and_compare(place, undisturbed, note, "text from the future, then mended", most_lost=0)
