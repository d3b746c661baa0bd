from __future__ import annotations

import gzip

import pytest
import zstandard

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.sources.lines import read_lines

TEXT = "\ufeffOne\r\nzwei äöü\n\nlast without end"
LINES = [(1, "One"), (2, "zwei äöü"), (3, ""), (4, "last without end")]
KEY = "corpora.mine.files[0].path"


def _zstandard(data: bytes) -> bytes:
    """Two frames, as `cat a.zst b.zst` gives."""
    compress = zstandard.ZstdCompressor().compress
    return compress(data[:9]) + compress(data[9:])


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.txt", bytes), ("a.txt.gz", gzip.compress), ("a.txt.zst", _zstandard)],
)
def test_plain_and_compressed(tmp_path, name, pack):
    path = tmp_path / name
    path.write_bytes(pack(TEXT.encode()))
    assert list(read_lines(path, KEY)) == LINES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\nbad \xff\n", r"a\.txt: line 2: not UTF-8 \(byte 5 of the line\)"),
        (b"good\ngood\nb\0d\n", r"a\.txt: line 3: NUL byte"),
    ],
)
def test_bad_lines_are_named(tmp_path, content, message):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        list(read_lines(path, KEY))


@pytest.mark.parametrize(("name", "pack"), [("a.gz", gzip.compress), ("a.zst", _zstandard)])
def test_truncated_files_are_refused(tmp_path, name, pack):
    path = tmp_path / name
    path.write_bytes(pack(TEXT.encode() * 50)[:-6])
    with pytest.raises(CorpusError, match=rf"{name}: damaged after line \d+"):
        list(read_lines(path, KEY))


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_wrong_suffix_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"plain text\n")
    with pytest.raises(CorpusError, match=rf"{name}: damaged"):
        list(read_lines(path, KEY))


def test_missing_file_names_the_key(tmp_path):
    with pytest.raises(CorpusError, match=r"corpora\.mine\.files\[0\]\.path: no such file: .*none\.txt"):
        list(read_lines(tmp_path / "none.txt", KEY))


def test_folder_names_the_key(tmp_path):
    with pytest.raises(CorpusError, match=r"corpora\.mine\.files\[0\]\.path: .*directory"):
        list(read_lines(tmp_path, KEY))
