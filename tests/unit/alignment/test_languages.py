from __future__ import annotations

import numpy as np
import pytest

from downlaw.alignment.languages import described, identify, shares


class Letters:
    """Gives each text its first letter as language."""

    def identify(self, texts):
        return [text[0] for text in texts]


class Decoded:
    """A tokenizer whose pieces are letters."""

    def decode(self, rows):
        assert all(isinstance(piece, int) for row in rows for piece in row)
        return ["".join(chr(piece) for piece in row) for row in rows]


def test_each_window_has_its_language():
    windows = np.array([[ord(letter) for letter in text] for text in ("ab", "ba", "ab")])
    assert identify(windows, Decoded(), Letters()).tolist() == ["a", "b", "a"]
    assert identify(windows[:0], Decoded(), Letters()).size == 0


def test_shares_fall_and_equation_2_follows_from_them():
    heard = shares(["en"] * 5 + ["de"] * 3 + ["fr"] * 1 + ["da"] * 1)
    assert heard == {"en": 0.5, "de": 0.3, "da": 0.1, "fr": 0.1}
    assert list(heard) == ["en", "de", "da", "fr"]
    found = described(heard, "en", "de")
    assert found["other"] == pytest.approx(0.2)
    assert found["alignment_score"] == pytest.approx(0.5 * 0.3 + 0.7 * 0.5 + 0.8 * 0.3)
    assert described(heard, "pl", "sv") == {"source": 0, "target": 0, "other": 1, "alignment_score": 0}
    assert shares([]) == {}
