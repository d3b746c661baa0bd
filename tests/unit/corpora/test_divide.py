from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from downlaw.corpora import partitions
from downlaw.corpora.clean import masked
from downlaw.corpora.cleaned import Batch
from downlaw.corpora.divide import Division
from downlaw.corpora.segments import SPLITS, Row, Segment
from downlaw.corpora.split import normalised


class Shard:
    """Cleaned text that lies in memory, all of one source, in batches of a few."""

    languages = ("de", "en")

    def __init__(self, segments: list[Segment], number: int = 0, batch: int = 3):
        self.sources = [{"number": number, "cleaned": len(segments)}]
        self._segments, self._batch = segments, batch

    def batches(self):
        for begin in range(0, len(self._segments), self._batch):
            yield self.sources[0], Batch.of(self._segments[begin : begin + self._batch], 2)

    def hashes(self, side: int):
        for source, batch in self.batches():
            yield source, batch.wordings[side]


class ByName:
    """Documents are called after their split."""

    def place(self, source: int, segment: Segment) -> tuple[int, str]:
        return min((SPLITS.index(each), each) for each in segment.documents)


def divide(*shards: Shard) -> tuple[dict[str, list[Row]], dict[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        division = Division(shards, ByName(), Path(folder))
        pools = {split: [] for split in SPLITS}
        for _, split, row in division.rows():
            pools[SPLITS[split]].append(row)
        return pools, division.dropped()


def divided(*segments: tuple[tuple[str, ...], tuple[str, ...]]):
    return divide(Shard([Segment(documents, texts) for documents, texts in segments]))


def test_a_segment_in_several_documents_trains_if_one_of_them_does():
    pools, _ = divided(
        (("test", "train"), ("eins zwei", "one two")), (("test", "valid"), ("drei vier", "three four"))
    )
    assert pools["train"] == [Row("train", ("eins zwei", "one two"))]
    assert pools["valid"] == [Row("valid", ("drei vier", "three four"))]
    assert pools["test"] == []


def test_duplicates_are_masked_lower_case_and_stay_in_training():
    pools, dropped = divided(
        (("test",), ("Seite 3", "Page 3")),
        (("train",), ("seite 12", "page 12")),
        (("train",), ("Seite 7", "Page 7")),
        (("train",), ("Seite 7!", "Page 7")),
    )
    assert pools["train"] == [Row("train", ("seite 12", "page 12")), Row("train", ("Seite 7!", "Page 7"))]
    assert pools["test"] == []
    assert dropped == {"duplicate": 2, "held_out_seen_elsewhere": 0}


def test_held_out_wording_that_stands_elsewhere_on_either_side_goes():
    pools, dropped = divided(
        (("train",), ("Speichern unter", "Save as")),
        (("valid",), ("Sichern als", "Save as …")),
        (("valid",), ("Alles schließen", "Close all")),
        (("test",), ("Alles schließen!", "Close everything")),
        (("test",), ("Neu", "New")),
        (("test",), ("Save as", "Speichern unter")),
    )
    assert [row.texts[1] for row in pools["valid"]] == ["Close all"]
    assert [row.texts[1] for row in pools["test"]] == ["New", "Speichern unter"], "sides are told apart"
    assert dropped == {"duplicate": 0, "held_out_seen_elsewhere": 2}


def in_memory(segments: list[Segment]) -> dict[str, list[Row]]:
    """What `Division` says in its docstring, with sets of strings."""
    pools = {split: [] for split in SPLITS}
    for segment in segments:
        split, document = ByName().place(0, segment)
        pools[SPLITS[split]].append(Row(document, segment.texts))
    known, wordings = set(), set()
    for split in SPLITS:
        kept = []
        for row in pools[split]:
            string = tuple(map(masked, row.texts))
            if string not in known:
                known.add(string)
                kept.append(row)
        sides = [{(side, normalised(text)) for side, text in enumerate(row.texts)} for row in kept]
        if split != "train":
            stays = [not each & wordings for each in sides]
            kept = [row for row, stay in zip(kept, stays, strict=True) if stay]
            sides = [each for each, stay in zip(sides, stays, strict=True) if stay]
        wordings = wordings.union(*sides)
        pools[split] = kept
    return pools


TEXT = st.sampled_from(["a 1", "a 2", "A b", "a, b", "b c", "c", "d e f"])
SEGMENTS = st.lists(
    st.builds(
        Segment,
        st.lists(st.sampled_from(SPLITS), min_size=1, max_size=2, unique=True).map(tuple),
        st.tuples(TEXT, TEXT),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(SEGMENTS, st.integers(1, 7), st.integers(1, 40))
def test_batches_and_partitions_change_nothing(segments, batch, partition_rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "PARTITION_ROWS", partition_rows)
        pools, dropped = divide(Shard(segments, batch=batch))
    assert pools == in_memory(segments)
    assert len(segments) == sum(dropped.values()) + sum(map(len, pools.values()))


@settings(max_examples=20, deadline=None)
@given(SEGMENTS, st.integers(0, 40))
def test_shards_are_read_in_the_order_of_their_sources(segments, cut):
    pools, _ = divide(Shard(segments[cut:], number=1), Shard(segments[:cut], number=0))
    assert pools == in_memory(segments)
