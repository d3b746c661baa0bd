"""Accidents to a training on a real Slurm: it goes on from its last save, and the tables do not show it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from cluster import Cluster
from conftest import Workplace
from place import RESOURCES, SAVE_EVERY, UPDATES, SlurmPlace, running, wait_until
from processes import processes_of

Accident = Callable[[SlurmPlace, Cluster, int], None]
LATE_ENOUGH = 300
"""Updates after which an accident happens."""


def finish_and_compare(
    place: SlurmPlace, undisturbed: Workplace, note: Callable[..., None], name: str, most_lost: int
) -> None:
    """Everything below the training is made, every update was counted once, and the tables are equal."""
    place.make_tables()
    history = place.history
    stretches = [(entry["from_update"], entry["to_update"]) for entry in history]
    assert [start for start, _ in stretches] == [0, *(end for _, end in stretches[:-1])], stretches
    assert stretches[-1][1] == UPDATES
    lost = sum(entry["lost_updates"] for entry in history)
    equal = place.tables() == SlurmPlace(undisturbed.folder, undisturbed.study).tables()
    note(name, ", ".join(f"{start}-{end}" for start, end in stretches), lost, "equal" if equal else "DIFFER")
    assert lost <= most_lost
    assert equal


def set_end(place: SlurmPlace, cluster: Cluster, job: int) -> None:
    cluster.call("scontrol", "update", f"JobId={job}", "EndTime=now+40")


def cancel(place: SlurmPlace, cluster: Cluster, job: int) -> None:
    cluster.call("scancel", str(job))


def send(name: str) -> Accident:
    def accident(place: SlurmPlace, cluster: Cluster, job: int) -> None:
        cluster.call("scancel", f"--signal={name}", str(job))

    return accident


def lose_node(place: SlurmPlace, cluster: Cluster, job: int) -> None:
    node = cluster.jobs("RUNNING")[job]["node"]
    cluster.kill_node(node)
    cluster.call("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=accident")


def kill_trainer(place: SlurmPlace, cluster: Cluster, job: int) -> None:
    trainer = max(pid for pid, command in processes_of(job) if ".pretrain.py" in command)
    os.kill(trainer, signal.SIGKILL)


def kill_script(place: SlurmPlace, cluster: Cluster, job: int) -> None:
    for pid, command in processes_of(job):
        if ".pretrain.py" in command:
            os.kill(pid, signal.SIGKILL)


SAVES_AT_ONCE: dict[str, Accident] = {
    "time limit": set_end,
    "scancel": cancel,
    "SIGTERM": send("TERM"),
    "SIGUSR1": send("USR1"),
}
DIES: dict[str, Accident] = {
    "node down": lose_node,
    "kill -9 of the trainer": kill_trainer,
    "kill -9 of the job's script": kill_script,
}


@pytest.mark.parametrize("name", [*SAVES_AT_ONCE, *DIES])
def test_training_goes_on_in_the_next_attempt(
    name: str, place: SlurmPlace, cluster: Cluster, undisturbed: Workplace, note: Callable[..., None]
) -> None:
    with place.started("--until", "pretrain") as snakemake:
        wait_until(lambda: place.update > LATE_ENOUGH)
        job = running(place, cluster, "pretrain")
        (SAVES_AT_ONCE | DIES)[name](place, cluster, job)
        wait_until(lambda: job not in cluster.jobs("RUNNING", "COMPLETING"))
        for node, state in cluster.node_states().items():
            if state.startswith("down"):
                wait_until(lambda: place.update > LATE_ENOUGH and running(place, cluster, "pretrain"))
                cluster.start_node(node)
        assert snakemake.wait(300) == 0, place.said
    first, *others = place.history
    assert first["ended"] == ("stopped" if name in SAVES_AT_ONCE else "interrupted")
    assert len(others) == 1
    finish_and_compare(
        place, undisturbed, note, name, most_lost=0 if name in SAVES_AT_ONCE else 2 * SAVE_EVERY
    )


def test_a_job_that_needs_more_memory_gets_it(
    place: SlurmPlace, cluster: Cluster, undisturbed: Workplace, note: Callable[..., None]
) -> None:
    """400 MB, and with the second or third attempt enough."""
    pretrain = RESOURCES["pretrain"] | {"memory_mb": 400}
    place.configure(resources=RESOURCES | {"pretrain": pretrain})
    with place.started("--until", "pretrain") as snakemake:
        assert snakemake.wait(300) == 0, place.said
    assert "exceeded memory limit" in place.job_logs
    finish_and_compare(place, undisturbed, note, "too much memory", most_lost=2 * SAVE_EVERY)
