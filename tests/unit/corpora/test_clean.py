from __future__ import annotations

import unicodedata

import pytest

from downlaw.corpora.clean import FILTERS, clean, filters, letters, sentences, words
from downlaw.corpora.examples import KEPT, Examples
from downlaw.corpora.segments import Segment
from downlaw.study.text import Cleaning

GOOD = ("Die Datei wurde gespeichert.", "The file was saved.")


def run(*texts: tuple[str, ...], languages=("de", "en"), **cleaning):
    kept, dropped = clean(
        [Segment(("d",), pair) for pair in texts], languages, Cleaning(**cleaning), ["de", "en", "ro"]
    )
    assert tuple(dropped) == filters(Cleaning(**cleaning))
    return [segment.texts for segment in kept], {name: count for name, count in dropped.items() if count}


def test_a_good_pair_stays_and_is_tidied():
    assert run(("Die  Datei\nwurde <b>gespeichert</b>.", " The file was saved. ")) == ([GOOD], {})


@pytest.mark.parametrize(
    ("pair", "filter_name"),
    [
        (("<br/>", "The file was saved."), "empty"),
        (("Datei gespeichert.", "The file was saved."), "too_short"),
        (("_ _ Datei — gespeichert.", "The file was saved."), "too_short"),
        (("Wort " * 101, "Words are here " * 33), "too_long"),
        (("Die Datei wurde gespeichert.", "The file was saved in a new folder of yours."), "length_ratio"),
        (("a 1 b 2 c 3 /// %%% 4567", "The file was saved."), "few_letters"),
        (("Version 1 von Word", "version 22 VON word"), "untranslated"),
        (
            ("This is the file that was saved by you.", "The file that you saved is this one."),
            "other_language",
        ),
        (
            ("Die Datei wurde von dir gespeichert.", "Die Datei ist jetzt gespeichert worden."),
            "other_language",
        ),
    ],
)
def test_each_filter_drops_and_counts(pair, filter_name):
    assert run(GOOD, pair) == ([GOOD], {filter_name: 1})


def test_limits_come_from_the_study():
    short = ("Datei gespeichert.", "File saved.")
    assert run(short, min_words=2) == ([short], {})
    assert run(GOOD, max_words=3) == ([], {"too_long": 1})
    long = ("Die Datei wurde gespeichert.", "The file was saved in a new folder of yours.")
    assert run(long, max_length_ratio=3) == ([long], {})
    digits = ("Zeile 12345678 von 12345678", "Line 12345678 out of 12345678")
    assert run(digits) == ([], {"few_letters": 1})
    assert run(digits, min_letters=0.2) == ([digits], {})
    english = ("This is the file that was saved by you.", "The file that you saved is this one.")
    assert run(english, identify_language=False) == ([english], {})


def test_short_strings_are_not_judged_by_language():
    pair = ("Open the page", "Close the page")
    assert run(pair) == ([pair], {})


def test_a_language_the_classifier_does_not_know_is_not_judged():
    pair = ("qaStaH nuq jay' tlhIngan Hol vIjatlh", "What is happening, I speak Klingon now")
    assert run(pair, languages=("tlh", "en")) == ([pair], {})


def test_loan_words_do_not_make_another_language():
    pair = ("Ihr Browser unterstützt kein WebAuthn.", "Your web browser lacks WebAuthn support.")
    assert run(pair, languages=("de", "en")) == ([pair], {})


def test_pairs_are_cut_where_both_sides_have_as_many_sentences():
    two = ("Die Datei ist neu. Bitte speichern Sie sie.", "The file is new! Please save it now.")
    assert run(two)[0] == [
        ("Die Datei ist neu.", "The file is new!"),
        ("Bitte speichern Sie sie.", "Please save it now."),
    ]
    uneven = ("Die Datei ist neu. Bitte speichern.", "The file is new, please save it.")
    assert run(uneven)[0] == [uneven]


def test_paragraphs_then_sentences():
    texts = ("Eins zwei.\n\nDrei vier\nfünf. Sechs.", "One two. Three.\n\nThree four\nfive. Six.")
    assert list(sentences(texts)) == [
        ("Eins zwei.", "One two. Three."),
        ("Drei vier fünf.", "Three four five."),
        ("Sechs.", "Six."),
    ]


def test_text_of_one_language_is_not_cut():
    text = "Un text lung în română. Are două propoziții."
    assert run((text,), languages=("ro",)) == ([(text,)], {})


def test_documents_go_with_their_pieces():
    segment = Segment(
        ("a", "b"), ("Die Datei ist neu. Bitte speichern Sie.", "The file is new. Please save it.")
    )
    kept, _ = clean([segment], ("de", "en"), Cleaning(), [])
    assert [piece.documents for piece in kept] == [("a", "b"), ("a", "b")]


def test_words_and_letters():
    assert words("one — two3 _ 4 !?") == 3
    assert letters("ab 12") == 0.5
    assert letters(" ") == 0.0
    assert (
        letters("\u0939\u093f\u0928\u094d\u0926\u0940") == 1.0
    )  # vowel signs are no characters of their own


def test_filters_that_are_off_are_not_counted():
    assert set(filters(Cleaning())) == set(FILTERS) - {"addresses", "boilerplate"}
    assert filters(Cleaning(max_address_share=0.2, boilerplate=True)) == FILTERS


def test_a_filter_that_is_off_leaves_no_trace_in_the_study():
    """What identifies a corpus is what it was before these filters existed."""
    assert set(Cleaning().model_dump()) == {
        "min_words", "max_words", "max_length_ratio", "min_letters", "identify_language"
    }  # fmt: skip
    on = {"max_address_share": 0.2, "boilerplate": True, "language_identifier": "fasttext"}
    assert Cleaning(**on).model_dump() == Cleaning().model_dump() | on
    near = Cleaning(near_duplicates={}).model_dump(mode="json")["near_duplicates"]
    assert near == {"threshold": 0.8, "shingle_words": 5, "permutations": 128}
    assert Cleaning(**Cleaning(**on).model_dump()) == Cleaning(**on)


def test_addresses_and_boilerplate_go_where_the_study_asks():
    links = ("Siehe https://example.org/a und https://example.org/b", "See https://example.org/a and b")
    notice = ("Alle Rechte vorbehalten, auch für Bilder.", "All rights reserved, also for pictures.")
    assert run(links, notice) == ([links, notice], {})
    assert run(links, max_address_share=0.4) == ([], {"addresses": 1})
    assert run(links, max_address_share=0.5) == ([links], {})
    assert run(notice, GOOD, boilerplate=True) == ([GOOD], {"boilerplate": 1})


def test_text_of_one_language_is_boilerplate_where_most_of_its_words_stand_in_such_lines():
    bar = "Home | News | Shop | Contact"
    long = f"{bar}\nThis page tells you what we found and how we came to find it."
    kept, dropped = run((long,), (f"{bar}\nThe end.",), languages=("en",), boilerplate=True)
    assert (kept, dropped) == ([(long.replace("\n", " "),)], {"boilerplate": 1})


@pytest.mark.parametrize("name", ["py3langid", "fasttext"])
def test_either_identifier_finds_another_language(name):
    german = "Die Einstellungen dieser Seite wurden gespeichert und gelten für alle."
    english = "The settings of this page were saved and hold for everyone."
    kept, dropped = run((english,), (german,), languages=("en",), language_identifier=name)
    assert (kept, dropped) == ([(english,)], {"other_language": 1})


def test_batches_and_examples_do_not_change_the_text():
    pairs = [
        GOOD,
        ("Datei", "File"),
        ("Die Datei ist neu. Bitte speichern.", "The file is new. Please save."),
    ]
    segments = [Segment((str(index),), pair) for index, pair in enumerate(pairs * 3)]
    whole, dropped = clean(segments, ("de", "en"), Cleaning(min_words=2))
    examples = Examples(1)
    parts = [
        clean(segments[i : i + 2], ("de", "en"), Cleaning(min_words=2), (), examples) for i in range(0, 9, 2)
    ]
    assert [segment for kept, _ in parts for segment in kept] == whole
    assert sum(counts["too_short"] for _, counts in parts) == dropped["too_short"] == 3
    assert examples.of("too_short") == [("Datei", "File")]
    assert set(examples.of(KEPT)) == {segment.texts for segment in whole}


def test_examples_show_what_language_dropped_and_what_an_empty_side_was():
    examples = Examples(1)
    wrong = "Die Einstellungen dieser Seite wurden gespeichert und gelten für alle."
    clean([Segment(("d",), (text,)) for text in (wrong, "<br/>")], ("en",), Cleaning(), ["de"], examples)
    assert (examples.of("other_language"), examples.of("empty")) == ([(wrong,)], [("<br/>",)])


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "ar",
            "\u0623\u064f\u062d\u0650\u0628\u064f\u0651 \u0643\u062b\u064a\u0631\u0627 \u0643\u062b",
        ),
        ("he", "\u05e9\u05dc\u05d5\u05dd \u05dc\u05da \u05d9\u05dc\u05d3\u05d4 \u05d8\u05d5\u05d1\u05d4"),
        (
            "hi",
            "\u092f\u0939 \u092b\u093c\u093e\u0907\u0932 \u0938\u0939\u0947\u091c\u0940",
        ),
        ("zh", "\u6587\u4ef6\u5df2\u7ecf\u4fdd\u5b58\u5230\u65b0\u6587\u4ef6\u5939\u3002"),
        (
            "th",
            "\u0e44\u0e1f\u0e25\u0e4c\u0e16\u0e39\u0e01\u0e1a\u0e31\u0e19\u0e17\u0e36\u0e01",
        ),
        ("en", "The cat \U0001f408\u200d\u2b1b sat \U0001f600 on the mat"),
    ],
)
def test_text_of_other_scripts_and_emoji_stay(language, text):
    kept, dropped = run((text,), languages=(language,), identify_language=False)
    assert (kept, dropped) == ([(unicodedata.normalize("NFC", text),)], {})


def test_emoji_alone_are_no_text():
    assert run(("\U0001f600 \U0001f600 \U0001f600",), languages=("en",)) == ([], {"too_short": 1})
    assert run(("a \U0001f600 b \U0001f600 c \U0001f600 \U0001f600",), languages=("en",))[1] == {
        "few_letters": 1
    }


def test_words_of_languages_without_spaces_are_estimated():
    chinese = "\u6587\u4ef6\u5df2\u4fdd\u5b58 abc"
    assert (words(chinese), words(chinese, "en"), words(chinese, "zh")) == (2, 2, 5)
    assert words("Die Datei", "zh") == words("Die Datei") == 2


def test_half_characters_and_nul_bytes_do_not_reach_the_corpus():
    kept, _ = run(("A half \ud83d of a\x00character here",), languages=("en",))
    assert kept == [("A half \ufffd of a character here",)]
