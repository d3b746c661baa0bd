"""Text of one language, streamed from the Hugging Face hub up to a budget of words.

What has come lies in a hidden folder beside the artifact, with a cursor: the data file and row to go on from,
and how long the text is up to there. The cursor is written after the text that it counts, and text after it
is cut off: a fetch that was stopped goes on without a gap or repeat, and ends with the same bytes as another.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from downlaw.console import say
from downlaw.files import digest, read_json, write_json
from downlaw.study.sources.huggingface import HubShard, HuggingfaceCorpus

from ..errors import CorpusError
from ..segments import Segment, Source
from . import hub_files
from .artifact import Artifact
from .records import FrameWriter, describe, is_made_as, read_records, seal

_SAY_SECONDS = 30


def shard_name(shard: HubShard) -> str:
    """The file name under which a shard is kept."""
    short = re.sub(r"[^A-Za-z0-9]+", "-", shard.dataset).strip("-")
    whole = digest(shard.model_dump())
    return f"{short}-{shard.language}-{shard.shard}of{shard.shards}-{whole}.jsonl.zst"


def artifacts(corpus: HuggingfaceCorpus, key: str, part: str) -> list[Artifact]:
    """The shards that have text of a part."""
    return [
        Artifact("huggingface", shard_name(shard), f"{key}.parts[{index}]", shard)
        for index, shard in corpus.shards_of(part)
    ]


def identity(corpus: HuggingfaceCorpus, part: str) -> list[dict[str, Any]]:
    """What of the study file decides the text of a part."""
    return [shard.model_dump() | {"licence": corpus.licence} for _, shard in corpus.shards_of(part)]


def documents(
    name: str, corpus: HuggingfaceCorpus, languages: tuple[str, ...], folder: Path
) -> Iterator[tuple[Source, Callable[[], dict[str, Any]]]]:
    """The text of each shard, a segment a line, and a function that gives its record for the manifest.

    Raises:
        CorpusError: for a shard that is missing or damaged.
    """
    for _, shard in corpus.shards_of("-".join(languages)):
        path = folder / shard_name(shard)
        source = Source(f"{shard.dataset} {shard.language} {shard.shard + 1}/{shard.shards}")
        source.segments = _segments(path, source)
        yield source, partial(describe, path, source.name, corpus.licence)


def _segments(path: Path, source: Source) -> Iterator[Segment]:
    for document, text in read_records(path):
        lines = [line for line in text.split("\n") if line.strip()]
        source.sizes[document] = source.sizes.get(document, 0) + len(lines)
        for line in lines:
            yield Segment((document,), (line,))


def fetch(artifact: Artifact, destination: Path) -> bool:
    """Stream a shard to `destination`, unless it is there; go on from what an earlier call left.

    Returns:
        whether anything was fetched.

    Raises:
        CorpusError: where the hub refuses or stops for good, or its data cannot be read; names the key.
    """
    shard, key = artifact.entry, artifact.key
    assert isinstance(shard, HubShard)
    pin = shard.model_dump()
    if is_made_as(destination, pin):
        return False
    aside = destination.with_name(f".{destination.name}.part")
    try:
        counted = _Fetch(shard, key, aside).run(hub_files.data_files(shard, key, destination.parent))
    except hub_files.Damaged:
        shutil.rmtree(aside, ignore_errors=True)  # records of the damaged file may be in it
        raise
    if not counted["fetched_documents"]:
        raise CorpusError(f"{key}: there is no text in the data files of {shard.dataset}: {shard.files}")
    seal(aside / "text.zst", pin | counted, destination)
    shutil.rmtree(aside, ignore_errors=True)
    return True


class _Fetch:
    """One shard on its way, in the folder `aside`."""

    def __init__(self, shard: HubShard, key: str, aside: Path) -> None:
        self.shard, self.key, self.aside = shard, key, aside
        self.cursor = {"length": 0, "file": 0, "row": 0, "documents": 0, "words": 0}
        self.begun = time.monotonic()
        note = aside / "cursor.json"
        if note.exists() and (aside / "text.zst").exists():
            self.cursor = read_json(note)
            say(f"{key}: goes on after {self.cursor['words']:,} of {shard.max_words:,} words")

    def run(self, files: list[hub_files.HubFile]) -> dict[str, Any]:
        """Fetch what is missing; returns what the whole shard holds."""
        at = self.cursor
        with FrameWriter(self.aside / "text.zst", at["length"]) as frames:
            while at["file"] < len(files) and at["words"] < self.shard.max_words:
                file = files[at["file"]]
                for row, record in hub_files.records(self.shard, file, at["row"], self.key):
                    at["row"] = row + 1
                    text = self._text(record, file, row)
                    if not text.strip():
                        continue
                    at["documents"] += 1
                    at["words"] += len(text.split())
                    if frames.add(self._document(record, file, row), text):
                        self._keep(frames)
                    if at["words"] >= self.shard.max_words:
                        break
                else:
                    at["file"], at["row"] = at["file"] + 1, 0
            at["length"] = frames.end_frame()
        if at["words"] < self.shard.max_words:
            held = f"the data files hold {at['words']:,} words"
            say(f"{self.key}: {held}, {self.shard.max_words:,} are asked for")
        reached = {"file": files[at["file"]].path, "row": at["row"]} if at["file"] < len(files) else None
        return {
            "fetched_documents": at["documents"],
            "fetched_words": at["words"],
            "data_files": len(files),
            "data_files_read_whole": at["file"],
            "stopped_in": reached,
        }

    def _keep(self, frames: FrameWriter) -> None:
        self.cursor["length"] = frames.end_frame()
        write_json(self.aside / "cursor.json", self.cursor)
        if time.monotonic() - self.begun > _SAY_SECONDS:
            self.begun = time.monotonic()
            say(f"{self.key}: {self.cursor['words']:,} of {self.shard.max_words:,} words")

    def _text(self, record: dict[str, Any], file: hub_files.HubFile, row: int) -> str:
        text = self._field(record, "text", self.shard.text, file, row)
        if text is not None and not isinstance(text, str):
            raise CorpusError(
                f"{self.key}: {file.path}: row {row + 1}: field {self.shard.text!r} holds no text"
            )
        return text or ""

    def _document(self, record: dict[str, Any], file: hub_files.HubFile, row: int) -> str:
        name = None
        if self.shard.document:
            name = self._field(record, "document", self.shard.document, file, row)
        return f"{file.path}:{row + 1}" if name in (None, "") else str(name)

    def _field(self, record: dict[str, Any], what: str, field: str, file: hub_files.HubFile, row: int) -> Any:
        if field not in record:
            hint = "; document: null names documents by their row" if what == "document" else ""
            raise CorpusError(
                f"{self.key.rpartition('.')[0]}.{what}: {file.path}: row {row + 1} has no field {field!r}; "
                f"it has {', '.join(sorted(record)) or 'none'}{hint}"
            )
        return record[field]
