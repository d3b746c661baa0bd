"""A user's own text: files of one language, or of two aligned ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from downlaw.files import sha256_of_file
from downlaw.study.sources.files import MonolingualFiles, ParallelFile, ParallelFiles, TextFile

from ..errors import CorpusError
from ..segments import Segment, Source
from .artifact import Artifact
from .lines import read_lines

Files = MonolingualFiles | ParallelFiles
File = TextFile | ParallelFile
_END = object()


def paths_of(file: File) -> tuple[Path, ...]:
    """The files that one entry of `files` names."""
    if isinstance(file, TextFile):
        return (file.path,)
    return (file.tsv,) if file.tsv else tuple(file.sides or ())


def files_of(corpus: Files, part: str) -> list[tuple[int, File]]:
    """(index in the config, entry) of the files that have text of `part`."""
    wanted = set(part.split("-"))
    return [
        (index, file)
        for index, file in enumerate(corpus.files)
        if ({file.language} if isinstance(file, TextFile) else set(file.languages)) == wanted
    ]


def _table(path: Path, key: str) -> Iterator[tuple[str, ...]]:
    for number, line in read_lines(path, key):
        columns = tuple(line.split("\t")) if line.strip() else ("", "")
        if len(columns) != 2:
            raise CorpusError(f"{path}: line {number}: {len(columns)} columns where there must be exactly 2")
        yield columns


def _sides(paths: tuple[Path, ...], key: str) -> Iterator[tuple[str, ...]]:
    one, two = paths
    for first, second in zip_longest(read_lines(one, key), read_lines(two, key), fillvalue=_END):
        if first is _END or second is _END:
            shorter, longer, number = (one, two, second[0]) if first is _END else (two, one, first[0])
            raise CorpusError(
                f"{shorter}: ends before line {number} of {longer}: the sides must have as many lines"
            )
        yield first[1], second[1]


def _rows(file: File, key: str) -> Iterator[tuple[str, ...]]:
    if isinstance(file, TextFile):
        return ((line,) for _, line in read_lines(file.path, f"{key}.path"))
    if file.tsv:
        return _table(file.tsv, f"{key}.tsv")
    return _sides(paths_of(file), f"{key}.sides")


def _is_text(row: tuple[str, ...]) -> bool:
    return any(text.strip() for text in row)


def _has_documents(rows: Iterable[tuple[str, ...]]) -> bool:
    """Whether an empty row stands between others."""
    met = ended = False
    for row in rows:
        if not _is_text(row):
            ended = met
        elif ended:
            return True
        else:
            met = True
    return False


def _numbered(rows: Iterable[tuple[str, ...]], lines: int | None) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each row that is not empty with the number of its document, from 1: a run of rows between empty ones,
    or `lines` rows where that is given."""
    number, count, ended = 1, 0, False
    for row in rows:
        if not _is_text(row):
            ended = count > 0
            continue
        if ended if lines is None else count == lines:
            number, count = number + 1, 0
        ended, count = False, count + 1
        yield number, row


def artifacts(corpus: Files, key: str, part: str) -> list[Artifact]:
    """Nothing is fetched: the text is there."""
    return []


def identity(corpus: Files, part: str) -> list[dict[str, Any]]:
    """What of the study file decides the text of a part."""
    text = [file.model_dump(mode="json") for _, file in files_of(corpus, part)]
    return [*text, {"licence": corpus.licence, "document_lines": corpus.document_lines}]


def documents(
    name: str, corpus: Files, languages: tuple[str, ...], folder: Path
) -> Iterator[tuple[Source, Callable[[], dict[str, Any]]]]:
    """The text of each file with these languages, read when it is asked for, and what gives its record for
    the manifest.

    A document is what stands between empty lines, or `document_lines` lines in a file without any; it is
    named by file and number.

    Raises:
        CorpusError: naming file and line, or the config key of a file that is not there.
    """
    used: Counter[str] = Counter()
    for index, file in files_of(corpus, "-".join(languages)):
        paths = paths_of(file)
        label = "+".join(path.name for path in paths)
        used[label] += 1
        if used[label] > 1:
            label += f"#{used[label]}"
        source = Source(label, split=file.split)
        source.segments = _segments(source, file, corpus, languages, f"corpora.{name}.files[{index}]")
        yield source, partial(_record, label, paths, corpus.licence)


def _segments(
    source: Source, file: File, corpus: Files, languages: tuple[str, ...], key: str
) -> Iterator[Segment]:
    turned = isinstance(file, ParallelFile) and file.languages != languages
    lines = None if _has_documents(_rows(file, key)) else corpus.document_lines
    for number, row in _numbered(_rows(file, key), lines):
        title = f"{source.name}/{number:06d}"
        source.sizes[title] = source.sizes.get(title, 0) + 1
        yield Segment((title,), row[::-1] if turned else row)


def _record(label: str, paths: tuple[Path, ...], licence: str) -> dict[str, Any]:
    return {
        "name": label,
        "files": {path.name: sha256_of_file(path) for path in paths},
        "licence": licence,
    }
