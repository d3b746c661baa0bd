from __future__ import annotations

import numpy as np
import pytest

from downlaw.plan import Machine, PlanError
from downlaw.plan.jobs import Graph
from downlaw.plan.reference import BETWEEN_JOBS_SECONDS, SLURM_SECONDS
from downlaw.plan.schedule import wall_seconds


def made(*rows, **facts) -> Graph:
    """Jobs of rule r, each given as a name and the names that it needs."""
    jobs = Graph()
    for name, *needs in rows:
        jobs.add("r", name, [f"r/{need}" for need in needs], **facts)
    return jobs


def wall(jobs: Graph, machine: Machine, seconds: float | dict[str, float] = 10.0) -> float:
    """Wall time without what lies between jobs."""
    lasting = {key: seconds if isinstance(seconds, float) else seconds[job.name] for key, job in jobs.items()}
    return wall_seconds(jobs, lasting, machine)


def between(count: int) -> float:
    return count * BETWEEN_JOBS_SECONDS


CHAIN = [("a",), ("b", "a"), ("c", "b"), ("d", "c")]


@pytest.mark.parametrize("cores", [1, 2, 64])
def test_cores_do_not_shorten_a_chain(cores):
    assert wall(made(*CHAIN), Machine(cores)) == pytest.approx(40 + between(4))


@pytest.mark.parametrize(("cores", "rounds"), [(1, 6), (2, 3), (3, 2), (6, 1), (60, 1)])
def test_cores_share_what_is_independent(cores, rounds):
    jobs = made(*((name,) for name in "abcdef"))
    assert wall(jobs, Machine(cores)) == pytest.approx(10 * rounds + between(rounds))


def test_a_job_takes_its_threads():
    jobs = made(*((name,) for name in "abcd"), cores=2)
    assert wall(jobs, Machine(4)) == pytest.approx(20 + between(2))
    assert wall(jobs, Machine(3)) == pytest.approx(40 + between(4))


def test_more_threads_than_there_are_cores_are_cut():
    assert wall(made(("a",), cores=8), Machine(2)) == pytest.approx(10 + between(1))


def test_priority_goes_first():
    jobs = Graph()
    for name in "xyz":
        jobs.add("r", name)
    long = jobs.add("r", "long", priority=10)
    jobs.add("r", "after", [long])
    # The long chain starts at once, and the others run beside it.
    seconds = {"x": 5.0, "y": 5.0, "z": 5.0, "long": 10.0, "after": 5.0}
    assert wall(jobs, Machine(2), seconds) < 15 + between(4)


def test_gpus_limit_trainings_and_not_what_needs_none():
    jobs = Graph()
    for name in "abcd":
        jobs.add("r", name, gpus=1)
    for name in "efgh":
        jobs.add("r", name)
    assert wall(jobs, Machine(8, gpus=2)) == pytest.approx(20 + between(2))
    assert wall(jobs, Machine(8)) == pytest.approx(10 + between(1)), "as many as they ask for"


def test_a_job_that_takes_more_gpus_than_there_are_is_refused():
    with pytest.raises(PlanError, match=r"rule r takes 4 GPUs.*--gpus.*resources\.r\.processes"):
        wall(made(("a",), gpus=4), Machine(8, gpus=2))


def test_a_cluster_runs_so_many_jobs_and_each_waits_for_its_queue():
    jobs = made(*((name,) for name in "abcd"), cores=16)
    assert wall(jobs, Machine(1, jobs=2)) == pytest.approx(20 + 2 * SLURM_SECONDS)


def test_jobs_of_a_group_wait_once():
    grouped = Machine(1, jobs=1, groups={"r": "all"})
    assert wall(made(*CHAIN), grouped) == pytest.approx(40 + SLURM_SECONDS)
    assert wall(made(*CHAIN), Machine(1, jobs=1)) == pytest.approx(40 + 4 * SLURM_SECONDS)


def test_local_jobs_take_no_place_of_a_cluster():
    jobs = made(*((name,) for name in "abcd"), local=True)
    assert wall(jobs, Machine(1, jobs=1)) == pytest.approx(10 + between(1))


def test_needs_that_are_done_are_not_waited_for():
    jobs = Graph()
    jobs.add("r", "a")
    jobs.add("r", "b", ["r/a"])
    del jobs["r/a"]
    assert wall(jobs, Machine(1)) == pytest.approx(10 + between(1))


def test_nothing_takes_no_time():
    assert wall(Graph(), Machine(2)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_wall_time_keeps_the_bounds_of_list_scheduling(seed):
    """No shorter than the work shared or the longest chain, no longer than their sum (Graham 1969)."""
    generator = np.random.default_rng(seed)
    jobs, seconds = Graph(), {}
    for number in range(40):
        before = [f"r/{i}" for i in range(number) if generator.random() < 0.08]
        key = jobs.add("r", str(number), before)
        seconds[key] = float(generator.uniform(1, 20))
    ends: dict[str, float] = {}
    for key, job in jobs.items():
        ends[key] = max((ends[need] for need in job.needs), default=0.0) + seconds[key] + BETWEEN_JOBS_SECONDS
    work, chain = sum(seconds.values()) + between(40), max(ends.values())
    for cores in (1, 2, 3, 8):
        found = wall_seconds(jobs, seconds, Machine(cores))
        assert max(work / cores, chain) <= found + 1e-9
        assert found <= work / cores + chain * (1 - 1 / cores) + 1e-9
