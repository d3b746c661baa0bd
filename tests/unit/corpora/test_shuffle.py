from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from downlaw.corpora.shuffle import Units, cut, shuffled


def sentences(count: int) -> list[np.ndarray]:
    """Sentences of 1 to 7 pieces, none of which occurs twice."""
    lengths = [1 + index % 7 for index in range(count)]
    return [array.astype(np.int32) for array in np.split(np.arange(sum(lengths)), np.cumsum(lengths)[:-1])]


def stream(
    folder: Path, text: list[np.ndarray], seed: int, bucket: int = 1 << 24, batch: int = 7
) -> np.ndarray:
    """All pieces in their shuffled order."""
    units = Units(folder / "units")
    units.remove()
    for begin in range(0, len(text), batch):
        part = text[begin : begin + batch]
        units.add(np.concatenate(part), np.array([len(each) for each in part]))
    found = list(shuffled(units, folder, seed, bucket))
    return np.concatenate(found) if found else np.empty(0, np.int32)


IN_ONE_FOLDER = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@IN_ONE_FOLDER
@given(st.integers(0, 200), st.integers(1, 5), st.sampled_from([20, 100, 10**6]), st.integers(1, 50))
def test_every_unit_comes_once_and_whole_whatever_fits_into_memory(tmp_path, count, seed, bucket, batch):
    text = sentences(count) if count else []
    pieces = stream(tmp_path, text, seed, bucket, batch)
    assert sorted(pieces.tolist()) == list(range(sum(map(len, text))))
    follows = {int(a): int(b) for sentence in text for a, b in itertools.pairwise(sentence)}
    for one, two in itertools.pairwise(pieces.tolist()):
        assert follows.get(one, two) == two
    assert not any(path.is_file() for path in tmp_path.glob("bucket-*/*"))


@IN_ONE_FOLDER
@given(st.integers(1, 200), st.integers(1, 5), st.sampled_from([20, 100, 10**6]), st.integers(1, 50))
def test_the_seed_alone_decides(tmp_path, count, seed, bucket, batch):
    text = sentences(count)
    once = stream(tmp_path, text, seed, bucket, batch)
    assert np.array_equal(once, stream(tmp_path, text, seed, bucket))
    if count > 30:
        assert not np.array_equal(once, stream(tmp_path, text, seed + 1, bucket))


def test_text_that_fits_into_memory_is_in_the_order_of_a_permutation(tmp_path):
    text = sentences(90)
    order = np.random.default_rng(4).permutation(90)
    assert np.array_equal(stream(tmp_path, text, 4), np.concatenate([text[index] for index in order]))


def test_buckets_leave_no_trace_of_the_first_order(tmp_path):
    """Where a sentence ends up does not depend on where it stood."""
    text = [np.array([number], np.int32) for number in range(4000)]
    place = np.argsort(stream(tmp_path, text, 1, bucket=300))
    assert abs(np.corrcoef(place, np.arange(4000))[0, 1]) < 0.05
    halves = [(place[:2000] < 2000).mean(), (place[2000:] < 2000).mean()]
    assert halves == pytest.approx([0.5, 0.5], abs=0.04)


def test_blocks_lose_nothing_but_the_remainder():
    parts = [np.arange(0, 5), np.arange(5, 6), np.arange(6, 43)]
    blocks = np.concatenate(list(cut(iter(parts), 10)))
    assert np.array_equal(blocks, np.arange(40).reshape(4, 10))
    assert list(cut(iter([np.arange(7)]), 8)) == [] == list(cut(iter([]), 8))
