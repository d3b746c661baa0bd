"""Text to measure on: lines of a file, or random English words, as frequent as in Python's manual."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

_SENTENCES = 10_000
_WORDS = (20, 70)


def write_text(path: Path, megabytes: float, source: Path | None, seed: int = 1) -> None:
    """Write about so many megabytes of lines: as many of a file's as it has, or made-up ones."""
    left = megabytes * 1e6
    with path.open("wb") as stream:
        if source is not None:
            stream.write(source.read_bytes()[: int(left)].rpartition(b"\n")[0] + b"\n")
            return
        while left > 0:
            chunk = _sentences(np.random.default_rng([seed, int(left)])).encode()
            stream.write(chunk)
            left -= len(chunk)


_words: list[str] = []


def _sentences(generator: np.random.Generator) -> str:
    if not _words:
        from pydoc_data.topics import topics  # part of Python itself

        _words.extend(re.findall(r"[A-Za-z]{2,}", " ".join(topics.values()).lower()))
    lengths = generator.integers(*_WORDS, _SENTENCES)
    drawn = generator.integers(len(_words), size=int(lengths.sum())).tolist()
    lines, begin = [], 0
    for length in lengths.tolist():
        lines.append(" ".join(_words[index] for index in drawn[begin : begin + length]).capitalize() + ".\n")
        begin += length
    return "".join(lines)
