"""Translation scores by sacrebleu (Post 2018, arXiv:1804.08771): BLEU with a bootstrap interval, and chrF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import estimate_ci

DEFAULT_BOOTSTRAP = 1000
DEFAULT_SEED = 12345
"""The seed sacrebleu itself uses, so that our resamples are those of its own confidence intervals."""


@dataclass(frozen=True)
class TranslationScores:
    """Corpus scores of one system over `segments` test segments; BLEU, its precisions and chrF between 0
    and 100.

    bleu_low, bleu_high: 2.5% and 97.5% percentiles of BLEU over bootstrap resamples of the segments.
    bleu_mean, bleu_half_width: the same resamples as sacrebleu's own `--confidence` reports them.
    brevity_penalty: between 0 and 1. precisions: of 1- to 4-grams, smoothed as BLEU smooths them.
    bleu_signature, chrf_signature: everything that decides the numbers, in sacrebleu's own notation.
    """

    bleu: float
    bleu_low: float
    bleu_high: float
    bleu_mean: float
    bleu_half_width: float
    brevity_penalty: float
    precisions: tuple[float, float, float, float]
    chrf: float
    segments: int
    bleu_signature: str
    chrf_signature: str

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

    `bootstrap` resamples of the segments give the interval; a test set of the same size and the same seed
    is always resampled alike, so that systems can be compared resample by resample. `tokenize` is one of
    sacrebleu's tokenizers (Chinese, Japanese and Korean need their own). Raises ValueError when the counts
    differ, when there are no segments, when a reference is empty, and when `bootstrap` is below 2.
    """
    _check(hypotheses, references, bootstrap)
    hypotheses, references = list(hypotheses), list(references)
    bleu_metric, chrf_metric = BLEU(tokenize=tokenize), CHRF()
    bleu = bleu_metric.corpus_score(hypotheses, [references])
    chrf = chrf_metric.corpus_score(hypotheses, [references])
    resampled = _bootstrap_bleu(_bleu_counts(hypotheses, references, tokenize), bootstrap, seed)
    low, high = np.percentile(resampled, [2.5, 97.5])
    mean, half_width = estimate_ci(resampled)
    signature = bleu_metric.get_signature()
    signature.update("bs", bootstrap)
    signature.update("seed", seed)
    return TranslationScores(
        bleu=float(bleu.score),
        bleu_low=float(low),
        bleu_high=float(high),
        bleu_mean=float(mean),
        bleu_half_width=float(half_width),
        brevity_penalty=float(bleu.bp),
        precisions=tuple(float(precision) for precision in bleu.precisions),
        chrf=float(chrf.score),
        segments=len(references),
        bleu_signature=signature.format(),
        chrf_signature=chrf_metric.get_signature().format(),
    )


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


def _bleu_counts(hypotheses: list[str], references: list[str], tokenize: str) -> NDArray[np.int64]:
    """Sufficient statistics of BLEU for each segment, shape (segments, 10): hypothesis length, reference
    length, matched and possible n-grams of orders 1 to 4."""
    # Effective order changes a sentence's score but not its counts, and spares us a warning at each.
    metric = BLEU(tokenize=tokenize, effective_order=True)
    scores = (metric.sentence_score(hyp, [ref]) for hyp, ref in zip(hypotheses, references, strict=True))
    return np.array([[score.sys_len, score.ref_len, *score.counts, *score.totals] for score in scores])


def _bootstrap_bleu(counts: NDArray[np.int64], bootstrap: int, seed: int) -> NDArray[np.float64]:
    """BLEU of `bootstrap` resamples of the segments, shape (bootstrap,), drawn as sacrebleu draws them."""
    drawn = np.random.default_rng(seed).choice(len(counts), size=(bootstrap, len(counts)), replace=True)
    scores = np.empty(bootstrap)
    for number, segments in enumerate(drawn):
        total = counts[segments].sum(axis=0).tolist()
        scores[number] = BLEU.compute_bleu(
            total[2:6], total[6:], total[0], total[1], smooth_method="exp"
        ).score
    return scores
