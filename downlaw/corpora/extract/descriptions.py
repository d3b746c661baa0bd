"""Package descriptions: an archive's indexes `Translation-en`, `Translation-de`, as apt reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import CorpusError
from ..segments import Segment, Source
from ..sources.members import Members

MEMBER = re.compile(r"Translation-(?P<language>[a-z]{2,3})")


class Description(NamedTuple):
    """A synopsis and the paragraphs below it; lists keep their lines."""

    package: str
    paragraphs: tuple[str, ...]


def descriptions(text: str, language: str, where: str) -> Iterator[tuple[str, Description]]:
    """(the MD5 sum of the English description, description) of each stanza, in the order of the index.

    Raises:
        CorpusError: naming index and line, for a stanza without one of its three fields.
    """
    number = 1
    for stanza in text.split("\n\n"):
        lines = stanza.strip("\n").split("\n")
        fields: dict[str, str] = {}
        key = ""
        for line in lines:
            if line[:1] == " ":
                fields[key] = f"{fields.get(key, '')}\n{line[1:]}"
            else:
                key, _, value = line.partition(":")
                fields[key] = value.strip()
        if fields != {"": ""}:
            try:
                package, md5 = fields["Package"], fields["Description-md5"]
                body = fields[f"Description-{language}"]
            except KeyError as error:
                raise CorpusError(
                    f"{where}: line {number}: a stanza without {error.args[0]}; "
                    f"is this Translation-{language}?"
                ) from None
            yield md5, Description(package, tuple(_paragraphs(body)))
        number += stanza.count("\n") + 2


def _paragraphs(body: str) -> Iterator[str]:
    """The synopsis, then what stands between lines of a full stop alone."""
    synopsis, _, rest = body.partition("\n")
    yield synopsis
    yield from (
        part.strip("\n") for part in re.split(r"^\.\s*$\n?", rest, flags=re.MULTILINE) if part.strip()
    )


def extract(archive: Members, name: str, languages: tuple[str, ...]) -> Source:
    """Paragraphs of the descriptions that all languages have; a document is a package.

    Descriptions are joined on the MD5 sum of the English one, which says that a translation is of this very
    text. Where the paragraphs are not equally many only the synopsis is paired. The size of a document counts
    English paragraphs where English is there, translated or not.

    Raises:
        CorpusError: naming index and line, for an index that is not one.
    """
    read: dict[str, dict[str, Description]] = {}
    for member in archive.members():
        match = MEMBER.fullmatch(member)
        if match and match["language"] in languages:
            try:
                text = archive.read(member).decode("utf-8")
            except UnicodeDecodeError as error:
                raise CorpusError(f"{archive.where(member)}: byte {error.start} is not UTF-8") from None
            read[match["language"]] = dict(descriptions(text, match["language"], archive.where(member)))
    source = Source(name)
    if len(read) < len(languages):
        return source
    segments = []
    for md5, measured in read["en" if "en" in languages else languages[0]].items():
        document = f"{name}/{measured.package}"
        source.sizes[document] = source.sizes.get(document, 0) + len(measured.paragraphs)
        found = [read[language].get(md5) for language in languages]
        sides = [description.paragraphs for description in found if description]
        if len(sides) == len(languages):
            equal = len({len(side) for side in sides}) == 1
            pairs = zip(*sides, strict=True) if equal else [tuple(side[0] for side in sides)]
            segments += [Segment((document,), texts) for texts in pairs]
    source.segments = segments
    return source
