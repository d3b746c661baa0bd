"""What a manifest says of the rows of a corpus part."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .clean import words
from .segments import Row


def counts(rows: Collection[Row], languages: Sequence[str]) -> dict[str, Any]:
    """Documents and segments of `rows`, and words by language."""
    return {
        "documents": len({row.document for row in rows}),
        "segments": len(rows),
        "words": {
            language: sum(words(row.texts[side]) for row in rows) for side, language in enumerate(languages)
        },
    }
