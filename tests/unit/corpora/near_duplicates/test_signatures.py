from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.corpora.near_duplicates import Signatures
from downlaw.corpora.near_duplicates.signatures import SHORT, are_short, bands, hashes, tokens
from downlaw.study.text import NearDuplicates as Config

TEXT = "The settings of this page were saved and can be used by everyone who has the key"


def sets_of_similarity(size: int, shared: int, seed: int) -> tuple[str, str]:
    """Two texts of one-word runs with `size` words each, of which `shared` are in both."""
    random = np.random.default_rng(seed)
    words = [
        "".join(chr(97 + int(letter)) for letter in word) for word in random.integers(0, 26, (2 * size, 9))
    ]
    return " ".join(words[:size]), " ".join(words[:shared] + words[size : 2 * size - shared])


def test_signatures_are_the_same_on_every_machine():
    """A change here makes the saved signatures of every earlier corpus useless: it needs a new ALGORITHM."""
    found = Signatures(Config()).of([TEXT])
    assert found.dtype == np.uint32 and found.shape == (1, 128)
    assert found[0, :4].tolist() == GOLDEN


GOLDEN = [3227518727, 1358079097, 1609530040, 3255087942]


def test_case_numbers_and_punctuation_do_not_matter():
    signatures = Signatures(Config()).of([TEXT + " 12", TEXT.upper().replace(" ", ", ") + " (9)!"])
    np.testing.assert_array_equal(signatures[0], signatures[1])


def test_words_of_scripts_without_spaces_are_characters():
    assert tokens("文件abc已保存 3") == ["文", "件", "abc", "已", "保", "存", "0"]
    assert not are_short(Signatures(Config()).of(["文件已经保存到新文件夹"])).any()


def test_a_text_shorter_than_a_run_has_no_signature():
    signatures = Signatures(Config()).of(["four words are short", "these are just five words", ""])
    assert are_short(signatures).tolist() == [True, False, True]
    assert (signatures[0] == SHORT).all()


def test_no_texts():
    assert Signatures(Config()).of([]).shape == (0, 128)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(alphabet="ab cd\n", max_size=60), max_size=8), st.integers(1, 7))
def test_batches_do_not_change_signatures(texts, size):
    whole = Signatures(Config(shingle_words=2)).of(texts)
    parts = [Signatures(Config(shingle_words=2)).of(texts[i : i + size]) for i in range(0, len(texts), size)]
    np.testing.assert_array_equal(whole, np.concatenate(parts or [whole]))


def test_many_word_runs_are_taken_in_turns(monkeypatch):
    texts = [f"{TEXT} {chr(97 + index)}" for index in range(9)]
    expected = Signatures(Config()).of(texts)
    monkeypatch.setattr("downlaw.corpora.near_duplicates.signatures._SHINGLES", 20)
    np.testing.assert_array_equal(Signatures(Config()).of(texts), expected)


@pytest.mark.parametrize("size", [12, 60, 300])
def test_share_of_equal_columns_estimates_the_similarity(size):
    """Over many pairs the mean error is under 0.01, and the spread is at most that of 128 fair draws."""
    config = Config(shingle_words=1)
    for shared in (size // 3, size // 2, size - 1):
        pairs = [sets_of_similarity(size, shared, seed) for seed in range(60)]
        one, other = (Signatures(config).of([pair[side] for pair in pairs]) for side in (0, 1))
        similarity = shared / (2 * size - shared)
        found = (one == other).mean(axis=1)
        spread = (similarity * (1 - similarity) / 128) ** 0.5
        assert abs(found.mean() - similarity) < 4 * spread / 60**0.5
        assert found.std() < 1.4 * spread


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("permutations", [16, 64, 128])
def test_bands_are_the_longest_with_the_promised_recall(threshold, permutations):
    count, rows = bands(Config(threshold=threshold, permutations=permutations))
    assert count * rows <= permutations

    def recall(rows: int) -> float:
        return 1 - (1 - threshold**rows) ** (permutations // rows)

    assert recall(rows) >= 0.95
    assert rows == permutations or recall(rows + 1) < 0.95


def test_default_bands():
    assert bands(Config()) == (18, 7)


def test_hashes_depend_on_the_columns_and_on_their_place():
    signatures = np.arange(40, dtype=np.uint32).reshape(2, 20)
    found = {tuple(hashes(signatures, first, rows)) for first, rows in ((0, 4), (0, 5), (4, 4))}
    assert len(found) == 3
    assert hashes(np.tile(signatures[:1], (3, 1)), 0, 4).std() == 0
