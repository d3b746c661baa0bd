from __future__ import annotations

import pytest

from downlaw.corpora.clean import FILTERS, clean, letters, sentences, words
from downlaw.corpora.segments import Segment
from downlaw.study.text import Cleaning

GOOD = ("Die Datei wurde gespeichert.", "The file was saved.")


def run(*texts: tuple[str, ...], languages=("de", "en"), **cleaning):
    kept, dropped = clean(
        [Segment(("d",), pair) for pair in texts], languages, Cleaning(**cleaning), ["de", "en", "ro"]
    )
    assert list(dropped) == list(FILTERS)
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
