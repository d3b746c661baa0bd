"""Definitions of RoWordNet: a pickle, whose opcodes are read as data and never run."""

from __future__ import annotations

import pickletools
from collections.abc import Iterator

from ..errors import CorpusError
from ..segments import Segment, Source
from ..sources.wheel import Wheel

_STRINGS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_STORE = {"PUT", "BINPUT", "LONG_BINPUT"}
_FETCH = {"GET", "BINGET", "LONG_BINGET"}


def attributes(data: bytes, names: set[str]) -> Iterator[tuple[str, str]]:
    """(name, string) wherever the pickled state of an object gives one of `names` a string, in file order.

    `pickletools.genops` only lists opcodes: nothing is imported, called or built. A string that the pickle
    repeats is stored in its memo and fetched by number, so the strings of the memo are followed.
    """
    memo: dict[int, str | None] = {}
    last: str | None = None
    name: str | None = None
    for opcode, argument, _ in pickletools.genops(data):
        kind = opcode.name
        if kind in _STORE:
            memo[int(argument)] = last
            continue
        if kind == "MEMOIZE":
            memo[len(memo)] = last
            continue
        if kind in _STRINGS:
            last = argument
        elif kind in _FETCH:
            last = memo.get(int(argument))
        else:
            last = None
        if name is not None and last is not None:
            yield name, last
            name = None
        else:
            name = last if last in names else None


def extract(wheel: Wheel, package: str, languages: tuple[str, ...]) -> Source:
    """Each definition is a segment; a document is a synset, by its id.

    Raises:
        CorpusError: naming wheel and member, for a file that is no pickle or holds no definitions.
    """
    members = [member for member in wheel.members() if member.endswith(".pickle")]
    if not members:
        raise CorpusError(f"{wheel.path}: no .pickle in it")
    source = Source(package)
    for member in members:
        try:
            synset = ""
            for name, text in attributes(wheel.read(member), {"_id", "_definition"}):
                if name == "_id":
                    synset = text
                elif text.strip():
                    document = f"{package}/{synset}"
                    source.segments.append(Segment((document,), (text,)))
                    source.sizes[document] = source.sizes.get(document, 0) + 1
        except (ValueError, EOFError, IndexError, UnicodeDecodeError) as error:
            raise CorpusError(f"{wheel.where(member)}: not a complete pickle: {error}") from None
    if not source.segments:
        raise CorpusError(f"{wheel.path}: no synset definitions in it")
    return source
