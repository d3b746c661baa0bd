"""The end of the corpora stage: test text is taken out of training and validation text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from downlaw.files import read_json, sha256_of_file, write_json

from . import overlap
from .errors import CorpusError
from .examples import EXAMPLES, KEPT, Examples
from .examples_page import write_examples
from .manifest import Counts
from .segments import SPLITS, RowWriter, languages_of, row_batches

OVERLAPS = "overlaps_test"
CHECKED = ("train", "valid")


def decontaminate_part(
    split_folder: Path, tests: Mapping[str, Path], output: Path, seed: int = 1, left: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Take test text out of the training and validation text that `split_part` wrote in `split_folder`.

    Text passes batch by batch; test text is held as hashes. Beside the three tables and `manifest.json` a
    page of examples shows what each filter dropped.

    Args:
        tests: the test tables of all tasks, by corpus and part (`ui/de-en`).
        output: the folder for what is made.
        seed: chooses the examples.
        left: splits of which nothing is removed, to see what overlap does.

    Returns:
        the manifest.

    Raises:
        CorpusError: where no training text is left.
    """
    manifest = read_json(split_folder / "split.json")
    languages = tuple(manifest["languages"])
    examples = Examples(seed)
    examples.merge(read_json(split_folder / EXAMPLES))
    check = overlap.Decontamination(languages, _sets(tests), CHECKED, left)
    counts = {split: Counts(languages) for split in SPLITS}
    gone = 0
    made = {split: output / f"{split}.parquet" for split in SPLITS}
    for split in SPLITS:
        with RowWriter(made[split], languages) as writer:
            for rows in row_batches(split_folder / f"{split}.parquet"):
                goes = [False] * len(rows)
                if split in CHECKED:
                    goes = check.scan(split, [row.texts for row in rows]).tolist()
                for row, leaves in zip(rows, goes, strict=True):
                    if leaves:
                        gone += 1
                        examples.show(OVERLAPS, row.texts)
                    else:
                        writer.add(row)
                        counts[split].add(row)
                        examples.show(KEPT, row.texts)
            if split == "train" and not writer.added and gone:
                corpus, part = manifest["corpus"], manifest["part"]
                raise CorpusError(f"corpora.{corpus}: all training text for {part} overlaps with test text")
    manifest["dropped"][OVERLAPS] = gone
    manifest["splits"] = {split: counts[split].describe() for split in SPLITS}
    kept = sum(about["segments"] for about in manifest["splits"].values())
    judged = max(1, kept + sum(manifest["dropped"].values()))
    manifest["drop_rates"] = {name: round(count / judged, 6) for name, count in manifest["dropped"].items()}
    manifest["overlap"] = check.report()
    if left:
        manifest["overlap_left_in"] = list(left)
    title = f"{manifest['corpus']}, {manifest['part']}: what was kept and what was dropped"
    write_examples(output / "examples.html", title, {KEPT: kept, **manifest["dropped"]}, examples, languages)
    manifest["outputs"] = {path.name: sha256_of_file(path) for path in made.values()}
    write_json(output / "manifest.json", manifest)
    return manifest


def _sets(tests: Mapping[str, Path]) -> dict[str, list[overlap.TestSet]]:
    sets: dict[str, list[overlap.TestSet]] = {}
    for name in sorted(tests):
        languages = languages_of(tests[name])
        texts: list[list[str]] = [[] for _ in languages]
        for rows in row_batches(tests[name]):
            for row in rows:
                for side, text in enumerate(row.texts):
                    texts[side].append(text)
        for side, language in enumerate(languages):
            sets.setdefault(language, []).append(overlap.test_set(name, texts[side]))
    return sets
