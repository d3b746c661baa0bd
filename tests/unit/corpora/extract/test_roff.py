from __future__ import annotations

import pytest

from downlaw.corpora.extract.roff import blocks


def lines(*text: str) -> list[tuple[str, str]]:
    return [tuple(block) for block in blocks("\n".join(text))]


def test_a_page_of_man_macros():
    found = lines(
        '.\\" a comment',
        '.TH CP 1 "April 2025"',
        ".SH NAME",
        "cp \\- copy files",
        ".SH",
        "NEXT LINE",
        ".TP",
        "\\fB\\-a\\fP, \\fB\\-\\-archive\\fP",
        "same as",
        ".BR ls (1)",
        ".IP \\(bu 2",
        "an item",
        ".SS Sub heading",
        "one",
        "",
        "two",
        "  indented",
    )
    assert found == [
        ("h1", "NAME"),
        ("p", "cp - copy files"),
        ("h1", "NEXT LINE"),
        ("term", "-a, --archive"),
        ("p", "same as ls(1)"),
        ("term", "•"),
        ("p", "an item"),
        ("h2", "Sub heading"),
        ("p", "one"),
        ("p", "two"),
        ("p", "indented"),
    ]


def test_programs_and_tables_keep_their_place_without_text():
    found = lines(
        "before", ".nf", "int main();", ".fi", "between", ".TS", "a b", ".TE", ".Bd -literal", "x", ".Ed"
    )
    assert found == [("p", "before"), ("code", ""), ("p", "between"), ("table", ""), ("code", "")]


def test_an_unended_program_ends_with_the_page():
    assert lines("before", ".EX", "code") == [("p", "before"), ("code", "")]


def test_conditions_and_definitions_are_left_out():
    found = lines(
        ".ie \\n(.g .ds Aq \\(aq",
        ".el       .ds Aq '",
        ".de XX",
        "inside",
        "..",
        ".if n \\{\\",
        "hidden",
        ".  if t \\{ deeper",
        ".  \\}",
        ".\\}",
        ".ig",
        "ignored",
        "..",
        "it\\*(Aqs shown",
    )
    assert found == [("p", "it's shown")]


def test_links_show_their_text_and_trailing_sign():
    assert lines("see", ".UR https://a.org", "the page", ".UE .") == [("p", "see <https://a.org> the page.")]
    assert lines("by", ".MR ls 1 ,", "that is") == [("p", "by ls(1), that is")]


def test_a_page_of_mdoc_macros():
    found = lines(
        ".Dd $Mdocdate$",
        ".Sh NAME",
        ".Nm ssh-add",
        ".Nd adds keys",
        ".Sh DESCRIPTION",
        ".Nm",
        "adds keys to",
        ".Xr ssh-agent 1 .",
        ".Bl -tag",
        ".It Fl E Ar hash",
        "Takes",
        ".Dq md5",
        "and",
        ".Pq see Xr ssh 1 .",
        ".El",
    )
    assert found == [
        ("h1", "NAME"),
        ("p", "ssh-add - adds keys"),
        ("h1", "DESCRIPTION"),
        ("p", "ssh-add adds keys to ssh-agent(1)."),
        ("term", "-E hash"),
        ("p", "Takes “md5” and (see ssh(1))."),
    ]


@pytest.mark.parametrize(
    "text", ["", ".", "'", ".\\}", ".SH", ".TP", ".de", ".if \\{", ".MR", ".IP", "\\", ".B"]
)
def test_unfinished_pages_are_read(text):
    assert all(kind in ("h1", "p", "term") for kind, _ in lines(text))
