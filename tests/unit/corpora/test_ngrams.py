from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.corpora import ngrams
from downlaw.corpora.ngrams import fingerprints, hash_texts, hash_texts_by
from downlaw.corpora.overlap import MEASURED, Known
from downlaw.corpora.overlap import test_set as make_set

LONG = "one two three four five six seven eight nine ten"

WORD = st.sampled_from(["a", "B", "ä", "10", "7x", "٣", "İ", "Σς", "x_y", "don't", "…", "字", "²", "a\nb"])
TEXTS = st.lists(st.lists(WORD, max_size=20).map(" ".join) | st.text(max_size=30), max_size=12)


def test_fingerprints():
    assert list(fingerprints(LONG, 8)) == [
        "one two three four five six seven eight",
        "two three four five six seven eight nine",
        "three four five six seven eight nine ten",
    ]
    assert list(fingerprints(LONG, 13)) == [LONG]
    assert list(fingerprints("Only, three WORDS!", 8)) == ["only three words"]
    assert list(fingerprints("a b c d e f g h", 8)) == ["a b c d e f g h"]


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(1, 6))
def test_hashes_are_equal_where_fingerprints_are(texts: list[str], n: int):
    strings = [(gram, place) for place, text in enumerate(texts) for gram in fingerprints(text, n)]
    found = hash_texts(texts, n)
    assert [place for _, place in strings] == found.texts.tolist()
    pairs = set(zip((gram for gram, _ in strings), found.values.tolist(), strict=True))
    assert len({gram for gram, _ in pairs}) == len(pairs) == len({value for _, value in pairs})


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from([2, 3, 8]))
def test_segments_seen_are_those_that_share_a_fingerprint(train: list[str], test: list[str], n: int):
    known = Known([make_set("t", test, n)])
    met = np.zeros(len(known.values), dtype=bool)
    places, texts = known.find(hash_texts(train, n))
    met[places] = True
    read = [set(fingerprints(text, n)) for text in train]
    grams = [set(fingerprints(text, n)) for text in test]
    assert known.segments_seen(met)[0].tolist() == [not set().union(*read).isdisjoint(own) for own in grams]
    assert set(texts.tolist()) == {
        place for place, own in enumerate(read) if not own.isdisjoint(set().union(*grams))
    }


def test_a_text_is_hashed_alike_wherever_a_batch_ends(monkeypatch: pytest.MonkeyPatch):
    texts = [f"{LONG} {number} and more of it" for number in range(50)] + ["", "short one", LONG * 3]
    whole = hash_texts_by(texts, MEASURED)
    monkeypatch.setattr(ngrams, "_CHUNK", 3)
    monkeypatch.setattr(ngrams, "_CHUNK_CHARACTERS", 150)
    for n, found in hash_texts_by(texts, MEASURED).items():
        assert (found.values == whole[n].values).all() and (found.texts == whole[n].texts).all()
    assert [len(found.values) for found in hash_texts_by([], MEASURED).values()] == [0, 0]


def test_words_part_where_they_part_and_their_order_counts():
    same = ("Save the file, now!", "save THE file now", "save - the file now")
    other = ("savethe file now", "save the now file", "save the file now now", "save the file")
    values = [hash_texts([text], 8).values.item() for text in same + other]
    assert len(set(values)) == 1 + len(other)
    assert len(set(values[: len(same)])) == 1
