from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from downlaw.corpora.clean import FILTERS
from downlaw.corpora.examples import KEPT, SHOWN_CHARACTERS, Examples
from downlaw.corpora.examples_page import MEANINGS, write_examples

TEXTS = [(f"text {number}",) for number in range(300)]


def shown(texts, seed=1, **most) -> Examples:
    examples = Examples(seed, **most)
    for text in texts:
        examples.show("empty", text)
    return examples


@settings(max_examples=20, deadline=None)
@given(st.permutations(TEXTS[:40]), st.integers(0, 40))
def test_the_sample_depends_on_neither_order_nor_batches(texts, cut):
    expected = shown(TEXTS[:40]).of("empty")
    whole, rest = shown(texts[:cut]), shown(texts[cut:])
    whole.merge(json.loads(json.dumps(rest.record())))
    assert whole.of("empty") == expected


def test_the_sample_is_bounded_random_and_without_repeats():
    sample = shown([*TEXTS, *TEXTS]).of("empty")
    assert len(sample) == len(set(sample)) == 20
    assert set(sample) <= set(TEXTS) and sample != shown(TEXTS, seed=2).of("empty")
    numbers = [int(text.split()[1]) for seed in range(30) for (text,) in shown(TEXTS, seed).of("empty")]
    assert sum(numbers) / len(numbers) == pytest.approx(149.5, abs=20)


def test_kept_text_has_a_sample_of_its_own_size():
    examples = Examples(1, dropped=3, kept=5)
    for text in TEXTS:
        examples.show(KEPT, text)
        examples.show("too_long", text)
    assert (len(examples.of(KEPT)), len(examples.of("too_long")), examples.of("empty")) == (5, 3, [])


def test_long_text_is_cut_and_half_characters_do_no_harm():
    sample = shown([("x" * 10_000,), ("\ud800 half",)]).of("empty")
    assert {len(text) for (text,) in sample} == {SHOWN_CHARACTERS + 2, 6}


def test_the_page_shows_rates_and_texts(tmp_path):
    examples = Examples(1)
    examples.show("few_letters", ("<script>alert(1)</script>", "\u05e9\u05dc\u05d5\u05dd & \U0001f600"))
    examples.show(KEPT, ("Guter Text.", "Good text."))
    path = tmp_path / "examples.html"
    counts = {KEPT: 999_900, "few_letters": 90, "a<b": 10, "empty": 0}
    write_examples(path, "ui/de-en: <cleaned>", counts, examples, ["de", "he"])
    source = path.read_text(encoding="utf-8")
    page = LexborHTMLParser(source)
    assert page.css_first("script") is None and "http" not in source
    assert page.css_first("h1").text() == "ui/de-en: <cleaned>"
    rows = [[cell.text() for cell in row.css("th, td")][:3] for row in page.css("tbody tr")]
    assert rows == [
        ["kept", "999,900", "99.99%"],
        ["few letters", "90", "<0.01%"],
        ["a<b", "10", "<0.01%"],
        ["empty", "0", "0.00%"],
    ]
    sides = [(node.text(), node.attributes["dir"], node.attributes["lang"]) for node in page.css("li div")]
    assert sides == [
        ("<script>alert(1)</script>", "auto", "de"),
        ("\u05e9\u05dc\u05d5\u05dd & \U0001f600", "auto", "he"),
        ("Guter Text.", "auto", "de"),
        ("Good text.", "auto", "he"),
    ]
    targets = {node.attributes["href"] for node in page.css("tbody a")}
    assert targets == {f"#{node.attributes['id']}" for node in page.css("section")}


def test_a_part_without_text_has_a_page(tmp_path):
    write_examples(tmp_path / "a.html", "nothing", {KEPT: 0}, Examples(1))
    assert "0 segments were judged" in (tmp_path / "a.html").read_text()


def test_what_each_filter_means_is_said():
    assert set(FILTERS) <= set(MEANINGS)
