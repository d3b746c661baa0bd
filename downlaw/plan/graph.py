"""The whole graph of a study's jobs."""

from __future__ import annotations

from downlaw.study import LmStudy, Study

from .jobs import Graph
from .jobs_lm import add_grid
from .jobs_text import add_text
from .jobs_transfer import add_transfer


def graph(study: Study | LmStudy) -> Graph:
    """Every job of a study after all that it waits for, in the order of the flow."""
    jobs = Graph()
    add_text(jobs, study)
    if isinstance(study, LmStudy):
        add_grid(jobs, study)
    else:
        add_transfer(jobs, study)
    return jobs
