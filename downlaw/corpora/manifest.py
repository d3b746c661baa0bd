"""What a manifest says of the rows of a corpus part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .clean import words
from .hashing import hashed
from .segments import Row

_HELD = 1 << 20


class Counts:
    """Documents and segments of the rows added, and words by language; 8 bytes a document are held."""

    def __init__(self, languages: Sequence[str]) -> None:
        self._languages = languages
        self._words = [0] * len(languages)
        self._documents = np.empty(0, np.uint64)
        self._new: list[int] = []
        self._last: str | None = None
        self.segments = 0

    def add(self, row: Row) -> None:
        self.segments += 1
        for side, text in enumerate(row.texts):
            self._words[side] += words(text, self._languages[side])
        if row.document != self._last:
            self._last = row.document
            self._new.append(hashed(row.document))
            if len(self._new) >= _HELD:
                self._merge()

    def _merge(self) -> None:
        new = np.array(self._new, np.uint64)
        self._documents, self._new = np.union1d(self._documents, new), []

    def describe(self) -> dict[str, Any]:
        self._merge()
        return {
            "documents": len(self._documents),
            "segments": self.segments,
            "words": dict(zip(self._languages, self._words, strict=True)),
        }
