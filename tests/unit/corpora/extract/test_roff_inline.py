from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downlaw.corpora.extract.roff_inline import arguments, font_line, mdoc_line, plain


@pytest.mark.parametrize(
    "escaped, text",
    [
        ("\\fBbold\\fP \\f[CR]mono\\f[] \\f(CWx\\fR", "bold mono x"),
        ("\\-\\-all \\(em \\[en] \\(lqa\\(rq \\(aq", "--all \u2014 \u2013 “a” '"),
        ("\\['e]t\\('e \\(:u \\[u00E9] \\[char176]", "été ü é °"),
        ("\\s-1UNIX\\s0 \\s'+2'x", "UNIX x"),
        ("\\h'-04'\\v'1'a\\|b\\^c\\&d\\%e\\:f", "abcdef"),
        ("a\\ b\\~c\\0d", "a b c d"),
        ("\\e \\\\ \\*(Aq \\*[lq]", "\\ \\ ' “"),
        ("\\,cut\\/ \\(nonsense \\[nonsense]", "cut nsense "),
        ("end\\", "end"),
    ],
)
def test_escapes(escaped, text):
    assert plain(escaped) == text


@given(st.text())
def test_any_line_has_a_text(line):
    assert len(plain(line)) <= len(line)
    assert isinstance(mdoc_line("Fl", line), str)


def test_arguments_are_words_or_quoted():
    assert arguments('one "two words" "a ""quote""" \\ x') == ["one", "two words", 'a "quote"', "\\ x"]


def test_alternating_fonts_join_without_a_space():
    assert font_line("BR", ["ls", "(1)"]) == "ls(1)"
    assert font_line("B", ["a", "b"]) == "a b"
    assert font_line("SM", ["a", "b"]) == "a b"
    assert font_line("OP", ["-a", "x"]) == "[-a x]"


@pytest.mark.parametrize(
    "name, rest, text",
    [
        ("Fl", "a Ar file ,", "-a file,"),
        ("Fl", "", "-"),
        ("Ar", "", "file ..."),
        ("Op", "Fl a Ar b", "[-a b]"),
        ("Xr", "ssh 1 ,", "ssh(1),"),
        ("Pa", "/etc/x Ns : Ns Ar y", "/etc/x:y"),
        ("Bx", "", "BSD"),
        ("No", "plain words .", "plain words."),
    ],
)
def test_mdoc(name, rest, text):
    assert mdoc_line(name, rest) == text
