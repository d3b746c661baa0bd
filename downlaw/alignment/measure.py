"""Everything that is measured of one mixture, for every task of a study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.tokenizer import UNKNOWN, Tokenizer
from downlaw.language import Identifier
from downlaw.mixtures import read_mixture
from downlaw.study import Study
from downlaw.study.task import Task

from .domain import FOLDS, domain_distance
from .languages import described, identify, shares
from .ngram import WittenBell
from .overlap import ORDERS, divergence, ngrams
from .samples import SIDES, WINDOW, read_segments, sample_blocks, sample_windows, task_windows

IDENTIFIED_WINDOWS = 8192
"""Windows of a mixture whose language is identified: a share of a half is off by about 0.6%."""

OVERLAP_WINDOWS = 2048
"""Windows a sample whose n-grams are compared; a task gives two such samples, if it has the text."""

NGRAM_PIECES = 1_000_000
"""Pieces of a mixture that the n-gram model learns from, at most."""

DOMAIN_WINDOWS = 1000
"""Windows a domain that are told apart."""

LEAST_DOMAIN_WINDOWS = 100
"""From fewer the distance would be that of a classifier that has learnt nothing."""

RELIABLE = 0.9
"""Where fewer of a task's own windows are given their language, identified shares are said to mean little."""

_DIGITS = 6


@dataclass(frozen=True)
class _Sampled:
    """A mixture as all tasks see it: windows in its order, their languages, and its n-gram model."""

    windows: np.ndarray
    languages: np.ndarray
    overlap: np.ndarray
    model: WittenBell
    model_pieces: int


def measure_mixture(
    name: str, study: Study, mixture: Path, tasks: Mapping[str, Path], tokenizer: Path
) -> dict[str, Any]:
    """How close a mixture is to each task, from samples of both; test text is not read.

    Args:
        mixture: the folder of the mixture.
        tasks: the folder of each prepared task, as `write_task` filled it.
        tokenizer: the SentencePiece model.

    Returns:
        `mixture`; `identified`, the share of each language; `tasks`, for each task the columns of the table
        of alignment (docs/alignment.md), what could not be measured as None, and `notes` that say why.

    Raises:
        CorpusError: where the mixture has no text.
    """
    pieces = Tokenizer(tokenizer)
    known = {language for task in study.tasks.values() for language in (task.source, task.target)}
    identifier = Identifier({*study.languages, *known})
    sampled = _sample(name, study, read_mixture(mixture), pieces, identifier)
    measured = {}
    for task, folder in tasks.items():
        found, notes = _measure_task(study, name, study.tasks[task], folder, sampled, pieces, identifier)
        measured[task] = {key: _plain(value) for key, value in found.items()} | {"notes": notes}
    by_language = {language: round(share, _DIGITS) for language, share in shares(sampled.languages).items()}
    return {"mixture": name, "identified": by_language, "tasks": measured}


def _sample(name: str, study: Study, blocks: Any, tokenizer: Tokenizer, identifier: Identifier) -> _Sampled:
    if not len(blocks):
        raise CorpusError(f"mixtures.{name}: there is no text to measure; make the mixture again")
    length = min(WINDOW, len(blocks[0]))
    # One generator a sample, so that none depends on how large the others are.
    generators = [np.random.default_rng([study.seed, index]) for index in range(3)]
    windows = sample_windows(blocks, IDENTIFIED_WINDOWS, length, generators[0])
    learnt = sample_blocks(blocks, NGRAM_PIECES, generators[2])
    return _Sampled(
        windows=windows,
        languages=identify(windows, tokenizer, identifier),
        overlap=sample_windows(blocks, OVERLAP_WINDOWS, length, generators[1]),
        # <s>, <pad>, </s> and <mask> stand in no text
        model=WittenBell(learnt, first=UNKNOWN, size=tokenizer.vocabulary - UNKNOWN - 1),
        model_pieces=learnt.size,
    )


def _measure_task(
    study: Study,
    name: str,
    task: Task,
    folder: Path,
    sampled: _Sampled,
    tokenizer: Tokenizer,
    identifier: Identifier,
) -> tuple[dict[str, Any], list[str]]:
    length = sampled.windows.shape[1]
    notes: list[str] = []
    labelled = described(study.mixtures[name].language_shares(), task.source, task.target)
    found: dict[str, Any] = {
        "source": task.source,
        "target": task.target,
        "alignment_score": labelled.pop("alignment_score"),
        **{f"labelled_{key}": value for key, value in labelled.items()},
        **_identified(task, sampled, identifier, notes),
        "window_pieces": length,
    }
    for index, side in enumerate(SIDES):
        language = getattr(task, side)
        own = task_windows(folder, side, 2 * OVERLAP_WINDOWS, length, study.seed + index)
        found |= _overlap(own, sampled.overlap, side, tokenizer.vocabulary)
        valid = read_segments(folder, "valid", side)
        found[f"ngram_valid_pieces_{side}"] = sum(map(len, valid))
        found[f"ngram_cross_entropy_{side}"] = sampled.model.cross_entropy(valid)
        heard = identify(own, tokenizer, identifier)
        if language in identifier.languages and len(heard):
            rightly = float(np.mean(heard == language))
            found[f"task_identified_{side}"] = rightly
            if rightly < RELIABLE:
                notes.append(
                    f"only {100 * rightly:.0f}% of the task's own {side} is identified as {language}: "
                    "identified shares and domains mean little"
                )
            found |= _domain(own[heard == language], language, side, sampled, tokenizer.vocabulary, notes)
    found["ngram_pieces"] = sampled.model_pieces
    return found, notes


def _identified(task: Task, sampled: _Sampled, identifier: Identifier, notes: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"identified_windows": len(sampled.languages)}
    unknown = [language for language in (task.source, task.target) if language not in identifier.languages]
    if unknown:
        notes.append(f"language identification does not know {' and '.join(unknown)}")
        return found
    heard = described(shares(sampled.languages), task.source, task.target)
    return found | {f"identified_{key}": value for key, value in heard.items()}


def _overlap(own: np.ndarray, mixture: np.ndarray, side: str, vocabulary: int) -> dict[str, Any]:
    """Divergence from the mixture, and that of two samples of the task, all of one size."""
    size = min(len(own) // 2, len(mixture))
    every_other = own[: 2 * size : 2], own[1 : 2 * size : 2]
    theirs = mixture[np.arange(size) * len(mixture) // max(1, size)]
    found: dict[str, Any] = {f"js_windows_{side}": size}
    for name, order in ORDERS.items():
        first, second, other = (ngrams(rows, order, vocabulary) for rows in (*every_other, theirs))
        found[f"js_{name}_{side}"] = divergence(first, other)
        found[f"js_{name}_{side}_floor"] = divergence(first, second)
    return found


def _domain(
    own: np.ndarray, language: str, side: str, sampled: _Sampled, vocabulary: int, notes: list[str]
) -> dict[str, Any]:
    """Domain distance from the mixture's text of the same language, both sides as identified."""
    theirs = sampled.windows[sampled.languages == language]
    size = min(len(own), len(theirs), DOMAIN_WINDOWS)
    if size < max(LEAST_DOMAIN_WINDOWS, 2 * FOLDS):
        notes.append(
            f"domain distance of the {side} needs {LEAST_DOMAIN_WINDOWS} windows in {language}: the sample "
            f"of the mixture has {len(theirs)}, that of the task {len(own)}"
        )
        return {f"domain_windows_{side}": size}
    own, theirs = (rows[np.arange(size) * len(rows) // size] for rows in (own, theirs))
    measured = domain_distance(theirs, own, vocabulary)
    return {
        f"domain_distance_{side}": measured.distance,
        f"domain_error_{side}": measured.error,
        f"domain_windows_{side}": size,
    }


def _plain(value: Any) -> Any:
    """As JSON keeps it; sums in another order differ in the last of 17 digits."""
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value
