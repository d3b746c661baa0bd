"""Text of manual pages: blocks out of the macros man(7) and mdoc(7), without running roff."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .blocks import Block
from .roff_inline import FONTS, MDOC, arguments, font_line, mdoc_line, plain

_REQUEST = re.compile(r"[.'][ \t]*(?P<name>[^\s\\]+)?[ \t]*(?P<rest>.*)")
_COMMENT = re.compile(r'\\["#].*')
_PARAGRAPHS = {"PP", "P", "LP", "HP", "Pp", "RS", "RE", "sp", "br", "Bl", "El", "Bd", "Ed", "ti", "in", "ce"}
_HEADINGS = {"SH": "h1", "Sh": "h1", "SS": "h2", "Ss": "h2"}
_UNTOLD = {
    "nf": ("fi", "code"),
    "EX": ("EE", "code"),
    "Vb": ("Ve", "code"),
    "DS": ("DE", "code"),
    "SY": ("YS", "code"),
    "TS": ("TE", "table"),
    "Rs": ("Re", "code"),
}
"""Requests between which no prose stands, with the one that ends them and the kind of block they are."""
_DEFINITIONS = {"de", "de1", "am", "ig", "dei", "ami"}
_CONDITIONS = {"if", "ie", "el", "while"}
_LINKS = {"UR": "UE", "MT": "ME"}
_LITERAL = re.compile(r"-(literal|unfilled)\b")


class _Page:
    """Blocks of a page as its lines are read."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._kind = "p"
        self._lines: list[str] = []
        self._joins = False
        self._next_is: str | None = None
        self.name = ""

    def add(self, text: str, *, trailing: bool = False) -> None:
        """A line of text; `trailing` joins it to the line before."""
        joins, self._joins = trailing or self._joins, text.endswith("\\c")
        text = plain(text)
        if joins and self._lines:
            self._lines[-1] += text.lstrip()
        else:
            self._lines.append(text)
        if self._next_is is not None and text.strip() and not self._joins:
            self._next_is = None
            self.end()

    def end(self, then: str = "p") -> None:
        """Ends the block; the next one is of kind `then`."""
        text = " ".join(" ".join(self._lines).split())
        if text:
            self.blocks.append(Block(self._kind, text))
        self._kind, self._lines, self._joins, self._next_is = then, [], False, None

    def line_is(self, kind: str, text: str = "") -> None:
        """A block that is one line: `text`, or the next line where there is none."""
        self.end(kind)
        if text:
            self.add(text)
            self.end()
        else:
            self._next_is = kind

    def untold(self, kind: str) -> None:
        self.end()
        self.blocks.append(Block(kind, ""))


def blocks(text: str) -> list[Block]:
    """The blocks of a page: `h1`, `h2`, `p`, `term`, and `code` or `table` without text.

    Conditions, definitions and comments are left out, fonts and sizes too. What stands between `.nf` and
    `.fi` (or other pairs of that kind) is code.
    """
    page = _Page()
    lines = _told_lines(text.split("\n"))
    for line in lines:
        if line[:1] not in (".", "'"):
            _text_line(page, line)
            continue
        match = _REQUEST.fullmatch(line)
        name, rest = (match["name"] or "", match["rest"]) if match else ("", "")
        if name in _UNTOLD or (name == "Bd" and _LITERAL.search(rest)):
            until, kind = _UNTOLD.get(name, ("Ed", "code"))
            page.untold(kind)
            _skip_to(lines, until)
        else:
            _request(page, name, rest)
    page.end()
    return page.blocks


def _text_line(page: _Page, line: str) -> None:
    if not line.strip():
        page.end()
    else:
        if line[0] in " \t":  # a line that begins with white space is set on its own
            page.end()
        page.add(line)


def _request(page: _Page, name: str, rest: str) -> None:
    if name in _HEADINGS:
        page.line_is(_HEADINGS[name], " ".join(arguments(rest)))
    elif name in ("TP", "TQ"):
        page.line_is("term")
    elif name == "IP":
        page.end()
        words = arguments(rest)
        if words and words[0]:
            page.line_is("term", words[0])
    elif name == "It":
        page.end()
        if rest.strip():
            page.line_is("term", mdoc_line("No", rest, page.name))
    elif name in _PARAGRAPHS:
        page.end()
    elif name in FONTS:
        words = arguments(rest)
        if words:
            page.add(font_line(name, words))
    elif name in _LINKS:
        page.add("<" + "".join(arguments(rest)[:1]) + ">")
    elif name in _LINKS.values():
        if rest.strip():
            page.add(" ".join(arguments(rest)), trailing=True)
    elif name == "MR":
        words = arguments(rest)
        page.add(f"{words[0]}({words[1]})" + "".join(words[2:3]) if len(words) > 1 else rest)
    elif name in MDOC:
        if name == "Nm" and not page.name:
            page.name = "".join(arguments(rest)[:1])
        page.add(mdoc_line(name, rest, page.name))


def _told_lines(lines: list[str]) -> Iterator[str]:
    """Lines without comments, definitions of macros, and what stands under a condition."""
    source = iter(lines)
    for line in source:
        if line.startswith(('.\\"', "'\\\"", ".\\#")):
            continue
        line = _COMMENT.sub("", line) if '\\"' in line or "\\#" in line else line
        match = _REQUEST.fullmatch(line) if line[:1] in (".", "'") else None
        name = match["name"] if match else None
        if match and name in _DEFINITIONS:
            words = match["rest"].split()
            end = "." if name == "ig" and not words else words[-1] if len(words) > 1 and name != "ig" else "."
            for skipped in source:
                if skipped.rstrip() == f".{end}":
                    break
        elif name in _CONDITIONS:
            depth = line.count("\\{") - line.count("\\}")
            while depth > 0 and (skipped := next(source, None)) is not None:
                depth += skipped.count("\\{") - skipped.count("\\}")
        else:
            yield line


def _skip_to(lines: Iterator[str], request: str) -> None:
    for line in lines:
        match = _REQUEST.fullmatch(line) if line[:1] in (".", "'") else None
        if match and match["name"] == request:
            return
