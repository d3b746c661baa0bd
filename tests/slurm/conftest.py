"""A Slurm for all tests of a session, and small studies to run on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster import Cluster, why_not


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes of four CPUs and two GPUs each, which only Slurm believes in."""
    if reason := why_not():
        pytest.skip(reason)
    with Cluster() as started:
        yield started
