from __future__ import annotations

import numpy as np
import pytest

from downlaw.metrics.comet_local.check import _order, figures
from downlaw.metrics.comet_local.corruption import Pair

NEGATED = [Pair(f"source {n}", f"das Fenster {n} war gestern nicht offen", "de") for n in range(12)]


def kept_words(translations):
    """Share of the reference's words that the hypothesis has."""
    both = zip(translations.hypotheses, translations.references, strict=True)
    return np.array([np.mean([word in h.split() for word in r.split()]) for h, r in both])


def sees_negation(translations):
    both = zip(translations.hypotheses, translations.references, strict=True)
    return np.array([float("nicht" in h.split() or "nicht" not in r.split()) for h, r in both])


def test_a_metric_that_follows_the_damage_correlates_and_orders_systems(pairs):
    found = figures(pairs, kept_words, 1)
    assert (found["references"], found["rows"]) == (40, 320)
    assert found["spearman"]["comet_local"] > 0.5
    assert found["order"]["comet_local"]["all"] > 0.9
    assert set(found["spearman"]) == set(found["order"]) == {"comet_local", "chrf", "bleu"}
    assert found["systems"] == sorted(found["systems"])
    assert found == figures(pairs, kept_words, 1)


def test_a_metric_of_noise_correlates_with_nothing(pairs):
    noise = np.random.default_rng(1)
    found = figures(pairs, lambda translations: noise.normal(size=len(translations)), 1)
    assert abs(found["spearman"]["comet_local"]) < 0.2


def test_a_metric_that_sees_negations_loses_all_for_them_and_nothing_for_other_words():
    found = figures(NEGATED, sees_negation, 1)["negation"]
    assert found["references"] == 12
    assert found["comet_local"] == {"without_negation": 1.0, "without_another_word": 0.0}
    assert found["chrf"]["without_negation"] > 0


def test_negations_that_are_unknown_or_few_are_not_measured(pairs):
    assert figures(pairs, kept_words, 1)["negation"] is None
    assert figures(NEGATED[:9], kept_words, 1)["negation"] is None


def test_pairs_of_systems_in_order():
    assert _order([0.0, 0.1, 0.2], [3.0, 2.0, 1.0]) == {"all": 1.0, "neighbours": 1.0}
    assert _order([0.2, 0.0, 0.1], [1.0, 2.0, 3.0]) == {
        "all": pytest.approx(2 / 3, abs=1e-4),
        "neighbours": 0.5,
    }
    assert _order([0.0, 0.1], [1.0, 1.0]) == {"all": 0.0, "neighbours": 0.0}
