from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downlaw.corpora.markup import plain, strip_html, strip_mnemonics


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>Bold</b> and <a href='x'>link</a>", "Bold and link"),
        ("One<br/>two<p>three</p>", "One\ntwo\nthree\n"),
        ("word<em>s</em>.", "words."),
        ("a &lt;b&gt; &amp; c&nbsp;d &#8230;", "a <b> & c\xa0d …"),
        ("hg clone <source> <b>now</b>", "hg clone <source> now"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("R&D and AT&T; &copy without end", "R&D and AT&T; &copy without end"),
        ("<!-- note --><i>text</i>", "text"),
    ],
)
def test_html(text, expected):
    assert strip_html(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%(name)s has %d of %s, %1$s and %.1f", "_ has _ of _, _ and _"),
        ("{name} {0} {} {x!r:>3} ${y} {{ z }}", "_ _ _ _ _ _"),
        ("$name, ${title}, $(title) for $5", "_, _, _ for $5"),
        ("{% tag %} of %1 and %L2", "_ of _ and _"),
        ("50%% done, 100% sure, 5%", "50% done, 100% sure, 5%"),
        ("%stop", "%stop"),
    ],
)
def test_placeholders(text, expected):
    assert plain(text, "en") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("&File", "File"),
        ("Da&tei öffnen", "Datei öffnen"),
        ("Research & Development, R&D, AT&T", "Research & Development, R&D, AT&T"),
        ("_Edit the file_name", "Edit the file_name"),
    ],
)
def test_mnemonics(text, expected):
    assert plain(text, "de") == expected


def test_mnemonics_within_words_are_told_from_names():
    assert strip_mnemonics(("E_cke in file_name", "_ corner in file_name")) == (
        "Ecke in file_name",
        "_ corner in file_name",
    )
    assert strip_mnemonics(("file_name",)) == ("file_name",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Use ``hg log`` or :hg:`help log`", "Use hg log or help log"),
        ("See `the page <https://a.b/c>`_ and [docs](https://a.b/(c))", "See the page and docs"),
        ("**Bold** and *soft* (*so*)", "Bold and soft (so)"),
        ("Match po/*.po or */locale/*.mo", "Match po/*.po or */locale/*.mo"),
        ("Example::", "Example:"),
        ("std::string", "std::string"),
    ],
)
def test_inline_markup(text, expected):
    assert plain(text, "en") == expected


def test_letters():
    assert plain("cafe\u0301", "fr") == "café"
    assert plain("aşa şi ţară", "ro") == "așa și țară"
    assert plain("aşa", "tr") == "aşa"
    assert plain("soft\u00adhyphen\u200b \x07bell", "en") == "softhyphen  bell"


def test_marks_of_writing_direction_go():
    hebrew = "\u05e9\u05dc\u05d5\u05dd"
    marked = f"\u202b{hebrew}\u202c \u200f{hebrew}\u200e \u2067{hebrew}\u2069 \u061c{hebrew}"
    assert plain(marked, "he") == " ".join([hebrew] * 4)


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian: a word with a joiner that spells it
        "\u0d28\u0d4d\u200d",  # Malayalam: one letter
        "\U0001f469\u200d\U0001f4bb \U0001f408\u200d\u2b1b \U0001f3f3\ufe0f\u200d\U0001f308",  # emoji of two
    ],
)
def test_joiners_stay_where_they_spell(text):
    joined = unicodedata.normalize("NFC", text)
    assert plain(joined, "en").startswith(joined.rstrip("\u200d"))


def test_joiners_go_where_they_do_not():
    assert plain("so\u200dme wo\u200crd \u200d", "en") == "some word "


def test_halves_of_characters_are_replaced_before_html_is_read():
    assert plain("<b>half \ud83d</b> &amp; \udc00", "en") == "half \ufffd & \ufffd"


@given(st.text())
def test_any_text_gives_text_in_nfc_without_control_characters(text):
    result = plain(text, "ro")
    assert unicodedata.is_normalized("NFC", result)
    assert not any(
        unicodedata.category(character) == "Cc" and character not in "\n\t" for character in result
    )


@given(st.text(alphabet="abc xyz,.", max_size=60))
def test_plain_text_stays(text):
    assert plain(text, "en") == text
