"""Mixtures of text as blocks that fairseq reads: to train on, and to measure losses on."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from downlaw.corpora.mixing import SizeError, alignment_score, holds, interleave
from downlaw.engine.mmap import index_of, write_dataset
from downlaw.engine.view import View, view_files, write_view
from downlaw.files import read_json, sha256_of_file, write_aside, write_json
from downlaw.pools import make_pool
from downlaw.study import LmStudy, Study
from downlaw.study.task import Task
from downlaw.study.training import Mixture

Text = Mapping[tuple[str, str], Path]
"""The parquet file of each (corpus, language)."""


def read_mixture(folder: Path) -> View:
    """The blocks of a mixture in the order in which trainings read them, each of shape (pieces,).

    Raises:
        ViewError: where a pool is missing or was cut short.
    """
    return View(folder / "train")


def write_mixture(
    name: str, study: Study | LmStudy, pools: Sequence[Path], dictionary: Path, folder: Path
) -> dict[str, Any]:
    """Interleave pools to a mixture, as a view in `folder`, and say what it holds.

    Every item is one block of as many pieces of one component as the study's `block_layout` says, and there
    are whole updates of them, so that tokens seen are counted to the piece.

    Args:
        pools: the pool (`.bin`, with its record beside it) of each component, in the order of the study file.
        dictionary: fairseq's `dict.txt`, copied beside the view.

    Returns:
        the manifest, also written to `folder`/manifest.json. Its `sha256` are those of the mixture as a
        dataset of fairseq's own: what is trained on it does not depend on where its blocks lie.

    Raises:
        SizeError: where the mixture does not fill one update.
    """
    mixture, layout = study.mixtures[name], study.block_layout
    records = [read_json(pool.with_suffix(".json")) for pool in pools]
    limit = mixture.max_tokens // layout.pieces if mixture.max_tokens else None
    order = _order(mixture, records, limit)
    order = order[: len(order) // layout.per_update * layout.per_update]
    if not len(order):
        raise SizeError(
            f"mixtures.{name}: its text does not fill one update of "
            f"{layout.per_update * layout.pieces:,} tokens"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_view(folder / "train", list(zip(pools, records, strict=True)), order)
    copy(dictionary, folder / "dict.txt")
    view = View(folder / "train")
    manifest = {
        "mixture": name,
        **_describe(mixture, records, order),
        "tasks": describe_mixture(mixture, study.tasks) if isinstance(study, Study) else {},
        "vocabulary": records[0]["vocabulary"],
        "sha256": _hashes(view),
        "view": {path.name: sha256_of_file(path) for path in view_files(folder / "train")},
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def _order(mixture: Mixture, records: Sequence[Mapping[str, Any]], limit: int | None) -> np.ndarray:
    shares = [share for *_, share in mixture.components()]
    return interleave([record["blocks"] for record in records], shares, limit)


def _describe(mixture: Mixture, records: Sequence[Mapping[str, Any]], order: np.ndarray) -> dict[str, Any]:
    """Tokens in all, taken of each component, and there to be taken."""
    names = [f"{corpus}.{language}" for corpus, language, _ in mixture.components()]
    pieces = records[0]["pieces"]
    taken = np.bincount(order, minlength=len(names))
    return {
        "tokens": len(order) * pieces,
        "blocks": len(order),
        "tokens_by_component": {name: int(count) * pieces for name, count in zip(names, taken, strict=True)},
        "tokens_available": {
            name: record["blocks"] * pieces for name, record in zip(names, records, strict=True)
        },
    }


def _hashes(view: View) -> dict[str, str]:
    data, index = hashlib.sha256(), hashlib.sha256()
    for run in view.runs():
        data.update(run.tobytes())
    for part in index_of(np.full(len(view), view.pieces, np.int32), view.type):
        index.update(part)
    return {"bin": data.hexdigest(), "idx": index.hexdigest()}


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
    mixture, layout = study.evaluation_sets[name], study.block_layout
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".pools-") as aside:
        pools = []
        for index, (corpus, language, _) in enumerate(mixture.components()):
            prefix, path = Path(aside) / f"{index}", text[corpus, language]
            record = make_pool(path, language, model, (), layout, study.seed + index, prefix)
            pools.append((prefix.with_suffix(".bin"), record))
        records = [record for _, record in pools]
        order = _order(mixture, records, study.evaluate.sequences)
        if len(order) < 2:
            section = "mixtures" if name in study.mixtures else "evaluate.sets"
            raise SizeError(
                f"{section}.{name}: its held-out text does not fill two sequences of {layout.pieces} "
                "pieces; give it more text, or raise split.test"
            )
        write_view(Path(aside) / "set", pools, order)
        view = View(Path(aside) / "set")
        write_dataset(folder / "test", view, view.type)
    manifest = {
        "set": name,
        **_describe(mixture, records, order),
        "vocabulary": records[0]["vocabulary"],
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
