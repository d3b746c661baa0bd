"""How much text a corpus has, before it is read: from manifests, from files, from what the study asks for."""

from __future__ import annotations

from pathlib import Path

from downlaw.corpora import needs
from downlaw.files import read_json
from downlaw.study import LmStudy, Study
from downlaw.study.sources import MonolingualFiles, ParallelFiles
from downlaw.study.sources.huggingface import HubShard

from .reference import ASSUMED_TEXTS, TEXTS

PIECES_A_TEXT = 15.0

BYTES_A_TEXT = 70.0
"""Of plain text in a line of a user's own file."""

WORDS_A_TEXT = 15.0

_PACKED = {".gz": 3.5, ".zst": 4.0}
"""Bytes of text in a byte of a compressed file."""


def texts_of(study: Study | LmStudy, corpus: str, part: str) -> float:
    """Segments that a part of a corpus is made from before cleaning; a pair counts twice.

    Counted where the part was split before; else from the user's files, the words asked of a hub, or what the
    packages of the shipped studies were found to hold; else assumed, and no less than the largest Dp reads.
    """
    made = _made(study.results / f"corpora/{corpus}/{part}/split/split.json")
    if made is not None:
        return made
    section = study.corpora[corpus]
    if isinstance(section, MonolingualFiles | ParallelFiles):
        read = sum(_bytes(path) for path in needs.sources_of(study, corpus, part, Path()))
        return read / BYTES_A_TEXT if read else _asked_for(study, corpus, part)
    artifacts = needs.artifacts_of(study, corpus, part)
    sides = len(part.split("-"))
    words = [artifact.entry.max_words for artifact in artifacts if isinstance(artifact.entry, HubShard)]
    if words:
        return sides * sum(words) / WORDS_A_TEXT
    known = [
        TEXTS[part, name]
        for artifact in artifacts
        if (part, name := getattr(artifact.entry, "name", "")) in TEXTS
    ]
    return float(sum(known)) if known else max(sides * ASSUMED_TEXTS, _asked_for(study, corpus, part))


def _asked_for(study: Study | LmStudy, corpus: str, part: str) -> float:
    """Segments that the largest D of a mixture reads of a part, or a task's largest Df; 1 where none does."""
    most = 1.0
    for name, mixture in study.mixtures.items():
        for where, language, share in mixture.components():
            if (where, language) == (corpus, part):
                most = max(most, share * _largest(study, name) / PIECES_A_TEXT)
    for task in study.tasks.values() if isinstance(study, Study) else ():
        if (task.corpus, task.part) == (corpus, part):
            most = max(most, 2.0 * study.finetune.pairs[-1])
    return most


def _largest(study: Study | LmStudy, mixture: str) -> float:
    if isinstance(study, Study):
        return study.pretrain.tokens[-1]
    return max(
        study.tokens_asked(model, study.overtrain.multipliers_of(model, mixture)[-1])
        for model in study.overtrain.models
    )


def _made(split: Path) -> float | None:
    try:
        found = read_json(split)
        sides = len(found["languages"])
        return float(sides * sum(source["segments"] for source in found["sources"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _bytes(path: Path) -> float:
    try:
        return path.stat().st_size * _PACKED.get(path.suffix, 1.0)
    except OSError:
        return 0.0
