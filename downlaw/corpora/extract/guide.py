"""Debian's installation guide: chapters in HTML, made from DocBook, a folder for each language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ..segments import Source
from ..sources.members import Members
from .blocks import Block, align, joined, told

MEMBER = re.compile(
    r"usr/share/doc/installation-guide-[^/]+/(?P<language>[a-z]{2,3})/(?P<chapter>[^/]+)\.html"
)

_KINDS = {"h1": "h1", "h2": "h1", "h3": "h2", "h4": "h3", "h5": "h4", "p": "p", "dt": "term"}
_KINDS |= {"td": "cell", "th": "cell", "pre": "code"}
_CELLS = {"td", "th", "dt"}
_AROUND = {"navheader", "navfooter", "toc", "list-of-tables"}
"""Classes of the parts of a page that repeat the headings of others."""


def blocks(data: bytes) -> list[Block]:
    """The blocks of a chapter: headings, paragraphs, terms, cells of tables, and `code` without text."""
    body = LexborHTMLParser(data.decode("utf-8", "replace")).body
    return list(_below(body)) if body is not None else []


def _below(node: LexborNode) -> Iterator[Block]:
    for child in node.iter():
        kind = _KINDS.get(child.tag or "")
        if not _AROUND.isdisjoint((child.attributes.get("class") or "").split()):
            continue
        if kind is None or (child.tag in _CELLS and child.css_first("p") is not None):
            yield from _below(child)
        elif kind == "code":
            yield Block(kind, "")
        elif text := " ".join(child.text(deep=True, separator="", strip=False).split()):
            yield Block(kind, text)


def extract(archive: Members, name: str, languages: tuple[str, ...]) -> Source:
    """Text of chapters that all languages have, block by block; a document is a chapter.

    The size of a document counts English blocks where English is there, translated or not.
    """
    chapters: dict[str, dict[str, str]] = {}
    for member in archive.members():
        if match := MEMBER.fullmatch(member):
            chapters.setdefault(match["chapter"], {})[match["language"]] = member
    return joined(
        name,
        languages,
        chapters,
        lambda member: blocks(archive.read(member)),
        size=told,
        pair=lambda found: align([*found.values()]),
    )
