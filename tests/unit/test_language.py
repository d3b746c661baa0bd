from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from downlaw.language import Identifier

SENTENCES = {
    "en": "The settings of this page were saved and can be used by everyone.",
    "de": "Die Einstellungen dieser Seite wurden gespeichert und gelten für alle.",
    "fr": "Les réglages de cette page ont été enregistrés et valent pour tous.",
    "ro": "Setările acestei pagini au fost salvate și sunt valabile pentru toți.",
}


@pytest.fixture(scope="module")
def identifier() -> Identifier:
    return Identifier(SENTENCES)


@pytest.fixture(scope="module")
def reference(identifier) -> LanguageIdentifier:
    model = LanguageIdentifier.from_pickled_model(MODEL_FILE)
    model.set_languages(identifier.languages)
    return model


def test_languages_of_sentences(identifier):
    assert identifier.identify(list(SENTENCES.values())) == list(SENTENCES)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=12))
def test_scores_are_those_of_py3langid(identifier, reference, texts):
    texts += list(SENTENCES.values())
    expected = [
        reference.nb_classprobs(reference.instance2fv(text, datatype="uint32").astype(float))
        for text in texts
    ]
    np.testing.assert_allclose(identifier.scores(texts), expected, rtol=1e-9, atol=1e-6)


def test_no_text(identifier):
    assert identifier.scores([]).shape == (0, len(identifier.languages))


def test_languages_are_the_known_ones_and_their_confusions():
    languages = Identifier(["cy", "tlh"]).languages
    assert "cy" in languages and "tlh" not in languages and "en" in languages
