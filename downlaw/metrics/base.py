"""What a metric of translations is: sums over test segments, and a score from the sums.

Every metric counts something in each segment; the score of a test set is a function of the sums of these
counts. So one table of counts gives the scores, their intervals, their errors over a whole curve and the
difference between two systems, all without decoding or counting again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from downlaw.files import digest

MOST_REFERENCE_WORDS = 1000
"""A longer reference is no segment but a document, and metrics that align words would take minutes on it."""


class TextError(ValueError):
    """Text that cannot be scored; the message says which segment, and what to do."""


@dataclass(frozen=True)
class Translations:
    """A translated test set, detokenized: a source, a hypothesis and a reference a segment.

    source_language, target_language: ISO 639-1 codes. languages: those that output may be in by mistake, for
    identification; without any, all that the identifier knows.

    Raises:
        TextError: when the counts differ, when there are no segments, and when a reference is empty or
            longer than MOST_REFERENCE_WORDS.
    """

    sources: Sequence[str]
    hypotheses: Sequence[str]
    references: Sequence[str]
    source_language: str
    target_language: str
    languages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.references)
        for what, texts in (("hypotheses", self.hypotheses), ("sources", self.sources)):
            if len(texts) != count:
                raise TextError(f"{len(texts)} {what} but {count} references; each needs the other")
        if not count:
            raise TextError("no segments to score")
        for number, reference in enumerate(self.references, start=1):
            words = len(reference.split())
            if not words:
                raise TextError(f"reference {number} of {count} is empty; take it out of the test set")
            if words > MOST_REFERENCE_WORDS:
                raise TextError(
                    f"reference {number} of {count} has {words:,} words, more than {MOST_REFERENCE_WORDS:,}; "
                    "cut it into segments or take it out of the test set"
                )

    def __len__(self) -> int:
        return len(self.references)

    @property
    def digest(self) -> str:
        """Names the three texts: 16 hexadecimal digits."""
        return digest([list(self.sources), list(self.hypotheses), list(self.references)])


class SummedMetric(ABC):
    """A score of a test set that is a function of sums over its segments.

    name: its column in a table of runs. columns: what is summed, in a table of segment statistics; two
    metrics share a column only where they sum the same.
    """

    name: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    @abstractmethod
    def score(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores, shape (n,), from n sums over segments, shape (n, len(columns))."""

    def parts(self, totals: NDArray[np.float64]) -> Mapping[str, float | bool]:
        """Further columns of a table of runs, from the sums over the test set, shape (len(columns),)."""
        return {}


class MeanScore(SummedMetric):
    """The mean of the scores of segments, times `scale`."""

    scale: ClassVar[float] = 1.0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if hasattr(cls, "name"):
            cls.columns = (f"{cls.name}_sum", "scored_segments")

    def score(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.scale * totals[:, 0] / totals[:, 1]


class Metric(SummedMetric):
    """A score of translations from their text."""

    @abstractmethod
    def count(self, translations: Translations) -> NDArray[np.float64]:
        """What each segment adds to the sums, shape (segments, len(columns))."""

    @property
    @abstractmethod
    def signature(self) -> str:
        """Everything that decides the numbers, without spaces, in sacrebleu's notation; counts that were
        kept under another signature are made anew."""


class MeanMetric(MeanScore, Metric):
    """A metric whose score is the mean of the scores of segments."""

    @abstractmethod
    def segment_scores(self, translations: Translations) -> Sequence[float] | NDArray[np.float64]:
        """The score of each segment, before scaling, shape (segments,)."""

    def count(self, translations: Translations) -> NDArray[np.float64]:
        scores = np.asarray(self.segment_scores(translations), dtype=float)
        return np.column_stack([scores, np.ones_like(scores)])
