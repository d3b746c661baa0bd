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


@dataclass(frozen=True)
class Translations:
    """A translated test set, detokenized: a source, a hypothesis and a reference a segment.

    source_language, target_language: ISO 639-1 codes. Raises ValueError when the counts differ, when there
    are no segments, and when a reference is empty.
    """

    sources: Sequence[str]
    hypotheses: Sequence[str]
    references: Sequence[str]
    source_language: str
    target_language: str

    def __post_init__(self) -> None:
        for what, texts in (("hypotheses", self.hypotheses), ("sources", self.sources)):
            if len(texts) != len(self.references):
                raise ValueError(
                    f"{len(texts)} {what} but {len(self.references)} references; each needs the other"
                )
        if not self.references:
            raise ValueError("no segments to score")
        for number, reference in enumerate(self.references, start=1):
            if not reference.strip():
                raise ValueError(
                    f"reference {number} of {len(self.references)} is empty; take it out of the test set"
                )

    def __len__(self) -> int:
        return len(self.references)


class Metric(ABC):
    """A score of translations that is a function of sums over segments.

    name: its column in a table of runs. columns: what is summed, in the table of segment statistics; two
    metrics may share a column only if they count the same.
    """

    name: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    @abstractmethod
    def count(self, translations: Translations) -> NDArray[np.float64]:
        """What each segment adds to the sums, shape (segments, len(columns))."""

    @abstractmethod
    def score(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores, shape (n,), from n sums over segments, shape (n, len(columns))."""

    @property
    @abstractmethod
    def signature(self) -> str:
        """Everything that decides the numbers, without spaces, in sacrebleu's notation; counts that were
        kept under another signature are made anew."""

    def parts(self, totals: NDArray[np.float64]) -> Mapping[str, float]:
        """Further columns of a table of runs, from the sums over the test set, shape (len(columns),)."""
        return {}


class MeanMetric(Metric):
    """A metric whose score is the mean of `scale` times the scores of segments."""

    scale: ClassVar[float] = 1.0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if hasattr(cls, "name"):
            cls.columns = (f"{cls.name}_sum", "scored_segments")

    @abstractmethod
    def segment_scores(self, translations: Translations) -> NDArray[np.float64]:
        """The score of each segment, shape (segments,)."""

    def count(self, translations: Translations) -> NDArray[np.float64]:
        scores = np.asarray(self.segment_scores(translations), dtype=float)
        return np.column_stack([scores, np.ones_like(scores)])

    def score(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.scale * totals[:, 0] / totals[:, 1]
