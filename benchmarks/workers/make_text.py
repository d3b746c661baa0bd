"""Text to measure on: a text file again and again, or made-up words as frequent as a language's (Zipf)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WORDS, LETTERS = 50_000, "etaoinshrdlucmfwypvbgkjqxz"
_SENTENCES = 20_000


def write_text(path: Path, megabytes: float, source: Path | None, seed: int = 1) -> None:
    """Write about so many megabytes of lines, one sentence each; a file's lines, or made-up ones."""
    left = megabytes * 1e6
    with path.open("wb") as stream:
        while left > 0:
            if source is None:
                chunk = _sentences(np.random.default_rng([seed, int(left)])).encode()
            else:
                chunk = source.read_bytes()[: int(left)].rpartition(b"\n")[0] + b"\n"
                if len(chunk) == 1:
                    return
            stream.write(chunk)
            left -= len(chunk)


_made: list[str] = []


def _words() -> list[str]:
    if not _made:
        generator = np.random.default_rng(0)
        lengths = generator.integers(2, 11, WORDS)
        letters = generator.choice(list(LETTERS), lengths.sum())
        _made.extend("".join(part) for part in np.split(letters, np.cumsum(lengths)[:-1]))
    return _made


def _sentences(generator: np.random.Generator) -> str:
    words, share = _words(), np.cumsum(1 / np.arange(1, WORDS + 1))
    lengths = generator.integers(6, 30, _SENTENCES)
    drawn = np.searchsorted(share / share[-1], generator.random(int(lengths.sum()))).tolist()
    lines, begin = [], 0
    for length in lengths.tolist():
        lines.append(" ".join(words[index] for index in drawn[begin : begin + length]).capitalize() + ".\n")
        begin += length
    return "".join(lines)
