"""LibreOffice: the pages of its help, and the strings of its interface."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ..segments import Segment, Source
from ..sources.members import Members
from . import gettext
from .blocks import joined

HELP = re.compile(r"usr/share/libreoffice/help/(?P<language>[a-z]{2,3}(?:-US)?)/(?P<page>text/.+\.html)")
UI = re.compile(r"usr/lib/libreoffice/program/resource/[^/]+/LC_MESSAGES/[^/]+\.mo")

_KEYED = re.compile(r"(?:par|hd)_id\w+")
_TOLD = {"p", "h1", "h2", "h3", "h4", "h5", "h6"}
_CODE = {"code", "bascode", "pycode", "sqlcode", "pre", "literal"}
_MARK = re.compile(r"~(?=[^\W\d_])")
_MARK_BEHIND = re.compile(r"\s*\(~\w\)")
_PRODUCT = "%PRODUCTNAME"


def _paragraphs(data: bytes) -> dict[str, str]:
    """Text of the headings and paragraphs of a page by their id; programs are left out."""
    found: dict[str, str] = {}
    body = LexborHTMLParser(data.decode("utf-8", "replace")).body
    for node in body.traverse() if body is not None else ():
        key = node.attributes.get("id") or ""
        if node.tag in _TOLD and _KEYED.fullmatch(key) and not _is_code(node):
            text = " ".join(node.text(deep=True, separator="", strip=False).split())
            if text:
                found.setdefault(key, text)
    return found


def _is_code(node: LexborNode) -> bool:
    parent = node.parent
    return any(
        not _CODE.isdisjoint((part.attributes.get("class") or "").split()) for part in (node, parent) if part
    )


def extract_help(archive: Members, name: str, languages: tuple[str, ...]) -> Source:
    """Paragraphs of the help with the same id on the same page; a document is a page.

    The size of a document counts English paragraphs where English is there, translated or not.
    """
    pages: dict[str, dict[str, str]] = {}
    for member in archive.members():
        if match := HELP.fullmatch(member):
            pages.setdefault(match["page"], {})[match["language"].removesuffix("-US")] = member
    return joined(
        name, languages, pages, lambda member: _paragraphs(archive.read(member)), size=len, pair=_same_ids
    )


def _same_ids(found: dict[str, dict[str, str]]) -> Iterator[tuple[str, ...]]:
    """Paragraphs with an id that all languages have, in the order of the English page, or else the first."""
    sides = [*found.values()]
    for key in found.get("en", sides[0]):
        if all(key in side for side in sides):
            yield tuple(side[key] for side in sides)


def extract_ui(archive: Members, name: str, languages: tuple[str, ...]) -> Source:
    """Strings of the interface out of its gettext catalogs; a document is a catalog.

    LibreOffice marks keyboard shortcuts with a tilde (`~File`, `Datei (~D)`), which goes; its own name takes
    the place of `%PRODUCTNAME`.

    Raises:
        CorpusError: naming package and member, for a catalog that cannot be read.
    """
    source = gettext.extract(archive, name, languages)
    source.segments = [
        Segment(segment.documents, tuple(map(_shown, segment.texts))) for segment in source.segments
    ]
    return source


def _shown(text: str) -> str:
    """A string as the interface shows it."""
    return _MARK.sub("", _MARK_BEHIND.sub("", text)).replace(_PRODUCT, "LibreOffice")
