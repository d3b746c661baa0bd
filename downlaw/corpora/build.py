"""The corpora stage: text of one part of a corpus, split by document, then freed of test text.

A part is a language (`en`) or a sorted pair of them (`de-en`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from downlaw.files import read_json, sha256_of_file, write_json
from downlaw.study import Study

from . import overlap
from .clean import clean
from .errors import CorpusError
from .manifest import counts
from .needs import tests_on
from .segments import SPLITS, Row, Segment, Source, read_rows, write_rows
from .sources.registry import source_of
from .split import assign_all, divide

Progress = Callable[[str], object]


def split_part(
    study: Study, corpus: str, part: str, fetched: Path, output: Path, progress: Progress = lambda line: None
) -> dict[str, Any]:
    """Extract, clean and split `part` of a corpus.

    Reads what was fetched to the folder `fetched`, or the user's files, and writes `train.parquet`,
    `valid.parquet`, `test.parquet` and `split.json` in the folder `output`; returns the content of the last.

    Raises:
        CorpusError: for text that cannot be read, or where nothing is left; names the key or the file.
    """
    languages = tuple(part.split("-"))
    sources: list[Source] = []
    records: list[dict[str, Any]] = []
    kept: list[Segment] = []
    dropped: dict[str, int] = {}
    section = study.corpora[corpus]
    for source, record in source_of(section).documents(corpus, section, languages, fetched):
        progress(f"{source.name}: {len(source.segments):,} segments to clean")
        cleaned, drops = clean(source.segments, languages, study.cleaning, study.languages)
        record |= {"documents": len(source.sizes), "segments": len(source.segments), "cleaned": len(cleaned)}
        source.segments.clear()
        sources.append(source)
        records.append(record)
        kept += cleaned
        dropped = {key: dropped.get(key, 0) + count for key, count in drops.items()}
    assigned = assign_all(sources, study.split, study.seed)
    pools, drops = divide(kept, assigned)
    dropped |= drops
    _require_text(study, corpus, part, records, pools, dropped)
    _count_by_source(records, sources, pools)
    result = {
        "corpus": corpus,
        "part": part,
        "languages": list(languages),
        "sources": records,
        "dropped": dropped,
        "splits": {split: counts(pools[split], languages) for split in SPLITS},
    }
    for split in SPLITS:
        write_rows(output / f"{split}.parquet", languages, pools[split])
    write_json(output / "split.json", result)
    return result


def _require_text(
    study: Study,
    corpus: str,
    part: str,
    records: Sequence[Mapping[str, Any]],
    pools: Mapping[str, list[Row]],
    dropped: Mapping[str, int],
) -> None:
    tests = tests_on(study, corpus, part)
    key = ", ".join([f"corpora.{corpus}", *tests])
    read = sum(record["segments"] for record in records)
    if not read:
        raise CorpusError(f"{key}: there is no text for {part} in this corpus")
    wanted = ("train", "test") if tests else ("train",)
    for split in wanted:
        if not pools[split]:
            drops = ", ".join(f"{name} {count:,}" for name, count in dropped.items() if count)
            raise CorpusError(
                f"{key}: no {split} text for {part} after cleaning and splitting: "
                f"{read:,} segments were read; dropped: {drops or 'none'}"
            )


def _count_by_source(
    records: Sequence[dict[str, Any]], sources: Sequence[Source], pools: Mapping[str, list[Row]]
) -> None:
    owner = {name: record for source, record in zip(sources, records, strict=True) for name in source.sizes}
    for record in records:
        record["splits"] = dict.fromkeys(SPLITS, 0)
    for split, rows in pools.items():
        for row in rows:
            owner[row.document]["splits"][split] += 1


def decontaminate_part(split_folder: Path, tests: Mapping[str, Path], output: Path) -> dict[str, Any]:
    """Take test text out of the training and validation text that `split_part` wrote in `split_folder`.

    Args:
        tests: the test tables of all tasks, by corpus and part (`ui/de-en`).
        output: the folder for the three tables and `manifest.json`.

    Returns:
        the manifest.

    Raises:
        CorpusError: where no training text is left.
    """
    manifest = read_json(split_folder / "split.json")
    languages = tuple(manifest["languages"])
    pools = {split: read_rows(split_folder / f"{split}.parquet")[1] for split in SPLITS}
    held_out = ("train", "valid")
    kept, report = overlap.decontaminate({split: pools[split] for split in held_out}, languages, _sets(tests))
    if not kept["train"]:
        raise CorpusError(
            f"corpora.{manifest['corpus']}: all training text for {manifest['part']} overlaps with test text"
        )
    manifest["dropped"]["overlaps_test"] = sum(len(pools[split]) - len(kept[split]) for split in held_out)
    kept["test"] = pools["test"]
    for split in SPLITS:
        write_rows(output / f"{split}.parquet", languages, kept[split])
    manifest["splits"] = {split: counts(kept[split], languages) for split in SPLITS}
    manifest["overlap"] = report
    manifest["outputs"] = {
        f"{split}.parquet": sha256_of_file(output / f"{split}.parquet") for split in SPLITS
    }
    write_json(output / "manifest.json", manifest)
    return manifest


def _sets(tests: Mapping[str, Path]) -> dict[str, list[overlap.TestSet]]:
    sets: dict[str, list[overlap.TestSet]] = {}
    for name in sorted(tests):
        languages, rows = read_rows(tests[name])
        for side, language in enumerate(languages):
            texts = [row.texts[side] for row in rows]
            sets.setdefault(language, []).append(overlap.test_set(name, texts))
    return sets
