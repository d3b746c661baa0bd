"""How far a study of the over-training track is: the state of every training and of its scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from downlaw.engine.commands import Stretch
from downlaw.engine.overtraining import identity
from downlaw.files import digest
from downlaw.status import (
    DIVERGED,
    DONE,
    TO_DO,
    RunStatus,
    explained,
    job_name,
    read_whole,
    to_score,
    training_state,
)
from downlaw.study import LmStudy
from downlaw.study.grid import Cell, cells
from downlaw.unreadable import reading


def lm_statuses(study: LmStudy) -> list[RunStatus]:
    """Every run of the grid in the order of training, then the scores of every run."""
    trained = list(_trained(study))
    return [*(status for _, status in trained), *(_scored(study, cell, each) for cell, each in trained)]


def _trained(study: LmStudy) -> Iterator[tuple[Cell, RunStatus]]:
    mixtures = study.results / "subsets/mixtures"
    manifests = {name: read_whole(mixtures / name / "manifest.json") for name in study.mixtures}
    for cell in cells(study):
        path = Path("overtrain", cell.path)
        record, manifest = read_whole(study.results / path), manifests[cell.mixture]
        status = RunStatus(
            "overtrain", None, cell.mixture, cell.seed, cell.tokens_asked,
            model=cell.model, multiplier=cell.multiplier,
            updates=cell.updates, first_update=cell.first_update, job=job_name(path),
        )  # fmt: skip
        with reading(study.results / path):
            if record and record["status"] != "ok":
                yield cell, replace(status, state=DIVERGED, reason=record["reason"])
                continue
        root = study.results / path.with_suffix("")
        ends = [Stretch(cell.updates, cell.trunk_updates)]
        if cell.trunk_updates is not None:
            ends.append(Stretch(cell.trunk_updates))
        for end in ends:  # its decay, or where there is none yet its trunk
            trunk = end.decays_from is None and cell.trunk_updates is not None
            with reading(mixtures / cell.mixture / "manifest.json"):
                known = digest(identity(study, cell, end, manifest, trunk)) if manifest else None
            with reading(study.results / path):
                found = training_state(status, root, known, [record] if record else [])
            if trunk and found.state == DONE:
                found = replace(status, update=end.updates)
            if found.state != TO_DO:
                break
        (found,) = explained(study, [found])
        yield cell, found


def _scored(study: LmStudy, cell: Cell, run: RunStatus) -> RunStatus:
    path = Path("evaluate", cell.path)
    status = to_score(run, job_name(path))
    if run.state == DIVERGED:
        return replace(status, state=DIVERGED, reason=run.reason)
    if run.state == DONE and read_whole(study.results / path):
        return replace(status, state=DONE)
    (status,) = explained(study, [status])
    return status
