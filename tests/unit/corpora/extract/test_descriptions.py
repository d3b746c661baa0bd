from __future__ import annotations

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.extract.descriptions import extract
from downlaw.corpora.segments import Segment
from downlaw.corpora.sources.members import PlainFiles

ENGLISH = """\
Package: cow
Description-md5: aaa
Description-en: cow that speaks
 It says what you
 tell it.
 .
 It also thinks:
  * aloud
  * in silence

Package: cow-data
Description-md5: bbb
Description-en: data of the cow
 Pictures.

"""
GERMAN = """\
Package: cow
Description-md5: aaa
Description-de: sprechende Kuh
 Sie sagt, was man
 ihr sagt.
 .
 Sie denkt auch:
  * laut
  * leise

Package: cow-data
Description-md5: of an older text
Description-de: Daten der Kuh
 Bilder.

"""


@pytest.fixture
def index(tmp_path):
    def make(**texts: str) -> PlainFiles:
        files = {}
        for language, text in texts.items():
            path = tmp_path / f"Translation-{language}_toy_main"
            path.write_text(text, encoding="utf-8")
            files[f"Translation-{language}"] = path
        return PlainFiles(files)

    return make


def test_paragraphs_of_the_same_english_text_pair(index):
    source = extract(index(en=ENGLISH, de=GERMAN), "about", ("de", "en"))
    cow = ("about/cow",)
    assert source.segments == [
        Segment(cow, ("sprechende Kuh", "cow that speaks")),
        Segment(cow, ("Sie sagt, was man\nihr sagt.", "It says what you\ntell it.")),
        Segment(cow, ("Sie denkt auch:\n * laut\n * leise", "It also thinks:\n * aloud\n * in silence")),
    ]
    assert source.sizes == {"about/cow": 3, "about/cow-data": 2}


def test_only_synopses_pair_where_paragraphs_are_not_equally_many(index):
    source = extract(index(en=ENGLISH, de=GERMAN.replace(" .\n", "")), "about", ("de", "en"))
    assert [segment.texts for segment in source.segments] == [("sprechende Kuh", "cow that speaks")]


def test_one_language(index):
    source = extract(index(de=GERMAN), "about", ("de",))
    assert source.sizes == {"about/cow": 3, "about/cow-data": 2}
    assert len(source.segments) == 5


def test_a_language_without_an_index_gives_nothing(index):
    assert extract(index(en=ENGLISH), "about", ("en", "ro")).segments == []


def test_what_is_no_such_index_is_named_with_its_line(index):
    with pytest.raises(
        CorpusError, match=r"Translation-de_toy_main: line 1: .*Description-de; is this Translation-de"
    ):
        extract(index(de=ENGLISH), "about", ("de",))
    with pytest.raises(CorpusError, match=r"line 11: a stanza without Description-md5"):
        extract(index(de=GERMAN.replace("Description-md5: of", "Other: of")), "about", ("de",))


def test_what_is_not_utf_8_is_named(index, tmp_path):
    files = index(de=GERMAN)
    (tmp_path / "Translation-de_toy_main").write_bytes(b"Package: \xff")
    with pytest.raises(CorpusError, match="byte 9 is not UTF-8"):
        extract(files, "about", ("de",))
