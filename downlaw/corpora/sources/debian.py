"""Packages and indexes of a Debian archive, pinned by version and hash, fetched with a private apt."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from downlaw.files import digest, sha256_of_file, write_aside
from downlaw.study.sources.debian import (
    DebianArchive,
    DebianCollection,
    DebianCorpus,
    DebianIndex,
    PinnedDeb,
    PinnedIndex,
)

from ..clean import sentences, words
from ..errors import CorpusError
from ..extract import descriptions, guide, libreoffice, man
from ..segments import Segment, Source
from .artifact import Artifact
from .deb import Deb
from .debian_apt import Apt, locked
from .members import Members, PlainFiles, Together

LONG = 80
"""A paragraph of one language with more words is cut into its sentences; a shorter one stays whole."""

APT = ".fetch-apt"
"""Where apt keeps indexes, in the folder of what was fetched: jobs of one study share them. A study's
archive leaves out what is so called."""

_OF_A_DAY = "such as archive: http://snapshot.debian.org/archive/debian/20261121T000000Z"


class _Format(NamedTuple):
    """How text is read: which members of a package, and by what."""

    wanted: Callable[[str], object]
    extract: Callable[[Members, str, tuple[str, ...]], Source]


FORMATS = {
    "man": _Format(man.MEMBER.fullmatch, man.extract),
    "descriptions": _Format(descriptions.MEMBER.fullmatch, descriptions.extract),
    "libreoffice-help": _Format(libreoffice.HELP.fullmatch, libreoffice.extract_help),
    "libreoffice-ui": _Format(libreoffice.UI.fullmatch, libreoffice.extract_ui),
    "installation-guide": _Format(guide.MEMBER.fullmatch, guide.extract),
}


def _pinned(corpus: DebianCorpus, collection: DebianCollection, entry: Any) -> PinnedDeb | PinnedIndex:
    """An entry of a collection with all that fetching it needs."""
    form = PinnedIndex if isinstance(entry, DebianIndex) else PinnedDeb
    archive = {key: getattr(corpus, key) for key in DebianArchive.model_fields}
    return form(**entry.model_dump(), **archive, suite=collection.suite, component=collection.component)


def file_name(entry: PinnedDeb | PinnedIndex) -> str:
    """The file name under which a package or index is kept."""
    if isinstance(entry, PinnedIndex):
        return f"Translation-{entry.language}_{entry.suite}_{entry.component}"
    return f"{entry.name}_{entry.version.replace(':', '%3a')}_{entry.architecture}.deb"


def _pins(corpus: DebianCorpus, collection: DebianCollection, part: str) -> list[PinnedDeb | PinnedIndex]:
    return [_pinned(corpus, collection, entry) for _, entry in collection.entries(part)]


def artifacts(corpus: DebianCorpus, key: str, part: str) -> list[Artifact]:
    """The packages and indexes that can have text of a part."""
    found = []
    for number, collection in enumerate(corpus.collections):
        for place, entry in collection.entries(part):
            pinned = _pinned(corpus, collection, entry)
            where = f"{key}.collections[{number}].{place}"
            found.append(Artifact("debian", file_name(pinned), where, pinned))
    return found


def identity(corpus: DebianCorpus, part: str) -> list[dict[str, Any]]:
    """What of the study file decides the text of a part; where it is fetched from does not."""
    return [
        {
            **collection.model_dump(include={"name", "extract", "licence"}),
            "entries": [entry.model_dump() for _, entry in collection.entries(part)],
        }
        for collection in corpus.collections
    ]


def documents(
    name: str, corpus: DebianCorpus, languages: tuple[str, ...], folder: Path
) -> Iterator[tuple[Source, dict[str, Any]]]:
    """The text of each collection in `folder`, and its record for the manifest.

    Documents have the same names, and the same sizes in every pair with English, so that a page falls into
    the same split for each of them. Packages are opened once segments are asked for.

    Raises:
        CorpusError: while segments are read, naming package and member of text that cannot be read.
    """
    for collection in corpus.collections:
        pins = _pins(corpus, collection, "-".join(languages))
        if not pins:
            continue
        source = Source(collection.name)
        source.segments = _read(source, collection, pins, languages, folder)
        yield source, _record(collection, pins)


def _read(
    source: Source,
    collection: DebianCollection,
    pins: list[PinnedDeb | PinnedIndex],
    languages: tuple[str, ...],
    folder: Path,
) -> Iterator[Segment]:
    """The segments of a collection; fills the sizes of `source`."""
    form = FORMATS[collection.extract]
    opened: Members
    if isinstance(pins[0], PinnedIndex):
        opened = PlainFiles({f"Translation-{pin.language}": folder / file_name(pin) for pin in pins})
    else:
        opened = Together([Deb(folder / file_name(pin), form.wanted) for pin in pins])
    extracted = form.extract(opened, collection.name, languages)
    source.sizes.update(extracted.sizes)
    yield from _short(extracted.segments) if len(languages) == 1 else extracted.segments


def _short(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Segments of one language, long ones cut into sentences."""
    for segment in segments:
        if words(segment.texts[0]) <= LONG:
            yield segment
        else:
            for piece in sentences(segment.texts):
                yield Segment(segment.documents, piece)


def _record(collection: DebianCollection, pins: list[PinnedDeb | PinnedIndex]) -> dict[str, Any]:
    files = [
        {
            "name": f"Translation-{pin.language}" if isinstance(pin, PinnedIndex) else pin.name,
            **({} if isinstance(pin, PinnedIndex) else {"version": pin.version}),
            "sha256": pin.sha256,
        }
        for pin in pins
    ]
    own = {"name": collection.name, "suite": collection.suite, "licence": collection.licence}
    return {**own, "archive": pins[0].archive, "files": files}


def fetch(artifact: Artifact, destination: Path) -> bool:
    """Fetch a package or an index to `destination`, unless it is there already with the right hash.

    apt fetches it, with a configuration of its own beside `destination`: it checks the archive's signature,
    needs no root, and works for another suite than the machine's.

    Returns:
        whether anything was downloaded.

    Raises:
        CorpusError: where there is no apt, the archive cannot be read or has no such version, or the hash is
            not the one of the study file.
    """
    entry = artifact.entry
    assert isinstance(entry, PinnedDeb | PinnedIndex)
    if destination.is_file() and sha256_of_file(destination) == entry.sha256:
        return False
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".fetch-") as folder:
        if isinstance(entry, PinnedIndex):
            _fetch_index(entry, artifact.key, Path(folder).resolve(), destination)
        else:
            _fetch_package(entry, artifact.key, Path(folder).resolve(), destination)
    return True


def _fetch_package(entry: PinnedDeb, key: str, folder: Path, destination: Path) -> None:
    place = entry.model_dump(include={*DebianArchive.model_fields, "suite", "component"})
    shared = destination.parent.resolve() / APT / digest(place)
    with locked(shared):
        apt = Apt(shared, entry, entry.suite, entry.component, key)
        known = apt.versions(entry.name)
        if entry.version not in known:
            apt.update()
            known = apt.versions(entry.name)
        if entry.version not in known:
            there = f"it has {', '.join(known)}" if known else "it has no package of this name"
            raise CorpusError(
                f"{key}.version: {entry.name} {entry.version} is not in {entry.suite} of {entry.archive}: "
                f"{there}; take one that is there, with its sha256, or an archive of a day when this one "
                f"was, {_OF_A_DAY}"
            )
        deb = apt.download(entry.name, entry.version, folder)
    found = sha256_of_file(deb)
    if found != entry.sha256:
        raise CorpusError(
            f"{key}.sha256: {entry.name} {entry.version} has hash {found}, the study file says "
            f"{entry.sha256}; check version and architecture, or correct the hash if you trust this archive"
        )
    os.replace(deb, destination)


def _fetch_index(entry: PinnedIndex, key: str, folder: Path, destination: Path) -> None:
    apt = Apt(folder, entry, entry.suite, entry.component, key, entry.language)
    apt.update()
    index = apt.index()
    what = f"Translation-{entry.language} of {entry.suite}/{entry.component}"
    if index is None:
        raise CorpusError(f"{key}.language: there is no {what} in {entry.archive}")
    found = sha256_of_file(index)
    if found != entry.sha256:
        raise CorpusError(
            f"{key}.sha256: {what} has hash {found}, the study file says {entry.sha256}: the archive has "
            "changed since; correct the hash to go with it, or take an archive of a day when it was so, "
            f"{_OF_A_DAY}"
        )
    with write_aside(destination) as aside:
        aside.write_bytes(index.read_bytes())
