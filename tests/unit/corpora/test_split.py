from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from downlaw.corpora.segments import SPLITS, Source
from downlaw.corpora.split import Assignment, assign, assign_all, normalised
from downlaw.study.text import Split

SPLIT = Split(valid=0.05, test=0.1)
SIZES = st.dictionaries(st.text(min_size=1, max_size=6), st.integers(1, 500), min_size=1, max_size=60)


@given(SIZES, st.integers(1, 5))
def test_every_document_is_in_one_split_and_small_sources_train(sizes, seed):
    assigned = assign(sizes, SPLIT, seed)
    assert assigned.keys() == sizes.keys()
    assert set(assigned.values()) == (set(SPLITS) if len(sizes) >= 3 else {"train"})


@given(SIZES, st.integers(1, 5))
def test_shares_are_met_from_below_or_by_the_smallest_documents(sizes, seed):
    assigned = assign(sizes, SPLIT, seed)
    total = sum(sizes.values())
    for part, share in (("test", SPLIT.test), ("valid", SPLIT.valid)):
        held = [sizes[name] for name in sizes if assigned[name] == part]
        trained = [sizes[name] for name in sizes if assigned[name] == "train"]
        assert sum(held) <= share * total or (len(held) == 1 and held[0] <= min(trained))
        assert len(held) <= max(1, len(sizes) // 3)


@given(SIZES, st.floats(0.01, 0.5), st.floats(0.01, 0.49))
def test_any_shares_leave_the_largest_document_to_training(sizes, valid, test):
    assigned = assign(sizes, Split(valid=valid, test=test), 1)
    assert max(sizes.values()) in [size for name, size in sizes.items() if assigned[name] == "train"]
    assert len(sizes) < 3 or set(assigned.values()) == set(SPLITS)


@given(SIZES, st.integers(1, 5), st.randoms())
def test_neither_order_nor_anything_but_seed_and_names_decides(sizes, seed, random):
    shuffled = list(sizes.items())
    random.shuffle(shuffled)
    assert assign(dict(shuffled), SPLIT, seed) == assign(sizes, SPLIT, seed)


def test_many_documents_fill_their_shares():
    sizes = {f"doc{number}": 1 + number % 7 for number in range(500)}
    assigned = assign(sizes, SPLIT, 1)
    total = sum(sizes.values())
    for part, share in (("test", 0.1), ("valid", 0.05)):
        held = sum(size for name, size in sizes.items() if assigned[name] == part)
        assert share * total - 7 < held <= share * total
    assert assign(sizes, SPLIT, 2) != assigned


def test_a_giant_document_trains():
    sizes = {"giant": 10_000} | {f"doc{number}": 10 for number in range(20)}
    for seed in range(1, 20):
        assigned = assign(sizes, SPLIT, seed)
        assert assigned["giant"] == "train"
        parts = list(assigned.values())
        assert parts.count("test") == parts.count("valid") == 7, (
            "a third of the documents, though more would fit"
        )


def test_sources_keep_a_split_of_their_own():
    sources = [
        Source("given", sizes={"given/1": 5, "given/2": 5}, split="test"),
        Source("auto", sizes={f"auto/{number}": 5 for number in range(10)}),
    ]
    assigned = assign_all(sources, SPLIT, 1)
    assert assigned["given/1"] == assigned["given/2"] == "test"
    assert {assigned[f"auto/{number}"] for number in range(10)} == set(SPLITS)


def test_documents_go_by_their_names_where_a_source_has_too_many():
    sources = {0: Source("small", sizes={f"s{number}": 1 for number in range(30)}), 1: Source("large")}
    assignment = Assignment(sources, {1}, SPLIT, 1)
    parts = [assignment.of(1, f"large/{number}") for number in range(4000)]
    for part, share in ((1, SPLIT.valid), (2, SPLIT.test)):
        assert share * 0.8 < parts.count(part) / 4000 < share * 1.2
    assert parts == [assignment.of(1, f"large/{number}") for number in range(4000)]
    again = Assignment(sources, {1}, SPLIT, 2)
    assert parts != [again.of(1, f"large/{number}") for number in range(4000)]
    alone = assign(sources[0].sizes, SPLIT, 1)
    assert all(SPLITS[assignment.of(0, name)] == part for name, part in alone.items())
    given = Assignment({1: Source("large", split="test")}, {1}, SPLIT, 1)
    assert given.of(1, "any") == 2


def test_normalised():
    assert normalised("The 12 files, _ and “Foo-Bar”!") == "the 0 files and foo bar"
