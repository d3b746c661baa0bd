"""A Slurm for all tests of a session, small studies to run on it, and the table of accidents at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster import Cluster, why_not
from conftest import Workplace, make_workplace
from place import LONG_TRAINING, SlurmPlace, untrained

ACCIDENTS = pytest.StashKey[list[tuple[str, ...]]]()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes of four CPUs and two GPUs each, which only Slurm believes in."""
    if reason := why_not():
        pytest.skip(reason)
    with Cluster() as started:
        yield started


@pytest.fixture(scope="session")
def undisturbed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The study run to its end without Slurm and without accidents."""
    place = make_workplace(tmp_path_factory.mktemp("undisturbed"), **LONG_TRAINING)
    done = place.snakemake()
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def place(undisturbed: Workplace, tmp_path: Path) -> SlurmPlace:
    return untrained(undisturbed, tmp_path / "study")


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Adds a line to the table of accidents: what happened, how, updates lost, what was said."""

    def add(*cells: object) -> None:
        request.config.stash.setdefault(ACCIDENTS, []).append(tuple(map(str, cells)))

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash.get(ACCIDENTS, [])
    if not rows:
        return
    terminalreporter.section("accidents")
    for row in [("accident", "stretches of updates", "lost", "tables"), *rows]:
        terminalreporter.line(" | ".join(row))
