from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downlaw.engine.distractors import TooFewError, distractors

TARGETS = st.lists(st.lists(st.integers(4, 6), max_size=6).map(lambda ids: np.array([*ids, 2])), max_size=30)


@given(TARGETS, st.integers(1, 4))
def test_they_are_others_and_as_near_in_length_as_there_are(targets, count):
    texts = [tuple(ids) for ids in targets]
    if len(set(texts)) <= count:
        with pytest.raises(TooFewError, match=f"translation_choices needs {count + 1}"):
            distractors(targets, count)
        return
    found = distractors(targets, count)
    assert found == distractors(targets, count)
    for text, indices in zip(texts, found, strict=True):
        chosen = {texts[index] for index in indices}
        assert len(chosen) == len(indices) == count and text not in chosen
        farthest = max(abs(len(other) - len(text)) for other in chosen)
        left = set(texts) - chosen - {text}
        assert all(abs(len(other) - len(text)) >= farthest for other in left)


def test_chance_decides_among_equals_and_a_seed_decides_chance():
    targets = [np.array([piece, 2]) for piece in range(4, 104)]
    first = distractors(targets, 3)
    assert distractors(targets, 3, seed=1) != first
    assert len({index for indices in first for index in indices}) > 90
    assert [indices[:2] for indices in first] == distractors(targets, 2)
