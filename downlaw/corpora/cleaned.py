"""Cleaned text on its way to the split: streamed to disk, with the hashes by which repeats are found.

A folder of cleaned text holds `rows.parquet` (documents, texts, hashes), `documents.parquet` (their sizes),
`examples.json` (a sample of what went) and `cleaned.json` (sources, and what each filter dropped).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from downlaw.files import read_json, write_aside, write_json
from downlaw.study import LmStudy, Study

from .clean import clean, masked
from .errors import CorpusError
from .examples import EXAMPLES, KEPT, Examples
from .hashing import hashed
from .segments import BATCH_CHARACTERS, BATCH_ROWS, Segment, Source, open_table
from .sources.registry import source_of
from .split import normalised

Progress = Callable[[str], object]

ROWS, DOCUMENTS, RECORD = "rows.parquet", "documents.parquet", "cleaned.json"

NAMED_DOCUMENTS = 1_000_000
"""The split of a source with more documents goes by a hash of their names, not by their sizes: so many names
are held in memory at most."""


def clean_part(
    study: Study | LmStudy,
    corpus: str,
    part: str,
    fetched: Path,
    output: Path,
    share: tuple[int, int] = (0, 1),
    progress: Progress = lambda line: None,
) -> dict[str, Any]:
    """Extract and clean a share of the sources of a part, in memory bounded by a batch of segments.

    Args:
        fetched: the folder of what was fetched.
        output: the folder that is filled.
        share: (k, n): of the sources in their order, those whose number leaves k when divided by n.

    Returns:
        the content of `cleaned.json`.

    Raises:
        CorpusError: for text that cannot be read; names the key or the file.
    """
    section, languages = study.corpora[corpus], tuple(part.split("-"))
    sources: list[dict[str, Any]] = []
    dropped: dict[str, int] = {}
    examples = Examples(study.seed)
    output.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        rows, documents = (stack.enter_context(write_aside(output / name)) for name in (ROWS, DOCUMENTS))
        with (
            pq.ParquetWriter(rows, _schema(languages), compression="zstd", compression_level=1) as table,
            pq.ParquetWriter(documents, _SIZES) as sizes,
        ):
            everything = source_of(section).documents(corpus, section, languages, fetched)
            for number, (source, record) in enumerate(everything):
                if number % share[1] != share[0]:
                    continue
                said = {"number": number, "name": source.name, "split": source.split}
                said |= {"segments": 0, "cleaned": 0}
                for batch in _batches(source.segments):
                    kept, drops = clean(batch, languages, study.cleaning, study.languages, examples)
                    table.write_table(Batch.of(kept, len(languages)).table(languages))
                    said["segments"] += len(batch)
                    said["cleaned"] += len(kept)
                    dropped = {key: dropped.get(key, 0) + count for key, count in drops.items()}
                    progress(f"{source.name}: {said['segments']:,} segments read, {said['cleaned']:,} kept")
                named = len(source.sizes) <= NAMED_DOCUMENTS
                if named:
                    sizes.write_table(_sizes(number, source.sizes))
                said |= {"documents": len(source.sizes), "split_by_name": not named}
                sources.append(said | {"record": record() if callable(record) else record})
    result = {"languages": list(languages), "sources": sources, "dropped": dropped}
    dropped_ones = {name: found for name, found in examples.record().items() if name != KEPT}
    write_json(output / EXAMPLES, dropped_ones)
    write_json(output / RECORD, result)
    return result


def _batches(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    batch: list[Segment] = []
    characters = 0
    for segment in segments:
        batch.append(segment)
        characters += sum(map(len, segment.texts))
        if len(batch) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


_SIZES = pa.schema([("source", pa.int32()), ("document", pa.string()), ("size", pa.int64())])


def _sizes(source: int, sizes: Mapping[str, int]) -> pa.Table:
    columns = [pa.array([source] * len(sizes), pa.int32()), list(sizes), list(sizes.values())]
    return pa.table(columns, schema=_SIZES)


def _schema(languages: tuple[str, ...]) -> pa.Schema:
    texts = [(language, pa.string()) for language in languages]
    wordings = [(f"wording_{language}", pa.uint64()) for language in languages]
    return pa.schema([("documents", pa.list_(pa.string())), *texts, ("string", pa.uint64()), *wordings])


@dataclass(frozen=True)
class Batch:
    """A few thousand cleaned segments of one source: their documents and texts, the hash of the whole string
    and of the wording of each side (uint64, shape (n,) each)."""

    segments: list[Segment]
    string: np.ndarray
    wordings: list[np.ndarray]

    @classmethod
    def of(cls, segments: list[Segment], sides: int) -> Batch:
        strings = (hashed("\n".join(map(masked, segment.texts))) for segment in segments)
        wordings = [
            np.fromiter((hashed(normalised(each.texts[side])) for each in segments), np.uint64, len(segments))
            for side in range(sides)
        ]
        return cls(segments, np.fromiter(strings, np.uint64, len(segments)), wordings)

    def table(self, languages: tuple[str, ...]) -> pa.Table:
        texts = [[segment.texts[side] for segment in self.segments] for side in range(len(languages))]
        documents = [list(segment.documents) for segment in self.segments]
        return pa.table([documents, *texts, self.string, *self.wordings], schema=_schema(languages))


@dataclass(frozen=True)
class Cleaned:
    """A folder that `clean_part` filled."""

    folder: Path
    languages: tuple[str, ...]
    sources: list[dict[str, Any]]
    dropped: dict[str, int]
    examples: dict[str, list[Any]]

    @classmethod
    def read(cls, folder: Path) -> Cleaned:
        """What lies in a folder.

        Raises:
            CorpusError: where it is not what `clean_part` left there.
        """
        record = read_json(folder / RECORD)
        expected = sum(source["cleaned"] for source in record["sources"])
        try:
            found = pq.read_metadata(folder / ROWS).num_rows
        except (OSError, pa.ArrowException) as error:
            found = str(error).splitlines()[0]
        if found != expected:
            raise CorpusError(
                f"{folder / ROWS}: {expected:,} segments were written, found {found}: delete {folder} and "
                "run again to make it anew"
            )
        return cls(
            folder,
            tuple(record["languages"]),
            record["sources"],
            record["dropped"],
            read_json(folder / EXAMPLES),
        )

    def documents(self) -> dict[int, Source]:
        """The sources by number, with the sizes of their documents and without text; those that go by the
        names of their documents have no sizes."""
        found = {each["number"]: Source(each["name"], split=each["split"]) for each in self.sources}
        table = pq.read_table(self.folder / DOCUMENTS)
        columns = (table.column(name).to_pylist() for name in _SIZES.names)
        for number, document, size in zip(*columns, strict=True):
            found[number].sizes[document] = size
        return found

    def batches(self) -> Iterator[tuple[dict[str, Any], Batch]]:
        """Each source's record with each batch of its text, in order."""
        for source, record in self._records(None):
            yield source, self._batch(record)

    def hashes(self, side: int) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
        """Each source's record with the hashes of the wordings of one side, in the same order and batches."""
        name = f"wording_{self.languages[side]}"
        for source, record in self._records([name]):
            yield source, record.column(name).to_numpy()

    def _records(self, columns: list[str] | None) -> Iterator[tuple[dict[str, Any], pa.RecordBatch]]:
        sources = iter(self.sources)
        source, left = None, 0
        with open_table(self.folder / ROWS) as table:
            for record in table.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
                begin = 0
                while begin < len(record):
                    while not left:
                        source = next(sources)
                        left = source["cleaned"]
                    taken = min(left, len(record) - begin)
                    yield source, record.slice(begin, taken)
                    begin, left = begin + taken, left - taken

    def _batch(self, record: pa.RecordBatch) -> Batch:
        lists = [record.column(name).to_pylist() for name in ("documents", *self.languages)]
        segments = [Segment(tuple(documents), tuple(texts)) for documents, *texts in zip(*lists, strict=True)]
        hashes = [record.column(f"wording_{language}").to_numpy() for language in self.languages]
        return Batch(segments, record.column("string").to_numpy(), hashes)
