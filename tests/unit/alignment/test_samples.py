from __future__ import annotations

import numpy as np
import pytest

from downlaw.alignment.samples import (
    read_segments,
    sample_blocks,
    sample_windows,
    spread,
    task_windows,
)
from downlaw.corpora.tokenizer import EOS
from downlaw.mixtures import read_mixture


def generator() -> np.random.Generator:
    return np.random.default_rng(3)


def test_a_sample_is_spread_over_all_there_is_without_repeats():
    chosen = spread(10_000, 100, generator())
    assert np.unique(chosen // 100).size == 100
    assert spread(5, 9, generator()).tolist() == [0, 1, 2, 3, 4]
    for there in (7, 8, 9, 1_000_003):
        some = spread(there, 7, generator())
        assert (np.diff(some) > 0).all() and some.min() >= 0 and some.max() < there


def test_components_that_take_turns_are_all_sampled():
    shares = spread(8000, 2000, generator()) % 4
    assert np.bincount(shares, minlength=4).min() > 400


def test_windows_and_blocks_are_of_the_mixture(toy):
    blocks = read_mixture(toy.mixture("en+de"))
    rows = {tuple(block.tolist()) for block in blocks}
    chosen = sample_blocks(blocks, 16 * 20, generator())
    assert chosen.shape == (20, 16)
    assert {tuple(row) for row in chosen.tolist()} <= rows
    short = sample_windows(blocks, 30, 5, generator())
    assert short.shape == (30, 5)
    assert all(any(str(row)[1:-1] in str(list(block)) for block in rows) for row in short.tolist())
    everything = sample_windows(blocks, 10**6, 16, generator())
    assert everything.tolist() == [block.tolist() for block in blocks]
    assert sample_blocks([], 100, generator()).shape[0] == 0


def test_windows_of_a_task_begin_with_validation_text_and_go_on_with_training_pairs(toy):
    valid = read_segments(toy.prepared, "valid", "target")
    assert all(EOS not in segment for segment in valid)
    few = sum(map(len, valid)) // 8
    some = task_windows(toy.prepared, "target", few, 8, seed=1)
    assert some.shape == (few, 8)
    assert set(some.ravel()) <= set(np.concatenate(valid))
    more = task_windows(toy.prepared, "target", 3 * few, 8, seed=1)
    assert more.shape == (3 * few, 8)
    everything = task_windows(toy.prepared, "target", 10**6, 8, seed=1)
    total = sum(map(len, valid)) + sum(map(len, read_segments(toy.prepared, "train", "target")))
    assert len(everything) == total // 8


def test_test_text_is_not_read(toy):
    with pytest.raises(ValueError, match="test text is not for measuring"):
        read_segments(toy.prepared, "test", "source")
