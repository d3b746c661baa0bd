"""Parallel text by mtdata's ids: mtdata says where it is and reads it, the download and the hashes are ours.

mtdata's own download goes on unverified where a certificate fails, and unpacks whole archives.
"""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from downlaw.console import say
from downlaw.files import digest, write_aside
from downlaw.study.sources.mtdata import MtdataCorpus, MtdataPin, MtdataSet

from ..errors import CorpusError
from ..segments import Source
from . import mtdata_index
from .archives import copy_members, is_archive, readable
from .artifact import Artifact
from .download import check_hashes, download
from .records import DOCUMENT_LINES, FrameWriter, describe, is_made_as, read_pairs, seal

_ELSEWHERE = {"hfds": "the Hugging Face hub, without a pin", "opus_xces": "OPUS's XML, in three files"}


def set_name(pin: MtdataPin) -> str:
    """The file name under which a data set is kept: that of another hash is another file."""
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', pin.id)}-{digest(pin.model_dump())}.jsonl.zst"


def sets_of(corpus: MtdataCorpus, part: str) -> list[tuple[int, MtdataSet]]:
    """(index in the config, entry) of the data sets with text of a part."""
    wanted = set(part.split("-"))
    return [(index, each) for index, each in enumerate(corpus.datasets) if set(each.languages) == wanted]


def artifacts(corpus: MtdataCorpus, key: str, part: str) -> list[Artifact]:
    """The data sets that have text of a part."""
    return [
        Artifact("mtdata", set_name(each.pin()), f"{key}.datasets[{index}]", each.pin())
        for index, each in sets_of(corpus, part)
    ]


def identity(corpus: MtdataCorpus, part: str) -> list[dict[str, Any]]:
    """What of the study file decides the text of a part."""
    return [each.model_dump() for _, each in sets_of(corpus, part)]


def documents(
    name: str, corpus: MtdataCorpus, languages: tuple[str, ...], folder: Path
) -> Iterator[tuple[Source, Callable[[], dict[str, Any]]]]:
    """The text of each data set, and a function that gives its record for the manifest.

    Raises:
        CorpusError: for a data set that is missing or damaged.
    """
    for _, each in sets_of(corpus, "-".join(languages)):
        path = folder / set_name(each.pin())
        source = Source(each.id, split=each.split)
        source.segments = read_pairs(path, source, languages)
        yield source, partial(describe, path, source.name, each.licence)


def fetch(artifact: Artifact, destination: Path) -> bool:
    """Download a data set and keep its pairs at `destination`, unless they are there.

    A download that was cut short goes on. Members of archives are read one by one, never unpacked.

    Returns:
        whether anything was fetched.

    Raises:
        CorpusError: for an unknown id, a server that does not answer, another hash, or text that cannot be
            read; names the key.
    """
    pin, key = artifact.entry, artifact.key
    assert isinstance(pin, MtdataPin)
    made = {"id": pin.id, "languages": list(pin.languages)}
    if is_made_as(destination, made):
        return False
    if _was_fetched(pin, made, destination):
        return True
    about = mtdata_index.look_up(pin.id, destination.parent, key)
    for kind, what in _ELSEWHERE.items():
        if kind in (about.get("ext"), about.get("in_ext")):
            raise CorpusError(f"{key}.id: {pin.id} comes from {what}, which is not read; use source: files")
    aside = destination.with_name(f".{destination.name}.part")
    urls = [about["url"]] if isinstance(about["url"], str) else about["url"]
    names = [about.get("filename") if isinstance(about["url"], str) else None] * len(urls)
    paths = [
        aside / str(index) / PurePosixPath(name or url.partition("?")[0]).name
        for index, (name, url) in enumerate(zip(names, urls, strict=True))
    ]
    found = [download(url, path, key, pin.id) for url, path in zip(urls, paths, strict=True)]
    try:
        if warning := check_hashes(found, pin.sha256, key, pin.id):
            say(warning)
        with tempfile.TemporaryDirectory(dir=aside, prefix="text-") as folder:
            header = made | {"urls": urls, "sha256_of_downloads": found}
            header |= _write(about, paths, pin, key, Path(folder))
            seal(Path(folder) / "text.zst", header, destination)
    finally:
        shutil.rmtree(aside, ignore_errors=True)  # what is damaged or not as pinned is downloaded anew
    return True


def _was_fetched(pin: MtdataPin, made: dict[str, Any], destination: Path) -> bool:
    """Take what was fetched without a pin for what is pinned now, where its hashes are those of the pin."""
    unpinned = destination.with_name(set_name(pin.model_copy(update={"sha256": None})))
    if pin.sha256 is None or not is_made_as(unpinned, made | {"sha256_of_downloads": pin.sha256}):
        return False
    with write_aside(destination) as aside:
        shutil.copyfile(unpinned, aside)
    return True


def _write(
    about: dict[str, Any], paths: list[Path], pin: MtdataPin, key: str, folder: Path
) -> dict[str, int]:
    read = left_out = 0
    turned = _is_turned(about["did"], pin, key)
    with FrameWriter(folder / "text.zst") as frames:
        for row in _rows(about, paths, key, folder):
            texts = [str(text or "").strip() for text in row[:2]]
            if len(texts) < 2 or not all(texts):
                left_out += 1
                continue
            more = row[2] if len(row) > 2 and isinstance(row[2], dict) else {}
            document = more.get("doc_id") or f"{read // DOCUMENT_LINES + 1:07d}"
            if frames.add(f"{pin.id}/{document}", *(texts[::-1] if turned else texts)):
                frames.end_frame()
            read += 1
        frames.end_frame()
    if not read:
        raise CorpusError(f"{key}: {pin.id}: there are no pairs of text in it")
    return {"fetched_pairs": read, "left_out_empty": left_out}


def _is_turned(did: str, pin: MtdataPin, key: str) -> bool:
    """Whether the data set has its languages in the other order than the study file."""
    _quiet()
    from mtdata.iso.bcp47 import bcp47

    known = [bcp47(tag).lang for tag in did.split("-")[3:]]
    wanted = [bcp47(code).lang for code in pin.languages]
    if known == wanted or known == wanted[::-1]:
        return known != wanted
    raise CorpusError(
        f"{key}.languages: {pin.id} is in {' and '.join(known)}, not {' and '.join(pin.languages)}"
    )


def _rows(about: dict[str, Any], paths: list[Path], key: str, folder: Path) -> Iterator[Any]:
    """What mtdata's parser reads in the downloaded files."""
    _quiet()
    from mtdata.entry import Entry
    from mtdata.parser import Parser

    where = f"{key}: {about['did']}"
    known = {name: about.get(name) for name in Entry.__slots__ if name in about and name != "is_archive"}
    known["cols"] = tuple(known["cols"]) if known.get("cols") else None
    entry = Entry(**known)
    files = paths
    with readable(where):
        if entry.is_archive and len(paths) == 1 and is_archive(paths[0]):
            files = _members(paths[0], entry.in_paths, where, folder)
        elif entry.is_archive:
            raise CorpusError(f"{where}: damaged (no zip or tar); run again to download it anew")
        try:
            yield from Parser(files, ext=entry.in_ext or None, ent=entry).read_segs(show_pbar=False)
        except (CorpusError, EOFError, OSError):
            raise
        except Exception as error:  # a parser of many formats, which raises whatever it meets
            raise CorpusError(
                f"{where}: mtdata cannot read it ({type(error).__name__}: {error}); run again"
            ) from None


def _members(path: Path, patterns: list[str], where: str, folder: Path) -> list[Path]:
    """The members of an archive that an entry names, copied under names of our own."""
    found: dict[int, Path] = {}

    def place(name: str) -> Path | None:
        for index, pattern in enumerate(patterns):
            if fnmatchcase(name.removeprefix("./"), pattern):
                if index in found:
                    raise CorpusError(f"{where}: more than one member of its archive is {pattern}")
                found[index] = folder / str(index) / PurePosixPath(name).name
                return found[index]
        return None

    copy_members(path, place, where)
    missing = [pattern for index, pattern in enumerate(patterns) if index not in found]
    if missing:
        raise CorpusError(f"{where}: its archive has no member {missing[0]}; did the server change it?")
    return [found[index] for index in range(len(patterns))]


def _quiet() -> None:
    """Keep mtdata from setting up the log of the whole process, and from other programs that decompress."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    import bz2
    import gzip
    import lzma

    from mtdata import utils

    utils.COMPRESSORS.update({".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open})
