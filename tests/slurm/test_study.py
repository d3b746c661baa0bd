"""A small study by `snakemake --profile slurm`: the same tables as without Slurm, and few jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster import Cluster
from conftest import SMALL, Workplace, make_workplace
from place import RESOURCES, SlurmPlace


@pytest.fixture(scope="session")
def by_slurm(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[SlurmPlace, int]:
    """The study, and how many jobs Slurm saw."""
    made = make_workplace(tmp_path_factory.mktemp("by_slurm"), resources=RESOURCES, **SMALL)
    place = SlurmPlace(made.folder, made.study)
    before = len(cluster.jobs())
    done = place.snakemake(cores=4)
    assert done.returncode == 0, done.stderr
    return place, len(cluster.jobs()) - before


def test_the_tables_are_those_of_a_run_without_slurm(
    by_slurm: tuple[SlurmPlace, int], tmp_path: Path
) -> None:
    place, _ = by_slurm
    local = make_workplace(tmp_path / "local", resources=RESOURCES, **SMALL)
    done = local.snakemake()
    assert done.returncode == 0, done.stderr
    assert place.tables() == SlurmPlace(local.folder, local.study).tables()


def test_small_jobs_share_slurm_jobs(by_slurm: tuple[SlurmPlace, int]) -> None:
    # Text; subsets; four segments; five finetunings with their evaluation, four together; tables; figures.
    assert by_slurm[1] == 1 + 1 + 4 + 2 + 1 + 1


def test_nothing_is_left_to_do_with_or_without_slurm(by_slurm: tuple[SlurmPlace, int]) -> None:
    place, _ = by_slurm
    assert place.planned() == {}
    assert Workplace(place.folder, place.study).planned() == {}


def test_a_job_of_slurm_says_where_its_log_lies(by_slurm: tuple[SlurmPlace, int]) -> None:
    place, _ = by_slurm
    text = (place.folder / "results/logs/pretrain/fr-seed1-2000.log").read_text()
    assert "fairseq-train" in text
