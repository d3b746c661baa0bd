"""Translation choice: is the true target of a test segment likelier than others of the same length?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import MeanScore
from .choices import errors


class TranslationChoiceError(MeanScore):
    """Share of test segments, 0 to 1, of which another target has the higher log-likelihood a piece."""

    name = "translation_choice_error"


class TranslationChoiceErrorRaw(MeanScore):
    """The same by the log-likelihood of whole targets."""

    name = "translation_choice_error_raw"


def translation_choice_statistics(
    negative_log_likelihoods: ArrayLike, pieces: ArrayLike
) -> dict[str, NDArray[np.float64]]:
    """What the two errors sum, each of shape (segments,); see `downlaw.metrics.choices` for ties.

    Both arguments, nats and pieces, are of shape (segments, choices), the true target first.
    """
    nats, sizes = np.asarray(negative_log_likelihoods, float), np.asarray(pieces, int)
    segments, choices = nats.shape
    found = errors(-nats.ravel(), sizes.ravel(), np.full(segments, choices), np.zeros(segments, int))
    summed, counted = TranslationChoiceError.columns
    return {
        summed: found.normalised,
        TranslationChoiceErrorRaw.columns[0]: found.raw,
        counted: np.ones(segments),
    }
