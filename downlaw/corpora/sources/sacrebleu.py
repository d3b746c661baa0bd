"""Test sets by sacrebleu's names: sacrebleu knows and reads them, the download and the hashes are ours.

sacrebleu's own download ends the process where a hash differs, and unpacks archives wherever they say.
"""

from __future__ import annotations

import copy
import hashlib
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from downlaw.console import say
from downlaw.files import digest
from downlaw.study.base import nearest
from downlaw.study.sources.sacrebleu import SacrebleuCorpus, TestSet, TestSetPin

from ..errors import CorpusError
from ..segments import Source
from .archives import copy_members, is_archive, readable, within
from .artifact import Artifact
from .download import check_hashes, download
from .records import DOCUMENT_LINES, FrameWriter, describe, is_made_as, read_pairs, seal


def set_name(pin: TestSetPin) -> str:
    """The file name under which a test set is kept."""
    name = f"{pin.name.replace('/', '_')}-{'-'.join(pin.languages)}"
    return f"{name}-{digest(pin.model_dump())}.jsonl.zst"


def sets_of(corpus: SacrebleuCorpus, part: str) -> list[tuple[int, TestSet]]:
    """(index in the config, entry) of the test sets with text of a part, in either direction."""
    wanted = set(part.split("-"))
    return [(index, each) for index, each in enumerate(corpus.sets) if set(each.languages) == wanted]


def artifacts(corpus: SacrebleuCorpus, key: str, part: str) -> list[Artifact]:
    """The test sets that have text of a part."""
    return [
        Artifact("sacrebleu", set_name(each.pin()), f"{key}.sets[{index}]", each.pin())
        for index, each in sets_of(corpus, part)
    ]


def identity(corpus: SacrebleuCorpus, part: str) -> list[dict[str, Any]]:
    """What of the study file decides the text of a part."""
    return [each.model_dump() for _, each in sets_of(corpus, part)]


def documents(
    name: str, corpus: SacrebleuCorpus, languages: tuple[str, ...], folder: Path
) -> Iterator[tuple[Source, Callable[[], dict[str, Any]]]]:
    """The text of each test set, all of it in one split, and a function that gives its record.

    Raises:
        CorpusError: for a test set that is missing or damaged.
    """
    for _, each in sets_of(corpus, "-".join(languages)):
        path = folder / set_name(each.pin())
        source = Source(f"{each.name} {'-'.join(each.languages)}", split=each.split)
        source.segments = read_pairs(path, source, languages)
        yield source, partial(describe, path, source.name, each.licence)


def fetch(artifact: Artifact, destination: Path) -> bool:
    """Download a test set and keep source and first reference at `destination`, unless they are there.

    Returns:
        whether anything was fetched.

    Raises:
        CorpusError: for a name or direction that sacrebleu does not know, a server that does not answer, or
            another hash; names the key.
    """
    pin, key = artifact.entry, artifact.key
    assert isinstance(pin, TestSetPin)
    made = {"set": pin.name, "languages": list(pin.languages)}
    if is_made_as(destination, made):
        return False
    dataset = _dataset(pin, key)
    aside = destination.with_name(f".{destination.name}.part")
    raw = aside / "raw"
    # What these say on the class is fixed when sacrebleu is imported, to a folder that all studies share.
    dataset._outdir, dataset._rawdir = str(aside), str(raw)
    files = [raw / dataset._get_tarball_filename(url) for url in dataset.data]
    found = [
        download(url, path, key, f"{pin.name} of sacrebleu")
        for url, path in zip(dataset.data, files, strict=True)
    ]
    try:
        _check_md5(dataset, files, key)
        if warning := check_hashes(found, pin.sha256, key, pin.name):
            say(warning)
        header = made | {"urls": dataset.data, "sha256_of_downloads": found}
        header |= _write(dataset, files, pin, key, aside)
        seal(aside / "text.zst", header, destination)
    finally:
        shutil.rmtree(aside, ignore_errors=True)  # what is damaged or not as pinned is downloaded anew
    return True


def _dataset(pin: TestSetPin, key: str) -> Any:
    from sacrebleu.dataset import DATASETS

    if pin.name not in DATASETS:
        raise CorpusError(f"{key}.name: sacrebleu has no test set {pin.name}{nearest(pin.name, DATASETS)}")
    dataset = copy.copy(DATASETS[pin.name])
    if "-".join(pin.languages) not in dataset.langpairs:
        raise CorpusError(
            f"{key}.languages: {pin.name} has no {'-'.join(pin.languages)}; it has "
            f"{', '.join(sorted(dataset.langpairs))}"
        )
    return dataset


def _check_md5(dataset: Any, files: list[Path], key: str) -> None:
    for path, expected in zip(files, dataset.md5 or [None] * len(files), strict=True):
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
        if expected and found != expected:
            raise CorpusError(
                f"{key}: {dataset.name}: what was downloaded has MD5 {found}, sacrebleu says {expected}; run "
                "again, or report it if it stays so"
            )


def _write(dataset: Any, files: list[Path], pin: TestSetPin, key: str, aside: Path) -> dict[str, int]:
    where, pair = f"{key}: {pin.name}", "-".join(pin.languages)
    for path in files:
        if path.name.endswith((".tgz", ".tar.gz", ".zip")):
            with readable(where):
                if not is_archive(path):
                    raise CorpusError(f"{where}: damaged (no zip or tar); run again to download it anew")
            copy_members(path, partial(within, path.parent, where=where), where)
    try:
        source, references = dataset.get_source_file(pair), dataset.get_reference_files(pair)
        fields = dict(zip(dataset.fieldnames(pair), dataset.get_files(pair), strict=True))
        columns = [_lines(source), _lines(references[0])]
        names = _lines(fields["docid"]) if "docid" in fields else None
    except Exception as error:  # sacrebleu reads many formats, and raises whatever it meets
        raise CorpusError(
            f"{where}: sacrebleu cannot read it ({type(error).__name__}: {error}); run again"
        ) from None
    if len(columns[0]) != len(columns[1]) or not columns[0]:
        raise CorpusError(f"{where}: {len(columns[0])} lines of source and {len(columns[1])} of reference")
    names = names or [f"{number // DOCUMENT_LINES + 1:05d}" for number in range(len(columns[0]))]
    with FrameWriter(aside / "text.zst") as frames:
        for name, *texts in zip(names, *columns, strict=True):
            if frames.add(f"{pin.name}/{name}", *texts):
                frames.end_frame()
        frames.end_frame()
    return {"fetched_pairs": len(columns[0]), "references": len(references)}


def _lines(path: str) -> list[str]:
    text = Path(path).read_text(encoding="utf-8")
    return [line.strip() for line in text.removesuffix("\n").split("\n")]
