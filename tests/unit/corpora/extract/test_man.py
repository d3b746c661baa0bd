from __future__ import annotations

import gzip

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.extract.man import MEMBER, extract
from downlaw.corpora.segments import Segment
from downlaw.corpora.sources.deb import Deb

ENGLISH = ".SH NAME\ncp \\- copy files\n.PP\nIt copies.\n"
GERMAN = ".SH BEZEICHNUNG\ncp \\- Dateien kopieren\n.PP\nEs kopiert.\n.SH ÜBERSETZUNG\nVon Karl.\n"


def packed(text: str, encoding: str = "utf-8") -> bytes:
    return gzip.compress(text.encode(encoding), mtime=0)


@pytest.fixture
def pages(make_deb):
    members = {
        "usr/share/man/man1/cp.1.gz": packed(ENGLISH),
        "usr/share/man/de/man1/cp.1.gz": packed(GERMAN),
        "usr/share/man/man1/alone.1.gz": packed(ENGLISH),
        "usr/share/man/de/man8/other.8.gz": packed(GERMAN),
        "usr/share/man/man5/plain.5": ENGLISH,
        "usr/share/man/pt_BR/man1/cp.1.gz": packed(ENGLISH),
        "usr/share/doc/cp/README": "no page",
    }
    return Deb(make_deb(members, links={"usr/share/man/man1/link.1.gz": "cp.1.gz"}), MEMBER.fullmatch)


def test_pages_align_and_their_translators_go(pages):
    source = extract(pages, "man", ("de", "en"))
    document = ("man/man1/cp.1",)
    assert source.segments == [
        Segment(document, ("BEZEICHNUNG", "NAME")),
        Segment(document, ("cp - Dateien kopieren", "cp - copy files")),
        Segment(document, ("Es kopiert.", "It copies.")),
    ]


def test_documents_and_their_sizes_are_those_of_english_whatever_the_other_language(pages):
    sizes = {"man/man1/alone.1": 3, "man/man1/cp.1": 3, "man/man5/plain.5": 3}
    assert extract(pages, "man", ("de", "en")).sizes == sizes
    assert extract(pages, "man", ("en", "fr")).sizes == sizes
    assert extract(pages, "man", ("en", "fr")).segments == []


def test_text_of_one_language_without_the_names_of_translators(pages):
    source = extract(pages, "man", ("de",))
    assert source.sizes == {"man/man1/cp.1": 3, "man/man8/other.8": 3}
    assert [segment.texts for segment in source.segments][:3] == [
        ("BEZEICHNUNG",),
        ("cp - Dateien kopieren",),
        ("Es kopiert.",),
    ]


def test_latin_1_is_read_where_it_is_not_utf_8(make_deb):
    page = {"usr/share/man/de/man1/a.1.gz": packed(".SH NAME\nÜber\n", "latin-1")}
    assert extract(Deb(make_deb(page)), "man", ("de",)).segments[1].texts == ("Über",)


def test_a_damaged_page_is_named(make_deb):
    deb = Deb(make_deb({"usr/share/man/man1/a.1.gz": packed(ENGLISH)[:-9]}))
    with pytest.raises(
        CorpusError, match=r"toy_1\.0_amd64\.deb: usr/share/man/man1/a\.1\.gz: damaged gzip file"
    ):
        extract(deb, "man", ("en",))
