from __future__ import annotations

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.sources.deb import Deb
from downlaw.corpora.sources.members import PlainFiles, Together


def test_several_packages_read_as_one(make_deb):
    first = Deb(make_deb({"a": "first", "b": "b"}, "first_1_amd64.deb"))
    second = Deb(make_deb({"a": "second", "c": "c"}, "second_1_amd64.deb"))
    both = Together([first, second])
    assert both.members() == ["a", "b", "c"]
    assert [both.read(member) for member in "abc"] == [b"first", b"b", b"c"]
    assert both.where("c").endswith("second_1_amd64.deb: c")


def test_plain_files_by_a_name_of_their_own(tmp_path):
    path = tmp_path / "Translation-de_toy"
    path.write_bytes(b"text")
    files = PlainFiles({"Translation-de": path})
    assert files.members() == ["Translation-de"]
    assert files.read("Translation-de") == b"text"
    assert files.where("Translation-de") == str(path)
    with pytest.raises(CorpusError, match="too large to be text"):
        files.read("Translation-de", limit=3)
    path.unlink()
    with pytest.raises(CorpusError, match="Translation-de_toy: No such file"):
        files.read("Translation-de")
