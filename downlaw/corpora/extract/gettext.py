"""gettext catalogs: `.../{language}/LC_MESSAGES/{domain}.po` or `.mo`."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polib

from ..errors import CorpusError
from ..segments import Segment, Source
from ..sources.members import Members
from .origins import origins

SOURCE_LANGUAGE = "en"
"""The language of message ids, or of the `Default:` comment beside an id that is no text."""

MANY_CATALOGS = 10
"""Enough catalogs for some of them to be held out whole."""

_MEMBER = re.compile(r"(?P<root>.*/)(?P<locale>[^/]+)/LC_MESSAGES/(?P<domain>[^/]+)\.(?P<form>po|mo)")
_CHARSET = re.compile(rb"charset=([A-Za-z0-9_.:-]+)")
_DEFAULT = re.compile(r'Default:\s*"(?P<text>.*)"\s*\Z', re.DOTALL)
_MESSAGE = re.compile(rb"^msgid ", re.MULTILINE)

Key = tuple[str, str, int]
"""Context, message id, and 0 for the singular or 1 for the plural."""


class Catalog(NamedTuple):
    """The catalogs of one text domain: its name, and its members by locale and form."""

    name: str
    members: dict[tuple[str, str], str]

    def member(self, language: str) -> str | None:
        """The catalog of `language`: `de` before `de_DE`, `.po` before `.mo`; `de_AT` is another language."""
        for locale in (language, f"{language}_{language.upper()}", f"{language}-{language.upper()}"):
            for form in ("po", "mo"):
                if (locale, form) in self.members:
                    return self.members[locale, form]
        return None


class Message(NamedTuple):
    """One string of a catalog; `files` are the source files that its comments name."""

    english: str
    translation: str
    files: tuple[str, ...]


def catalogs(members: list[str]) -> list[Catalog]:
    """The catalogs among `members`, in the order of their names."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    for member in members:
        if match := _MEMBER.fullmatch(member):
            name = match["root"] + match["domain"]
            found.setdefault(name, {})[match["locale"], match["form"]] = member
    return [Catalog(name, found[name]) for name in sorted(found)]


def _parse(data: bytes, form: str, where: str) -> polib.POFile | polib.MOFile:
    charset = match[1].decode("ascii") if (match := _CHARSET.search(data)) else "utf-8"
    try:
        if form == "po":
            return polib.pofile(data.decode(charset.replace("CHARSET", "utf-8")).removeprefix("\ufeff"))
        return polib.mofile(data, encoding=charset)
    except UnicodeDecodeError as error:
        raise CorpusError(f"{where}: broken encoding: byte {error.start} is not {charset}") from None
    except LookupError:
        raise CorpusError(f"{where}: unknown encoding {charset!r}") from None
    except (OSError, struct.error, ValueError) as error:
        raise CorpusError(f"{where}: not a gettext catalog: {error}") from None


def _english(entry: polib.POEntry) -> str:
    match = _DEFAULT.search(entry.comment or "")
    return match["text"].replace('\\"', '"').replace("\\n", "\n") if match else entry.msgid


def messages(data: bytes, form: str, where: str) -> Iterator[tuple[Key, Message]]:
    """Messages of a catalog, untranslated ones too (with an empty translation); no fuzzy or obsolete ones.

    A message with plural forms gives its singular with the first form, and its plural with the last one.
    """
    for entry in _parse(data, form, where):
        if entry.obsolete or not entry.msgid:
            continue
        usable = "fuzzy" not in entry.flags
        files = tuple(dict.fromkeys(file for file, _ in entry.occurrences))
        plurals = [entry.msgstr_plural[index] for index in sorted(entry.msgstr_plural)]
        singular = plurals[0] if plurals else entry.msgstr
        context = entry.msgctxt or ""
        yield (context, entry.msgid, 0), Message(_english(entry), singular if usable else "", files)
        if entry.msgid_plural:
            last = plurals[-1] if plurals and usable else ""
            yield (context, entry.msgid, 1), Message(entry.msgid_plural, last, files)


def _count(data: bytes, form: str) -> int:
    """Messages of a catalog, without parsing it (a `.mo` file says it in its head)."""
    if form == "po":
        return len(_MESSAGE.findall(data))
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    return struct.unpack(f"{order}I", data[8:12])[0] if len(data) >= 12 else 0


def _fullest(archive: Members, catalog: Catalog) -> tuple[int, str]:
    """The most messages that a language has in this catalog, and the member that has them.

    What follows from it is the same for every language pair.
    """
    return max((_count(archive.read(member), form), member) for (_, form), member in catalog.members.items())


class _Read(NamedTuple):
    """A text domain as read: its texts by language, its messages, and those of its fullest catalog."""

    name: str
    texts: dict[str, dict[Key, str]]
    own: dict[Key, Message]
    size: int
    template: list[Key]


def _read(archive: Members, catalog: Catalog, languages: list[str], few: bool) -> _Read:
    texts: dict[str, dict[Key, str]] = {}
    own: dict[Key, Message] = {}
    for code in languages:
        if member := catalog.member(code):
            found = dict(messages(archive.read(member), member[-2:], archive.where(member)))
            texts[code] = {key: message.translation for key, message in found.items()}
            own = found | own
    texts[SOURCE_LANGUAGE] = {key: message.english for key, message in own.items()}
    size, member = _fullest(archive, catalog)
    template: list[Key] = []
    if few and not any(message.files for message in own.values()):
        template = [key for key, _ in messages(archive.read(member), member[-2:], archive.where(member))]
    return _Read(catalog.name, texts, own, size, template)


def _documents(
    read: _Read, places: Mapping[str, tuple[str, ...]]
) -> tuple[dict[Key, tuple[str, ...]], dict[str, int]]:
    """The documents of each message, and the size of each document in messages."""
    whole = (read.name,)
    if any(message.files for message in read.own.values()):
        documents = {key: message.files or whole for key, message in read.own.items()}
        return documents, Counter(name for names in documents.values() for name in names)
    if not read.template:
        return dict.fromkeys(read.own, whole), {read.name: read.size}
    documents = {key: places.get(key[1], whole) for key in read.own}
    sizes = Counter(name for key in read.template for name in places.get(key[1], whole))
    return documents, {name: 1 for names in documents.values() for name in names} | sizes


def extract(archive: Members, package: str, languages: tuple[str, ...]) -> Source:
    """Pairs of two languages from every catalog that has both; without English joined on the message id.

    A document is a source file of the package: those that a message's comments name, else those in which it
    stands (`origins`), and the catalog for a message that stands in none. Where a package has
    `MANY_CATALOGS` or more and no such comments, a document is a catalog.

    Raises:
        CorpusError: naming package and member, for a catalog that cannot be read.
    """
    source = Source(package)
    found = catalogs(archive.members())
    translated = [code for code in languages if code != SOURCE_LANGUAGE]
    if not any(all(catalog.member(code) for code in translated) for catalog in found):
        return source
    domains = [_read(archive, catalog, translated, len(found) < MANY_CATALOGS) for catalog in found]
    sought = {key[1] for read in domains if read.template for key in (*read.template, *read.own)}
    places = origins(archive, sought) if sought else {}
    for read in domains:
        documents, sizes = _documents(read, places)
        for name, size in sizes.items():
            document = f"{package}/{name}"
            source.sizes[document] = source.sizes.get(document, 0) + size
        if not all(code in read.texts for code in languages):
            continue
        for key, names in documents.items():
            pair = tuple(read.texts[code].get(key, "") for code in languages)
            if all(pair):
                source.segments.append(Segment(tuple(f"{package}/{name}" for name in names), pair))
    return source
