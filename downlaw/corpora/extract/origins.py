"""Where in a package's own code its messages stand, for catalogs whose comments do not say."""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Iterable, Iterator

from ..sources.members import Members

_TEMPLATES = (".html", ".js", ".svg", ".txt", ".ui", ".glade", ".xml", ".rst", ".md")
_QUOTED = re.compile(r'"((?:[^"\\\n]|\\.)+)"|\'((?:[^\'\\\n]|\\.)+)\'')
_TAGGED = re.compile(r"""\{%-?\s*trans(?:late)?\s+(["'])(.*?)\1""")
_ELEMENT = re.compile(r">([^<>]+)<")
_BLOCK = re.compile(r"\{%-?\s*blocktrans(?:late)?\b[^%]*%\}(.*?)\{%-?\s*endblocktrans", re.DOTALL)
_PLURAL = re.compile(r"\{%-?\s*plural\s*-?%\}")
_VARIABLE = re.compile(r"\{\{\s*([\w.]+)[^}]*\}\}")
_EMPTY_LINE = re.compile(r"\n\s*\n")
_COPIES = re.compile(r"\.dist-info/|/migrations/")
"""Metadata, and Django's migrations, which repeat the strings of the models."""


def _python_strings(text: str) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str | bytes):
            continue
        value = node.value if isinstance(node.value, str) else node.value.decode("utf-8", "replace")
        yield value
        if "\n\n" in value:
            yield from _EMPTY_LINE.split(inspect.cleandoc(value))


def _template_strings(text: str) -> Iterator[str]:
    for match in _QUOTED.finditer(text):
        yield (match[1] or match[2]).replace('\\"', '"').replace("\\'", "'")
    yield from (match[2] for match in _TAGGED.finditer(text))
    for match in _BLOCK.finditer(text):
        yield from (_VARIABLE.sub(r"%(\1)s", part) for part in _PLURAL.split(match[1]))
    yield from (match[1] for match in _ELEMENT.finditer(text))
    yield from _EMPTY_LINE.split(text)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def origins(archive: Members, messages: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The files of the package in which each message stands; a message that stands in none is left out.

    Python files are parsed, never run: a message is a string literal, or a paragraph of one. In templates
    and text files it is a quoted string, the text of a `translate` or `blocktranslate` tag or of an element,
    or a paragraph. White space does not count.
    """
    wanted: dict[str, list[str]] = {}
    for message in messages:
        wanted.setdefault(_squeezed(message), []).append(message)
    found: dict[str, dict[str, None]] = {}
    for member in archive.members():
        if not member.endswith((".py", *_TEMPLATES)) or _COPIES.search(member):
            continue
        text = archive.read(member).decode("utf-8", "replace")
        for string in _python_strings(text) if member.endswith(".py") else _template_strings(text):
            for message in wanted.get(_squeezed(string), ()):
                found.setdefault(message, {})[member] = None
    return {message: tuple(members) for message, members in found.items()}
