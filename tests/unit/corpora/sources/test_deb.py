from __future__ import annotations

import shutil
import subprocess

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.sources.deb import Deb

MEMBERS = {"usr/share/b.txt": "two", "usr/share/a.txt": "one" * 1000, "etc/c": "three"}


@pytest.mark.parametrize("packing", ["", ".gz", ".xz", ".zst"])
def test_members_and_content(make_deb, packing):
    deb = Deb(make_deb(MEMBERS, packing=packing))
    assert deb.members() == ["etc/c", "usr/share/a.txt", "usr/share/b.txt"]
    assert deb.read("usr/share/a.txt") == b"one" * 1000
    assert deb.where("etc/c").endswith("toy_1.0_amd64.deb: etc/c")


def test_only_wanted_members_are_kept(make_deb):
    deb = Deb(make_deb(MEMBERS), lambda name: name.startswith("usr/"))
    assert deb.members() == ["usr/share/a.txt", "usr/share/b.txt"]
    with pytest.raises(CorpusError, match=r"there is no etc/c in it; is this another version\?"):
        deb.read("etc/c")


def test_links_are_no_members(make_deb, tmp_path):
    (tmp_path / "secret").write_text("secret")
    deb = Deb(make_deb({"a": "a"}, links={"b": str(tmp_path / "secret"), "c": "../../../etc/passwd"}))
    assert deb.members() == ["a"]


def test_nothing_is_written_outside_of_the_package(make_deb, tmp_path):
    path = make_deb({"../escaped": "x", "/absolute": "y"})
    before = sorted(tmp_path.rglob("*"))
    Deb(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_dpkg_builds_is_read(tmp_path):
    if shutil.which("dpkg-deb") is None:
        pytest.skip("there is no dpkg-deb here")
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: toy\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: toy\n"
    )
    (tree / "usr").mkdir()
    (tree / "usr/text").write_text("some text")
    subprocess.run(["dpkg-deb", "--build", tree, tmp_path / "toy.deb"], check=True, capture_output=True)
    deb = Deb(tmp_path / "toy.deb")
    assert deb.members() == ["usr/text"]
    assert deb.read("usr/text") == b"some text"


@pytest.mark.parametrize("left", [4, 30, 100, -8])
def test_a_package_cut_short_is_named_with_what_to_do(make_deb, left):
    path = make_deb(MEMBERS)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(
        CorpusError, match=r"toy_1\.0_amd64\.deb: not a complete Debian package .*delete it and rerun"
    ):
        Deb(path)


def test_damaged_data_is_named(make_deb):
    path = make_deb(MEMBERS)
    data = bytearray(path.read_bytes())
    data[-80:-60] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(CorpusError, match="delete it and rerun"):
        Deb(path)


def test_a_packing_that_is_not_known_is_named(make_deb):
    with pytest.raises(CorpusError, match=r"data\.tar\.lz: packed in a way that is not known"):
        Deb(make_deb(MEMBERS, packing=".lz"))


def test_what_is_too_large_to_be_text_is_refused(make_deb):
    path = make_deb({"bomb": b"\0" * 3_000_000, "bomb2": b"\0" * 900_000})
    assert path.stat().st_size < 10_000
    with pytest.raises(CorpusError, match="bomb unpacks to more than 1 MiB, too large to be text"):
        Deb(path, member_limit=1 << 20)
    with pytest.raises(CorpusError, match="its text unpacks to more than 3 MiB"):
        Deb(path, package_limit=3 << 20)


def test_missing_file(tmp_path):
    with pytest.raises(CorpusError, match=r"none\.deb: no such file"):
        Deb(tmp_path / "none.deb")
