"""Mixtures of text as blocks that fairseq reads: to train on, and to measure losses on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from downlaw.corpora.mixing import SizeError, alignment_score, blocks, holds, interleave
from downlaw.corpora.segments import read_text
from downlaw.corpora.tokenizer import EOS, Tokenizer
from downlaw.engine.mmap import id_type, write_dataset
from downlaw.files import sha256_of_file, write_aside, write_json
from downlaw.study import LmStudy, Study
from downlaw.study.training import Mixture, Task

Text = Mapping[tuple[str, str], Path]
"""The parquet file of each (corpus, language)."""


@dataclass(frozen=True)
class _Mixed:
    """Blocks of every component, each of shape (blocks, pieces), and which of them comes when."""

    names: list[str]
    parts: list[np.ndarray]
    order: np.ndarray

    def items(self) -> Iterator[np.ndarray]:
        within = np.empty(len(self.order), dtype=np.int64)
        for index in range(len(self.parts)):
            here = self.order == index
            within[here] = np.arange(here.sum())
        for component, row in zip(self.order, within, strict=True):
            yield self.parts[component][row]

    def describe(self) -> dict[str, Any]:
        """Tokens in all, taken of each component, and there to be taken."""
        pieces = self.parts[0].shape[1]
        return {
            "tokens": len(self.order) * pieces,
            "blocks": len(self.order),
            "tokens_by_component": {
                name: int((self.order == index).sum()) * pieces for index, name in enumerate(self.names)
            },
            "tokens_available": {
                name: len(part) * pieces for name, part in zip(self.names, self.parts, strict=True)
            },
        }


def _mix(
    mixture: Mixture, text: Text, tokenizer: Tokenizer, study: Study | LmStudy, limit: int | None
) -> _Mixed:
    layout, components = study.block_layout, mixture.components()
    parts = [
        blocks(
            _units(text[corpus, language], language, tokenizer, layout.documents),
            layout.pieces,
            seed=study.seed + index,
        )
        for index, (corpus, language, _) in enumerate(components)
    ]
    order = interleave([len(part) for part in parts], [share for *_, share in components], limit)
    return _Mixed([f"{corpus}.{language}" for corpus, language, _ in components], parts, order)


def _units(path: Path, language: str, tokenizer: Tokenizer, documents: bool) -> Sequence[np.ndarray]:
    """What is shuffled: segments, or whole documents with their end mark."""
    segments = tokenizer.encode(read_text(path, language))
    if not documents:
        return segments
    end = np.array([EOS], dtype=np.int32)
    rows: dict[str, list[np.ndarray]] = {}
    for document, ids in zip(read_text(path, "document"), segments, strict=True):
        rows.setdefault(document, []).append(ids)
    return [np.concatenate([*each, end]) for each in rows.values()]


def write_mixture(
    name: str, study: Study | LmStudy, text: Text, model: Path, dictionary: Path, folder: Path
) -> dict[str, Any]:
    """Tokenize, shuffle and interleave a mixture into `folder`/train.{bin,idx}, and say what it holds.

    Every item is one block of as many pieces of one component as the study's `block_layout` says, and there
    are whole updates of them, so that tokens seen are counted to the piece.

    Args:
        text: the training parquet of each (corpus, language).
        model: the SentencePiece model.
        dictionary: fairseq's `dict.txt`, copied beside the data.

    Returns:
        the manifest, also written to `folder`/manifest.json.

    Raises:
        SizeError: where the mixture does not fill one update.
    """
    mixture, layout = study.mixtures[name], study.block_layout
    tokenizer = Tokenizer(model)
    limit = mixture.max_tokens // layout.pieces if mixture.max_tokens else None
    mixed = _mix(mixture, text, tokenizer, study, limit)
    whole = len(mixed.order) // layout.per_update * layout.per_update
    if not whole:
        raise SizeError(
            f"mixtures.{name}: its text does not fill one update of "
            f"{layout.per_update * layout.pieces:,} tokens"
        )
    mixed = _Mixed(mixed.names, mixed.parts, mixed.order[:whole])
    write_dataset(folder / "train", mixed.items(), id_type(tokenizer.vocabulary))
    copy(dictionary, folder / "dict.txt")
    manifest = {
        "mixture": name,
        **mixed.describe(),
        "tasks": describe_mixture(mixture, study.tasks) if isinstance(study, Study) else {},
        "vocabulary": tokenizer.vocabulary,
        "sha256": {end: sha256_of_file(folder / f"train.{end}") for end in ("bin", "idx")},
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def write_evaluation_set(name: str, study: LmStudy, text: Text, model: Path, folder: Path) -> dict[str, Any]:
    """The first blocks of a mixture's held-out text as `folder`/test.{bin,idx}, and what they hold.

    Args:
        text: the test parquet of each (corpus, language).
        model: the SentencePiece model.

    Returns:
        the manifest, also written to `folder`/manifest.json.

    Raises:
        SizeError: where the held-out text does not fill two sequences.
    """
    mixture = study.evaluation_sets[name]
    tokenizer = Tokenizer(model)
    mixed = _mix(mixture, text, tokenizer, study, study.evaluate.sequences)
    if len(mixed.order) < 2:
        section = "mixtures" if name in study.mixtures else "evaluate.sets"
        raise SizeError(
            f"{section}.{name}: its held-out text does not fill two sequences of {study.block_layout.pieces} "
            "pieces; give it more text, or raise split.test"
        )
    write_dataset(folder / "test", mixed.items(), id_type(tokenizer.vocabulary))
    manifest = {
        "set": name,
        **mixed.describe(),
        "vocabulary": tokenizer.vocabulary,
        "sha256": {end: sha256_of_file(folder / f"test.{end}") for end in ("bin", "idx")},
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def describe_mixture(mixture: Mixture, tasks: Mapping[str, Task]) -> dict[str, Any]:
    """What a mixture holds of each task's languages, and its alignment score (Isik et al. 2024, Eq. 2)."""
    shares = mixture.language_shares()
    return {
        name: {
            "holds": holds(shares, task.source, task.target),
            "alignment_score": alignment_score(shares, task.source, task.target),
        }
        for name, task in tasks.items()
    }


def copy(source: Path, destination: Path) -> None:
    """A copy that is whole or not there."""
    with write_aside(destination) as aside:
        aside.write_bytes(source.read_bytes())
