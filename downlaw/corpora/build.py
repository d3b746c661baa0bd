"""The corpora stage: text of one part of a corpus, cleaned and split by document.

A part is a language (`en`) or a sorted pair of them (`de-en`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from downlaw.files import write_json
from downlaw.study import LmStudy, Study

from .cleaned import Cleaned, clean_part
from .divide import Division
from .errors import CorpusError
from .examples import EXAMPLES, Examples
from .manifest import Counts
from .needs import needed_splits, tests_on
from .segments import SPLITS, RowWriter, Source
from .split import Assignment

Progress = Callable[[str], object]


def split_part(
    study: Study | LmStudy,
    corpus: str,
    part: str,
    fetched: Path,
    output: Path,
    cleaned: Sequence[Path] = (),
    earlier: Sequence[Path] = (),
    progress: Progress = lambda line: None,
) -> dict[str, Any]:
    """Divide `part` of a corpus into splits, without repeats; extract and clean it first where no job has.

    Memory is bounded by a batch of segments, the names of a million documents a source, and 8 bytes for
    each further one. Writes `train.parquet`, `valid.parquet`, `test.parquet` and `split.json` in the
    folder `output`.

    Args:
        fetched: the folder of what was fetched, to extract and clean all of the part here.
        cleaned: folders that `clean_part` filled with the shares of the part, if that is done.
        earlier: where near-duplicates go, what this function made of corpora whose text stays.

    Returns:
        the content of `split.json`.

    Raises:
        CorpusError: for text that cannot be read, or where nothing is left; names the key or the file.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".split-") as aside:
        work = Path(aside)
        if not cleaned:
            clean_part(study, corpus, part, fetched, work / "cleaned", progress=progress)
            cleaned = [work / "cleaned"]
        shards = [Cleaned.read(folder) for folder in cleaned]
        return _divide(study, corpus, part, shards, earlier, work, output)


def _divide(
    study: Study | LmStudy,
    corpus: str,
    part: str,
    shards: Sequence[Cleaned],
    earlier: Sequence[Path],
    work: Path,
    output: Path,
) -> dict[str, Any]:
    sources: dict[int, Source] = {}
    for shard in shards:
        sources |= shard.documents()
    about = {source["number"]: source for shard in shards for source in shard.sources}
    by_name = {number for number, source in about.items() if source["split_by_name"]}
    assignment = Assignment(sources, by_name, study.split, study.seed)
    division = Division(shards, assignment, work, study.cleaning.near_duplicates, earlier)
    languages = shards[0].languages
    counts = [Counts(languages) for _ in SPLITS]
    by_source = {number: [0] * len(SPLITS) for number in about}
    examples = Examples(study.seed)
    for shard in shards:
        examples.merge(shard.examples)
    made = work / "made"
    with ExitStack() as stack:
        writers = [stack.enter_context(RowWriter(made / f"{split}.parquet", languages)) for split in SPLITS]
        for source, split, row in division.rows(examples.show):
            writers[split].add(row)
            counts[split].add(row)
            by_source[source][split] += 1
    dropped: dict[str, int] = {}
    for shard in shards:
        dropped = {key: dropped.get(key, 0) + count for key, count in shard.dropped.items()}
    dropped |= division.dropped()
    read = sum(source["segments"] for source in about.values())
    _require_text(
        study, corpus, part, read, {split: counts[i].segments for i, split in enumerate(SPLITS)}, dropped
    )
    result = {
        "corpus": corpus,
        "part": part,
        "languages": list(languages),
        "sources": [_source(about[number], by_source[number]) for number in sorted(about)],
        "dropped": dropped,
        "splits": {split: counts[index].describe() for index, split in enumerate(SPLITS)},
    }
    output.mkdir(parents=True, exist_ok=True)
    division.save_signatures(output)
    for split in SPLITS:
        os.replace(made / f"{split}.parquet", output / f"{split}.parquet")
    write_json(output / EXAMPLES, examples.record())
    write_json(output / "split.json", result)
    return result


def _source(about: Mapping[str, Any], by_split: Sequence[int]) -> dict[str, Any]:
    counted = {key: about[key] for key in ("documents", "segments", "cleaned")}
    return {**about["record"], **counted, "splits": dict(zip(SPLITS, by_split, strict=True))}


def _require_text(
    study: Study | LmStudy,
    corpus: str,
    part: str,
    read: int,
    left: Mapping[str, int],
    dropped: Mapping[str, int],
) -> None:
    key = ", ".join([f"corpora.{corpus}", *tests_on(study, corpus, part)])
    if not read:
        raise CorpusError(f"{key}: there is no text for {part} in this corpus")
    for split in needed_splits(study, corpus, part):
        if not left[split]:
            drops = ", ".join(f"{name} {count:,}" for name, count in dropped.items() if count)
            raise CorpusError(
                f"{key}: no {split} text for {part} after cleaning and splitting: "
                f"{read:,} segments were read; dropped: {drops or 'none'}"
            )
