"""Documents as sequences of blocks, aligned by their structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ..segments import Segment, Source

HEADINGS = ("h1", "h2", "h3", "h4")
"""Kinds of the blocks that begin a section, outermost first."""

UNTOLD = ("code", "table")
"""Kinds of blocks that hold their place and have no text: programs and tables are no prose."""


Text = TypeVar("Text")


class Block(NamedTuple):
    """A heading, paragraph, term or other block: its kind, and its text on one line."""

    kind: str
    text: str


def align(sides: Sequence[Sequence[Block]], headings: Sequence[str] = HEADINGS) -> Iterator[tuple[str, ...]]:
    """Texts that stand in the same place of the same document in each language.

    Where all sides are the same sequence of kinds, blocks pair up one by one. Elsewhere the document is cut
    into sections at the outermost heading, if all sides have as many, and each of them looked at in the same
    way, down to the innermost heading. A section whose sides still differ is left out. One side aligns with
    itself: all of its text.
    """
    kinds = [block.kind for block in sides[0]]
    if all([block.kind for block in side] == kinds for side in sides[1:]):
        for blocks in zip(*sides, strict=True):
            texts = tuple(block.text for block in blocks)
            if blocks[0].kind not in UNTOLD and all(texts):
                yield texts
    elif headings:
        cut = [_sections(side, headings[0]) for side in sides]
        if len({len(sections) for sections in cut}) == 1:
            for sections in zip(*cut, strict=True):
                yield from align(sections, headings[1:])
        else:
            yield from align(sides, headings[1:])


def joined(
    name: str,
    languages: Sequence[str],
    documents: Mapping[str, Mapping[str, str]],
    read: Callable[[str], Text],
    size: Callable[[Text], int],
    pair: Callable[[dict[str, Text]], Iterable[tuple[str, ...]]],
) -> Source:
    """Segments of the documents that all languages have, in the order of their names.

    The size of a document is that of its English text where English is one of the languages, translated or
    not, so that a document falls into the same split in every pair; else that of the first language.

    Args:
        documents: by name, and by language what `read` is to be asked for.
        size: how large a text is; a document of size 0 is none.
        pair: aligned segments of a document, given by language.
    """
    source = Source(name)
    segments = []
    measured = "en" if "en" in languages else languages[0]
    for title in sorted(documents):
        members = documents[title]
        if measured not in members:
            continue
        found = {language: read(members[language]) for language in languages if language in members}
        document = f"{name}/{title}"
        if counted := size(found[measured]):
            source.sizes[document] = counted
        if len(found) == len(languages):
            segments += [Segment((document,), texts) for texts in pair(found)]
    source.segments = segments
    return source


def _sections(blocks: Sequence[Block], heading: str) -> list[list[Block]]:
    """The blocks before the first such heading, then each heading with those below it."""
    sections: list[list[Block]] = [[]]
    for block in blocks:
        if block.kind == heading:
            sections.append([])
        sections[-1].append(block)
    return sections


def told(blocks: Sequence[Block]) -> int:
    """Blocks that have text: the size of a document."""
    return sum(1 for block in blocks if block.kind not in UNTOLD and block.text)
