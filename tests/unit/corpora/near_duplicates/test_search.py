from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.corpora import partitions
from downlaw.corpora.errors import CorpusError
from downlaw.corpora.near_duplicates import EARLIER, NearDuplicates, Signatures, search, table
from downlaw.study.text import NearDuplicates as Config

CONFIG = Config(shingle_words=2)
WORDS = [f"{one}{two}" for one in ("ka", "lo", "mi", "nu") for two in "bcdfghjklmnpqrst"]


def text(seed: int, length: int = 60) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, length))


def found(folder, texts, ranks=None, *, config=CONFIG, batch=10**9, earlier=()):
    signatures = Signatures(config).of(texts)
    ranks = np.array(ranks if ranks is not None else [0] * len(texts), np.uint8)
    search = NearDuplicates(folder, config)
    for other in earlier:
        search.add_earlier(other)
    for start in range(0, len(texts), batch):
        search.add(ranks[start : start + batch], signatures[start : start + batch])
    dropped = search.find().tolist()
    search.close()
    assert not folder.exists()
    return dropped


def test_the_first_of_a_cluster_stays(tmp_path):
    texts = [text(1), text(2), text(1) + " more", text(3), text(2)]
    assert found(tmp_path / "work", texts) == [False, False, True, False, True]


def test_training_text_stays_before_held_out_text(tmp_path):
    texts = [text(1), text(1) + " more", text(2), text(2), text(2)]
    assert found(tmp_path / "work", texts, [2, 0, 1, 2, 1]) == [True, False, False, True, True]


def test_text_of_an_earlier_rank_is_never_dropped(tmp_path):
    texts = [text(1), text(1), text(1)]
    assert found(tmp_path / "work", texts, [0, EARLIER, EARLIER]) == [True, False, False]


def test_short_texts_are_left_alone(tmp_path):
    search = NearDuplicates(tmp_path / "work", CONFIG)
    search.add(np.zeros(3, np.uint8), Signatures(CONFIG).of(["one", "one", ""]))
    assert search.find().tolist() == [False] * 3
    assert (search.texts, search.short) == (3, 3)
    search.close()


def test_no_texts(tmp_path):
    assert found(tmp_path / "work", []) == []


def test_later_corpora_lose_to_the_text_that_an_earlier_one_kept(tmp_path):
    first = NearDuplicates(tmp_path / "work", CONFIG)
    texts = [text(1), text(2), text(3), "short"]
    first.add(np.zeros(4, np.uint8), Signatures(CONFIG).of(texts))
    assert first.save(tmp_path / "a", np.array([True, False, True, True])) == 2
    first.close()
    later = [text(1) + " more", text(2), text(3), text(4), text(4)]
    assert found(tmp_path / "work", later, earlier=[tmp_path / "a"]) == [True, False, True, False, True]


def saved(folder, config=CONFIG):
    first = NearDuplicates(folder.with_name("work"), config)
    first.add(np.zeros(1, np.uint8), Signatures(config).of([text(1)]))
    first.save(folder)
    first.close()


def test_signatures_that_cannot_be_compared_are_refused(tmp_path):
    search = NearDuplicates(tmp_path / "later", CONFIG)
    with pytest.raises(CorpusError, match="none: no signatures here: make the earlier corpus first"):
        search.add_earlier(tmp_path / "none")
    saved(tmp_path / "a", Config(shingle_words=3))
    with pytest.raises(CorpusError, match=r"made with shingle_words 3, not 2: delete the folder"):
        search.add_earlier(tmp_path / "a")
    saved(tmp_path / "b")
    record = json.loads((tmp_path / "b" / table.RECORD).read_text())
    (tmp_path / "b" / table.RECORD).write_text(json.dumps(record | {"algorithm": "another"}))
    with pytest.raises(CorpusError, match="made with algorithm another"):
        search.add_earlier(tmp_path / "b")
    saved(tmp_path / "c")
    (tmp_path / "c" / table.SIGNATURES).write_bytes(b"cut")
    with pytest.raises(CorpusError, match=r"signatures\.u32: not the 1 signatures it should hold"):
        search.add_earlier(tmp_path / "c")
    search.close()


def test_an_earlier_corpus_without_text(tmp_path):
    search = NearDuplicates(tmp_path / "work", CONFIG)
    assert search.save(tmp_path / "a") == 0
    search.close()
    assert found(tmp_path / "work", [text(1)], earlier=[tmp_path / "a"]) == [False]


def test_signatures_of_another_length_are_refused(tmp_path):
    search = NearDuplicates(tmp_path / "work", CONFIG)
    with pytest.raises(ValueError, match="signatures of shape"):
        search.add(np.zeros(1, np.uint8), np.zeros((1, 7), np.uint32))
    search.close()


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_exact_copies_are_always_found_in_any_batches_and_partitions(tmp_path_factory, data):
    """Copies of texts, some with a word more: whatever the batches and the files, the same go."""
    seeds = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=14))
    more = data.draw(st.lists(st.booleans(), min_size=len(seeds), max_size=len(seeds)))
    ranks = data.draw(st.lists(st.integers(0, 2), min_size=len(seeds), max_size=len(seeds)))
    texts = [text(seed) + (" more" if extra else "") for seed, extra in zip(seeds, more, strict=True)]
    batch = data.draw(st.integers(1, 15))
    rows, chunk = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 20))
    folder = tmp_path_factory.mktemp("near") / "work"
    expected = found(folder, texts, ranks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "PARTITION_ROWS", rows)
        patch.setattr(search, "CHUNK", chunk)
        patch.setattr(table, "CHUNK", chunk)
        assert found(folder, texts, ranks, batch=batch) == expected
    for seed in set(seeds):
        members = [index for index, other in enumerate(seeds) if other == seed]
        first = min(members, key=lambda index: (ranks[index], index))
        assert [index for index in members if not expected[index]] == [first]


@pytest.mark.parametrize(
    ("similarity", "low", "high"), [(0.95, 0.99, 1), (0.88, 0.9, 1), (0.7, 0, 0.1), (0.5, 0, 0)]
)
def test_pairs_are_found_by_their_similarity(tmp_path, similarity, low, high):
    """300 pairs of sets with a known similarity: those over 0.8 are found, those under it stay."""
    config = Config(shingle_words=1)
    size, pairs = 200, 300
    shared = round(2 * size * similarity / (1 + similarity))
    texts = []
    for pair in range(pairs):
        names = [
            f"w{chr(97 + pair % 26)}{chr(97 + pair // 26)}" + "".join(chr(97 + int(d)) for d in f"{n:03}")
            for n in range(2 * size)
        ]
        texts += [" ".join(names[:size]), " ".join(names[:shared] + names[size : 2 * size - shared])]
    share = sum(found(tmp_path / "work", texts, config=config)) / pairs
    assert low <= share <= high


def test_a_crowd_in_one_band_is_compared_with_a_bounded_number_of_others(tmp_path, monkeypatch):
    """However many unlike texts agree in a band, exact copies go and the work stays bounded."""
    monkeypatch.setattr(search, "COMPARED", 3)
    monkeypatch.setattr(
        search,
        "hashes",
        lambda signatures, first, rows: (
            np.zeros(len(signatures), np.uint64) if rows < 128 else table_hashes(signatures, first, rows)
        ),
    )
    calls = []
    take = table.Table.take
    monkeypatch.setattr(table.Table, "take", lambda self, rows: calls.append(len(rows)) or take(self, rows))
    dropped = found(tmp_path / "work", [text(seed) for seed in (*range(30), *range(30))])
    assert dropped == [False] * 30 + [True] * 30
    assert sum(calls) <= 2 * (30 + 18 * 3 * 30)


table_hashes = search.hashes
