from __future__ import annotations

import gzip
import tracemalloc

import pytest
import zstandard

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.sources.lines import MAX_LINE_BYTES, read_lines

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
        (
            b"good\nbad \xe9t\xe9\n",
            r"a\.txt: line 2: not UTF-8 \(byte 5 of the line, 0xe9\); if .* one other encoding.* `iconv -f W",
        ),
        ("gut\n\u00e9\n".encode() + "\u00e9\n".encode("latin-1"), r"a\.txt: line 3: not UTF-8 \(byte 1 of"),
        (b"good\ngood\nb\0d\n", r"a\.txt: line 3: NUL byte"),
        (
            "Text\n".encode("utf-16"),
            r"a\.txt: line 1: in UTF-16, not UTF-8: convert it, .*`iconv -f UTF-16 -t",
        ),
        ("\ufeffText\n".encode("utf-16-be"), r"a\.txt: line 1: in UTF-16, not UTF-8"),
        ("Text\n".encode("utf-32"), r"a\.txt: line 1: in UTF-32, not UTF-8"),
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


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.zst"])
def test_a_line_of_100_mb_is_refused_before_it_is_held(tmp_path, name):
    path = tmp_path / name
    with path.open("wb") as file:
        stream = file
        if name.endswith("gz"):
            stream = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1)
        elif name.endswith("zst"):
            stream = zstandard.ZstdCompressor().stream_writer(file, closefd=False)
        stream.write(b"good\n")
        for _ in range(100):
            stream.write(b"x" * (1 << 20))
        stream.close()
    tracemalloc.start()
    try:
        with pytest.raises(CorpusError, match=rf"{name}: line 2: longer than 16 MiB: is this a text file"):
            list(read_lines(path, KEY))
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


def test_a_line_over_several_chunks_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    lines = ["x" * (3 << 20), "", "y" * (1 << 20), "end"]
    path.write_text("\n".join(lines))
    assert list(read_lines(path, KEY)) == list(enumerate(lines, 1))
