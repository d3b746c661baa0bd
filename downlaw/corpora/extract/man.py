"""Manual pages: `usr/share/man/man1/ls.1.gz` in English, `usr/share/man/de/man1/ls.1.gz` in German."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..segments import Segment, Source
from ..sources.members import Members, unpacked
from .blocks import Block, align, told
from .roff import blocks

MEMBER = re.compile(r"usr/share/man/(?:(?P<language>[a-z]{2,3})/)?(?P<page>man\d\w*/[^/]+?)(?P<packed>\.gz)?")

_TRANSLATORS = ("ÜBERSETZUNG", "UEBERSETZUNG", "TRADUCTION", "TRADUCERE")
"""Headings of the section in which a translated page names its translators; the English page has none."""


def page_text(data: bytes, packed: bool, where: str) -> str:
    """The source of a page, in UTF-8 or else Latin-1.

    Raises:
        CorpusError: for a damaged page, or one too large to be text.
    """
    if packed:
        data = unpacked(data, where)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def without_translators(page: Sequence[Block]) -> list[Block]:
    """A page's blocks without the section that names its translators."""
    kept: list[Block] = []
    inside = False
    for block in page:
        if block.kind == "h1":
            inside = block.text.upper() in _TRANSLATORS
        if not inside:
            kept.append(block)
    return kept


def extract(archive: Members, name: str, languages: tuple[str, ...]) -> Source:
    """Text of pages that all languages have, block by block; a document is a page.

    Pages are joined on their section and name (`man1/ls.1`). The size of a document is that of the English
    page where it is there, translated or not, so that pages fall into the same split for every language.

    Raises:
        CorpusError: naming package and member, for a page that cannot be unpacked.
    """
    pages: dict[str, dict[str, tuple[str, bool]]] = {}
    for member in archive.members():
        if match := MEMBER.fullmatch(member):
            language = match["language"] or "en"
            pages.setdefault(match["page"], {})[language] = (member, bool(match["packed"]))
    source = Source(name)
    segments = []
    for page in sorted(pages):
        has = [language for language in languages if language in pages[page]]
        measured = "en" if "en" in has else (has or [""])[0]
        if not measured or (len(has) < len(languages) and measured != "en"):
            continue
        found: dict[str, list[Block]] = {}
        for language in has:
            member, packed = pages[page][language]
            text = page_text(archive.read(member), packed, archive.where(member))
            found[language] = without_translators(blocks(text))
        document = f"{name}/{page}"
        if size := told(found[measured]):
            source.sizes[document] = size
            if len(has) == len(languages):
                segments += [
                    Segment((document,), texts) for texts in align([found[code] for code in languages])
                ]
    source.segments = segments
    return source
