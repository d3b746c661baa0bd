"""What of the test text was seen in training, by which rule, and what had been taken out before."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from downlaw.corpora.overlap import N
from downlaw.study.shared import SharedStudy

from ..contamination import contamination_said
from .tables import Results


def seen_said(results: Results, scores: pd.DataFrame) -> Iterator[str]:
    """The sentence on test segments seen, with the rule that it goes by.

    Where the study is known and takes out training text that holds test text, it says so: none is then seen
    by construction.
    """
    here = scores[scores["n"] == N]
    for sentence in contamination_said(scores):
        rule = f"{sentence} The rule: {N} words in a row, or a shorter segment as a whole."
        if not here.empty and not here["segments_seen"].max() and _taken_out(results):
            rule += " The study takes such training text out before, so that none is seen by construction."
        yield rule


def _taken_out(results: Results) -> bool:
    """Whether the study is known to leave out what overlaps with test text."""
    if results.study is None:
        return False
    return bool(results.study.get("decontaminate", SharedStudy.model_fields["decontaminate"].default))
