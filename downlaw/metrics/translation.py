"""Translation scores by sacrebleu (Post 2018, arXiv:1804.08771): BLEU and chrF with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.base import Metric
from sacrebleu.significance import estimate_ci

from .resampling import DEFAULT_BOOTSTRAP, DEFAULT_SEED, interval, resampled_totals

BLEU_COLUMNS = (
    "bleu_hypothesis_length",
    "bleu_reference_length",
    *(f"bleu_matches_{order}" for order in range(1, 5)),
    *(f"bleu_ngrams_{order}" for order in range(1, 5)),
)
"""What BLEU sums over segments: tokens, and matched and possible n-grams of orders 1 to 4."""

CHRF_COLUMNS = tuple(
    f"chrf_{counted}_{order}"
    for order in range(1, 7)
    for counted in ("hypothesis_ngrams", "reference_ngrams", "matches")
)
"""What chrF sums over segments: character n-grams of orders 1 to 6."""

_CHRF_BETA = CHRF.BETA


@dataclass(frozen=True)
class TranslationScores:
    """Corpus scores of one system over `segments` test segments; BLEU, its precisions and chrF between 0
    and 100.

    bleu_low, bleu_high, chrf_low, chrf_high: 2.5% and 97.5% percentiles over bootstrap resamples of the
    segments. bleu_mean, bleu_half_width: the same resamples as sacrebleu's own `--confidence` reports them.
    brevity_penalty: between 0 and 1. precisions: of 1- to 4-grams, smoothed as BLEU smooths them.
    bleu_signature, chrf_signature: everything that decides the numbers, in sacrebleu's own notation.
    counts: BLEU_COLUMNS and CHRF_COLUMNS of each segment, shape (segments, 28), as sacrebleu counts them.
    """

    bleu: float
    bleu_low: float
    bleu_high: float
    bleu_mean: float
    bleu_half_width: float
    brevity_penalty: float
    precisions: tuple[float, float, float, float]
    chrf: float
    chrf_low: float
    chrf_high: float
    segments: int
    bleu_signature: str
    chrf_signature: str
    counts: NDArray[np.int64] = field(repr=False, compare=False)

    @property
    def signature(self) -> str:
        """Both signatures in one line, each after the name of its score."""
        return f"BLEU|{self.bleu_signature} chrF2|{self.chrf_signature}"

    def as_row(self) -> dict[str, float | int | str]:
        """The scores under the column names of a table of runs."""
        return {
            "bleu": self.bleu,
            "bleu_low": self.bleu_low,
            "bleu_high": self.bleu_high,
            "brevity_penalty": self.brevity_penalty,
            **{f"precision_{order}": precision for order, precision in enumerate(self.precisions, start=1)},
            "chrf": self.chrf,
            "chrf_low": self.chrf_low,
            "chrf_high": self.chrf_high,
            "test_segments": self.segments,
            "signature": self.signature,
        }


def score_translations(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    bootstrap: int = DEFAULT_BOOTSTRAP,
    seed: int = DEFAULT_SEED,
    tokenize: str = "13a",
) -> TranslationScores:
    """Score detokenized `hypotheses` against one reference each, as sacrebleu's command line does.

    `bootstrap` resamples of the segments give the intervals; a test set of the same size and the same seed
    is always resampled alike, so that systems can be compared resample by resample. `tokenize` is one of
    sacrebleu's tokenizers (Chinese, Japanese and Korean need their own). Raises ValueError when the counts
    differ, when there are no segments, when a reference is empty, and when `bootstrap` is below 2.
    """
    _check(hypotheses, references, bootstrap)
    bleu_metric, chrf_metric = BLEU(tokenize=tokenize), CHRF()
    bleu_counts = _segment_counts(bleu_metric, hypotheses, references)
    chrf_counts = _segment_counts(chrf_metric, hypotheses, references)
    bleu = bleu_metric._compute_score_from_stats(bleu_counts.sum(axis=0).tolist())
    chrf = chrf_metric._compute_score_from_stats(chrf_counts.sum(axis=0).tolist())
    resampled_bleu = bleu_from_totals(resampled_totals(bleu_counts, bootstrap, seed))
    resampled_chrf = chrf_from_totals(resampled_totals(chrf_counts, bootstrap, seed))
    bleu_low, bleu_high = interval(resampled_bleu)
    chrf_low, chrf_high = interval(resampled_chrf)
    mean, half_width = estimate_ci(resampled_bleu)
    return TranslationScores(
        bleu=float(bleu.score),
        bleu_low=bleu_low,
        bleu_high=bleu_high,
        bleu_mean=float(mean),
        bleu_half_width=float(half_width),
        brevity_penalty=float(bleu.bp),
        precisions=tuple(float(precision) for precision in bleu.precisions),
        chrf=float(chrf.score),
        chrf_low=chrf_low,
        chrf_high=chrf_high,
        segments=len(references),
        bleu_signature=_signature(bleu_metric, bootstrap, seed),
        chrf_signature=_signature(chrf_metric, bootstrap, seed),
        counts=np.hstack([bleu_counts, chrf_counts]),
    )


def bleu_from_totals(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """BLEU, shape (n,), from sums of BLEU_COLUMNS, shape (n, 10): sacrebleu's, with its default smoothing.

    That smoothing (`exp`, method 3 of Chen and Cherry 2014, W14-3346) counts the k-th order without a match
    as 1 / 2^k matches. No match at all, or an order without any n-gram, is 0.
    """
    hypothesis, reference, matches, ngrams = totals[:, 0], totals[:, 1], totals[:, 2:6], totals[:, 6:]
    unmatched = matches == 0
    smoothed = np.where(unmatched, 0.5 ** np.cumsum(unmatched, axis=1), matches)
    defined = matches.any(axis=1) & ngrams.all(axis=1)
    precisions = 100 * smoothed[defined] / ngrams[defined]
    brevity_penalty = np.exp(np.minimum(0, 1 - reference[defined] / hypothesis[defined]))
    scores = np.zeros(len(totals))
    scores[defined] = brevity_penalty * np.exp(np.log(precisions).mean(axis=1))
    return scores


def chrf_from_totals(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """chrF2, shape (n,), from sums of CHRF_COLUMNS, shape (n, 18): sacrebleu's.

    Precision and recall are averaged over the orders that both sides have n-grams of; without any, it is 0.
    """
    hypothesis, reference, matches = totals[:, 0::3], totals[:, 1::3], totals[:, 2::3]
    counted = (hypothesis > 0) & (reference > 0)
    orders = np.maximum(counted.sum(axis=1), 1)
    precision = (np.divide(matches, hypothesis, out=np.zeros_like(matches), where=counted)).sum(1) / orders
    recall = (np.divide(matches, reference, out=np.zeros_like(matches), where=counted)).sum(1) / orders
    weighted = _CHRF_BETA**2 * precision + recall
    product = 100 * (1 + _CHRF_BETA**2) * precision * recall
    return np.divide(product, weighted, out=np.zeros(len(totals)), where=weighted > 0)


def _check(hypotheses: Sequence[str], references: Sequence[str], bootstrap: int) -> None:
    if len(hypotheses) != len(references):
        raise ValueError(
            f"{len(hypotheses)} hypotheses but {len(references)} references; each needs the other"
        )
    if not references:
        raise ValueError("no segments to score")
    for number, reference in enumerate(references, start=1):
        if not reference.strip():
            raise ValueError(f"reference {number} of {len(references)} is empty; take it out of the test set")
    if bootstrap < 2:
        raise ValueError(f"bootstrap must be at least 2 resamples, not {bootstrap}")


def _segment_counts(metric: Metric, hypotheses: Sequence[str], references: Sequence[str]) -> NDArray:
    # sacrebleu shows the counts of a segment for BLEU alone; all its metrics make them here.
    return np.array(metric._extract_corpus_statistics(list(hypotheses), [list(references)]))


def _signature(metric: Metric, bootstrap: int, seed: int) -> str:
    signature = metric.get_signature()
    signature.update("bs", bootstrap)
    signature.update("seed", seed)
    return signature.format()
