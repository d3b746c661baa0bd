"""Pools: text of one corpus and language, tokenized, shuffled and cut into blocks that mixtures read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.segments import BATCH_ROWS, open_table
from downlaw.corpora.shuffle import Units, cut, shuffled
from downlaw.corpora.tokenizer import EOS, Tokenizer
from downlaw.engine.mmap import id_type
from downlaw.files import read_json, sha256_of_file, write_aside, write_json
from downlaw.study.shared import BlockLayout

IDS, LENGTHS, BEGINNINGS, RECORD = "ids.bin", "lengths.i32", "beginnings.u8", "tokens.json"
"""Tokenized text: ids of all segments, how many each has, and whether it begins a document."""


def tokenize(
    text: Path, language: str, model: Path, folder: Path, share: tuple[int, int] = (0, 1)
) -> dict[str, Any]:
    """Tokenize a share of the training text of a language into `folder`, a batch at a time.

    Args:
        text: a parquet table of the corpora stage.
        model: the SentencePiece model.
        share: (k, n): the k-th of n runs of the table's row groups.

    Returns:
        the content of `tokens.json`: segments, tokens, the documents it begins and ends with, and hashes.
    """
    tokenizer = Tokenizer(model)
    dtype = id_type(tokenizer.vocabulary)
    folder.mkdir(parents=True, exist_ok=True)
    first = last = None
    segments = tokens = 0
    with (
        write_aside(folder / IDS) as ids_path,
        write_aside(folder / LENGTHS) as lengths_path,
        write_aside(folder / BEGINNINGS) as beginnings_path,
        ids_path.open("wb") as ids_file,
        lengths_path.open("wb") as lengths_file,
        beginnings_path.open("wb") as beginnings_file,
    ):
        for documents, sentences in _read(text, language, share):
            ids, lengths = tokenizer.encode_flat(sentences)
            ids_file.write(ids.astype(dtype).tobytes())
            lengths_file.write(lengths.astype(np.int32).tobytes())
            before = [last, *documents[:-1]]
            begins = [document != other for document, other in zip(documents, before, strict=True)]
            beginnings_file.write(np.array(begins, np.uint8).tobytes())
            first, last = first or documents[0], documents[-1]
            segments, tokens = segments + len(lengths), tokens + len(ids)
    record = {
        "segments": segments,
        "tokens": tokens,
        "vocabulary": tokenizer.vocabulary,
        "first_document": first,
        "last_document": last,
        "sha256": {name: sha256_of_file(folder / name) for name in (IDS, LENGTHS, BEGINNINGS)},
    }
    write_json(folder / RECORD, record)
    return record


def _read(text: Path, language: str, share: tuple[int, int]) -> Iterator[tuple[list[str], list[str]]]:
    with open_table(text) as table:
        groups = np.array_split(np.arange(table.num_row_groups), share[1])[share[0]].tolist()
        for batch in table.iter_batches(BATCH_ROWS, groups, ["document", language], use_threads=False):
            yield batch.column("document").to_pylist(), batch.column(language).to_pylist()


def make_pool(
    text: Path,
    language: str,
    model: Path,
    tokens: Sequence[Path],
    layout: BlockLayout,
    seed: int,
    prefix: Path,
) -> dict[str, Any]:
    """As `write_pool`, of training text that is tokenized here unless `tokens` says where that is done."""
    if tokens:
        return write_pool(tokens, layout, seed, prefix)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=prefix.parent, prefix=".tokens-") as aside:
        tokenize(text, language, model, Path(aside))
        return write_pool([Path(aside)], layout, seed, prefix)


def write_pool(tokens: Sequence[Path], layout: BlockLayout, seed: int, prefix: Path) -> dict[str, Any]:
    """Shuffle tokenized text and cut it into blocks: `prefix`.bin, and what it holds in `prefix`.json.

    Segments are shuffled, or whole documents with their end mark where the layout says so.

    Args:
        tokens: folders that `tokenize` filled, in order.
        prefix: the path of the pool, without its ending.

    Raises:
        CorpusError: for tokenized text that is missing or was cut short; names the folder.
    """
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=prefix.parent, prefix=".pool-") as aside:
        work = Path(aside)
        units, vocabulary = _units(tokens, layout.documents, work / "units")
        dtype = id_type(vocabulary)
        count = 0
        with write_aside(_with(prefix, ".bin")) as data, data.open("wb") as stream:
            for blocks in cut(shuffled(units, work, seed), layout.pieces):
                stream.write(blocks.astype(dtype).tobytes())
                count += len(blocks)
    record = {
        "pieces": layout.pieces,
        "blocks": count,
        "type": dtype.name,
        "vocabulary": vocabulary,
        "sha256": sha256_of_file(_with(prefix, ".bin")),
    }
    write_json(_with(prefix, ".json"), record)
    return record


def _with(prefix: Path, ending: str) -> Path:
    return prefix.with_name(prefix.name + ending)


def _units(tokens: Sequence[Path], documents: bool, folder: Path) -> tuple[Units, int]:
    """What is shuffled, copied out of tokenized text; and the vocabulary."""
    units, last, vocabulary = Units(folder), None, 0
    joiner = _Documents(units)
    for shard in tokens:
        record = read_json(shard / RECORD)
        vocabulary = record["vocabulary"]
        goes_on = record["first_document"] == last
        for ids, lengths, begins in _batches(shard, record):
            if documents:
                begins[0] &= not goes_on
                joiner.add(ids, lengths, begins != 0)
                goes_on = False
            else:
                units.add(ids, lengths)
        last = record["last_document"] or last
    joiner.close()
    return units, vocabulary


class _Documents:
    """Segments joined to documents, each with its end mark; a document may go on in the next batch."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._open: int | None = None  # pieces of the document that has not ended yet

    def add(self, ids: np.ndarray, lengths: np.ndarray, begins: np.ndarray) -> None:
        starts = (np.cumsum(lengths, dtype=np.int64) - lengths)[begins]
        if not len(starts):
            self._open = (self._open or 0) + len(ids)
            self._units.add(ids, np.empty(0, np.int32))
            return
        done = np.diff(starts, prepend=0)
        done[0] += self._open or 0
        ended = starts
        if self._open is None:
            done, ended = done[1:], starts[1:]
        self._units.add(np.insert(ids, ended, EOS), done + 1)
        self._open = len(ids) - int(starts[-1])

    def close(self) -> None:
        if self._open is not None:
            self._units.add(np.array([EOS]), np.array([self._open + 1]))


def _batches(shard: Path, record: dict[str, Any]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    dtype = id_type(record["vocabulary"])
    expected = {
        IDS: record["tokens"] * dtype.itemsize,
        LENGTHS: record["segments"] * 4,
        BEGINNINGS: record["segments"],
    }
    for name, size in expected.items():
        path = shard / name
        found = path.stat().st_size if path.exists() else None
        if found != size:
            what = "is missing" if found is None else f"holds {found:,} bytes, {RECORD} says {size:,}"
            raise CorpusError(f"{path} {what}: delete {shard} and run again to make it anew")
    with (
        (shard / IDS).open("rb") as a,
        (shard / LENGTHS).open("rb") as b,
        (shard / BEGINNINGS).open("rb") as c,
    ):
        while len(lengths := np.fromfile(b, np.int32, BATCH_ROWS)):
            yield (
                np.fromfile(a, dtype, int(lengths.sum())).astype(np.int32),
                lengths,
                np.fromfile(c, np.uint8, len(lengths)),
            )
