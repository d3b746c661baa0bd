"""The validation segments of a study's tasks, which comet-local learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from downlaw.corpora.segments import read_text
from downlaw.metrics.comet_local.corruption import Pair, split_pairs
from downlaw.study import Study


def read_pairs(study: Study, paths: Sequence[Path]) -> list[Pair]:
    """All validation segments of the study's tasks; `paths` has the parquet of each task, in its order."""
    return [
        Pair(source, reference, task.target)
        for path, task in zip(paths, study.tasks.values(), strict=True)
        for source, reference in zip(read_text(path, task.source), read_text(path, task.target), strict=True)
    ]


def check_references(study: Study) -> None:
    """Refuse a study whose comet-local could not be trained, once its corpora are there.

    Raises:
        ModelError: where there are too few distinct references, or too many letters in other scripts than
            the encoder keeps; the message starts with the path of the key.
    """
    section = study.evaluate.comet_local
    if section is None:
        return
    from downlaw.metrics.comet_local.encoder import check_scripts  # and torch with it

    folders = [
        study.results / "corpora" / task.corpora()["valid"] / task.part for task in study.tasks.values()
    ]
    pairs = read_pairs(study, [folder / "valid.parquet" for folder in folders])
    split_pairs(pairs, section.min_references, study.seed)
    if section.variant == "e5":
        check_scripts((text for pair in pairs for text in (pair.source, pair.reference)), section.scripts)
