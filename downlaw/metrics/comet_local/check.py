"""How well a metric follows known damage to references it has not seen, beside chrF and sentence BLEU."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU
from scipy.stats import spearmanr

from downlaw.metrics.base import Translations
from downlaw.metrics.bleu import Bleu
from downlaw.metrics.chrf import Chrf

from .corruption import Pair, Row, damage, system

Score = Callable[[Translations], NDArray[np.float64]]
"""Scores of segments, shape (segments,)."""

ROWS_A_PAIR = 8
LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Severities of the made-up systems; neighbours are 0.1 apart."""

NEGATIONS = {
    "de": "nicht kein keine keinen keinem keiner keines nie niemals nichts",
    "en": "not no never cannot don't doesn't isn't can't won't nothing",
    "es": "no nunca jamás nada",
    "fr": "pas jamais rien aucun aucune",
    "it": "non mai niente nessun nessuna",
    "nl": "niet geen nooit niets",
    "pl": "nie nigdy nic",
    "pt": "não nunca nada",
    "ro": "nu niciodată nimic",
    "sv": "inte aldrig ingen inget inga",
}
"""Words whose loss turns the meaning of a sentence round."""

LEAST_NEGATIONS = 10


def figures(held_out: Sequence[Pair], score: Score, seed: int) -> dict[str, Any]:
    """What a model card reports of a metric, on pairs that the metric was not trained on.

    Returns:
        `references` and `rows`; `spearman`: rank correlation with -severity, by metric; `order`: share of
        pairs of made-up systems in the right order, and of neighbouring ones; `negation`: see `_negation`.
    """
    rows = damage(held_out, ROWS_A_PAIR * len(held_out), [seed, 2])
    severity = np.array([row.severity for row in rows])
    systems = [system(held_out, level, [seed, 3, number]) for number, level in enumerate(LEVELS)]
    true = [float(np.mean([row.severity for row in made])) for made in systems]
    scorers = {"comet_local": score, "chrf": _chrf, "bleu": _bleu}
    scores = {name: _by_language(rows, scorer) for name, scorer in scorers.items()}
    return {
        "references": len(held_out),
        "rows": len(rows),
        "spearman": {
            name: round(float(spearmanr(values, -severity).statistic), 4) for name, values in scores.items()
        },
        "systems": [round(value, 4) for value in true],
        "order": {
            name: _order(true, [_system_score(made, name, score) for made in systems]) for name in scorers
        },
        "negation": _negation(held_out, scorers, seed),
    }


def _translations(rows: Sequence[Row], language: str) -> Translations:
    return Translations(
        [row.pair.source for row in rows],
        [row.hypothesis for row in rows],
        [row.pair.reference for row in rows],
        "und",
        language,
    )


def _by_language(rows: Sequence[Row], score: Score) -> NDArray[np.float64]:
    """Scores of rows, each scored among those of its target language."""
    scores = np.empty(len(rows))
    for language in sorted({row.pair.language for row in rows}):
        places = [place for place, row in enumerate(rows) if row.pair.language == language]
        scores[places] = score(_translations([rows[place] for place in places], language))
    return scores


def _chrf(translations: Translations) -> NDArray[np.float64]:
    metric = Chrf()
    return metric.score(metric.count(translations))


def _bleu(translations: Translations) -> NDArray[np.float64]:
    metric = BLEU(effective_order=True)
    pairs = zip(translations.hypotheses, translations.references, strict=True)
    return np.array([metric.sentence_score(hypothesis, [reference]).score for hypothesis, reference in pairs])


def _system_score(rows: Sequence[Row], name: str, score: Score) -> float:
    """A score of a whole test set: of the corpus for chrF and BLEU, the mean over segments otherwise."""
    if name == "comet_local":
        return float(_by_language(rows, score).mean())
    metric = Chrf() if name == "chrf" else Bleu()
    totals = [
        metric.count(_translations([row for row in rows if row.pair.language == language], language))
        for language in sorted({row.pair.language for row in rows})
    ]
    return float(metric.score(np.concatenate(totals).sum(axis=0, keepdims=True))[0])


def _order(severities: Sequence[float], scores: Sequence[float]) -> dict[str, float]:
    """Shares of pairs of systems of which the less damaged one scores higher."""
    ordered = [score for _, score in sorted(zip(severities, scores, strict=True))]
    every = [ordered[better] > ordered[worse] for worse in range(len(ordered)) for better in range(worse)]
    near = [better > worse for better, worse in pairwise(ordered)]
    return {"all": round(float(np.mean(every)), 4), "neighbours": round(float(np.mean(near)), 4)}


def _negation(pairs: Sequence[Pair], scorers: Mapping[str, Score], seed: int) -> dict[str, Any] | None:
    """Mean loss of score where a negation is left out of the reference, and where another word is, chosen at
    random: a metric that sees meaning loses far more for the negation.

    None where fewer than LEAST_NEGATIONS references have one that this module knows.
    """
    generator = np.random.default_rng([seed, 4])
    without, other, found = [], [], []
    for pair in pairs:
        words = pair.reference.split()
        known = set(NEGATIONS.get(pair.language, "").split())
        bare = [re.sub(r"^\W+|\W+$", "", word).casefold() for word in words]
        places = [place for place, word in enumerate(bare) if word in known]
        others = [place for place, word in enumerate(bare) if word and word not in known]
        if len(places) != 1 or not others:
            continue
        found.append(Row(pair, pair.reference, 0.0, "same"))
        without.append(_without(pair, words, places[0]))
        other.append(_without(pair, words, others[generator.integers(len(others))]))
    if len(found) < LEAST_NEGATIONS:
        return None
    losses: dict[str, Any] = {"references": len(found)}
    for name, score in scorers.items():
        whole, turned, harmless = (_by_language(rows, score) for rows in (found, without, other))
        losses[name] = {
            "without_negation": round(float((whole - turned).mean()), 4),
            "without_another_word": round(float((whole - harmless).mean()), 4),
        }
    return losses


def _without(pair: Pair, words: Sequence[str], place: int) -> Row:
    return Row(pair, " ".join([*words[:place], *words[place + 1 :]]), 0.0, "drop")
