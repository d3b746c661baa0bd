"""Shares of languages in a mixture as an identifier hears them, beside what its label says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from downlaw.corpora.mixing import alignment_score
from downlaw.corpora.tokenizer import Tokenizer
from downlaw.language import Identifier


def identify(windows: np.ndarray, tokenizer: Tokenizer, identifier: Identifier) -> np.ndarray:
    """The language of each window of pieces, shape (windows,)."""
    if not len(windows):
        return np.empty(0, dtype="<U3")
    return np.array(identifier.identify(tokenizer.decode(windows.tolist())))


def shares(languages: Sequence[str] | np.ndarray) -> dict[str, float]:
    """Share of each language by falling share; windows are equally long, so it is one of pieces."""
    counted = Counter(np.asarray(languages).tolist())
    return {
        language: count / counted.total()
        for language, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    }


def described(by_language: dict[str, float], source: str, target: str) -> dict[str, float]:
    """Shares of a task's source, its target and everything else, and Eq. 2 of Isik et al. 2024 from them."""
    in_source, in_target = by_language.get(source, 0.0), by_language.get(target, 0.0)
    return {
        "source": in_source,
        "target": in_target,
        "other": max(0.0, 1.0 - in_source - in_target),
        "alignment_score": alignment_score(by_language, source, target),
    }
