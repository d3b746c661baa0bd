from __future__ import annotations

from downlaw.corpora.extract.blocks import Block, align, told


def page(text: str) -> list[Block]:
    """`h1:Name p:text` as blocks."""
    return [Block(*word.split(":")) for word in text.split()]


def test_the_same_structure_pairs_block_by_block():
    english, german = page("h1:NAME p:one term:-a code: p:two"), page("h1:NAME p:eins term:-a code: p:zwei")
    assert list(align([english, german])) == [
        ("NAME", "NAME"),
        ("one", "eins"),
        ("-a", "-a"),
        ("two", "zwei"),
    ]


def test_a_section_that_differs_is_left_out_and_the_others_stay():
    english = page("h1:A p:a h1:B p:b p:bb h1:C p:c")
    german = page("h1:A p:x h1:B p:y h1:C p:z")
    assert list(align([english, german])) == [("A", "A"), ("a", "x"), ("C", "C"), ("c", "z")]


def test_sections_are_cut_down_to_the_innermost_heading():
    english = page("h1:A h2:B p:b p:bb h2:C p:c h3:D p:d")
    german = page("h1:A h2:B p:y h2:C p:z h3:D p:w")
    assert list(align([english, german])) == [("A", "A"), ("C", "C"), ("c", "z"), ("D", "D"), ("d", "w")]


def test_documents_with_nothing_in_common_give_nothing():
    assert list(align([page("p:a p:b"), page("p:x")])) == []
    assert list(align([page("h1:A p:a h1:B p:b"), page("h1:A term:x")])) == []


def test_one_side_gives_all_of_its_text_but_programs():
    blocks = page("h1:A p:a code:x table:y p:b")
    assert list(align([blocks])) == [("A",), ("a",), ("b",)]
    assert told(blocks) == 3
