"""Reading the testbed's files: from archives, folders and GitHub, and from what only looks like them."""

from __future__ import annotations

import io
import tarfile
import threading
import urllib.error
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler

import numpy as np
import pytest

from downlaw.testbed import TestbedError, archive
from downlaw.testbed.archive import members_sha256, open_archive, read_members

MEMBERS = {"evals/evaluation_a_heavy.json": b'{"a": 1}', "models/a.json": b"{}"}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return archive.cache_folder() / f"gadre2024-{archive.COMMIT}.tar.gz"


@pytest.fixture
def published(monkeypatch):
    monkeypatch.setattr(archive, "MEMBERS_SHA256", members_sha256(MEMBERS))


def write_folder(root, members=MEMBERS):
    for name, content in members.items():
        path = root / "exp_data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def incompressible():
    rng = np.random.default_rng(0)
    return {f"models/{i}.json": rng.bytes(5000) for i in range(20)} | {"evals/a.json": b"{}"}


def odd_tar(path, synthetic, name, **fields):
    """An archive whose last member has another name, or is a link."""
    with tarfile.open(synthetic.write_tar(path, MEMBERS, "w"), "a") as tar:
        info = tarfile.TarInfo(name)
        for key, value in fields.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def test_a_tar_gives_the_runs_files_alone(tar_of):
    assert read_members(tar_of(MEMBERS)) == MEMBERS


@pytest.mark.parametrize("inner", ["", "scaling-1234"], ids=["at the top", "one folder down"])
def test_a_folder_gives_the_same(tmp_path, inner):
    write_folder(tmp_path / "copy" / inner)
    assert read_members(tmp_path / "copy") == MEMBERS


def test_the_hash_is_of_the_members_not_of_the_archive(tmp_path, synthetic):
    compressed = read_members(synthetic.write_tar(tmp_path / "a.tar.gz", MEMBERS))
    plain = read_members(synthetic.write_tar(tmp_path / "b.tar", dict(reversed(MEMBERS.items())), "w"))
    assert members_sha256(compressed) == members_sha256(plain)
    assert members_sha256(MEMBERS | {"models/a.json": b"{ }"}) != members_sha256(MEMBERS)
    assert members_sha256({"models/b.json": b"{}"}) != members_sha256({"models/a.json": b"{}"})


def test_a_local_copy_says_whether_it_is_the_published_one(tar_of, monkeypatch):
    path = tar_of(MEMBERS)
    assert not open_archive(path).published
    monkeypatch.setattr(archive, "MEMBERS_SHA256", members_sha256(MEMBERS))
    assert open_archive(path).published


def test_no_such_file(tmp_path):
    with pytest.raises(TestbedError, match="no such file or folder"):
        read_members(tmp_path / "nothing.tar.gz")


def test_no_tar(tmp_path):
    path = tmp_path / "copy.tar.gz"
    path.write_text("<html>")
    with pytest.raises(TestbedError, match="cannot be read as a tar archive"):
        read_members(path)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_tar_that_ends_early(tmp_path, synthetic, keep):
    path = synthetic.write_tar(tmp_path / "copy.tar.gz", incompressible())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(TestbedError, match="cannot be read as a tar archive"):
        read_members(path)


def test_a_tar_with_a_damaged_middle(tmp_path, synthetic):
    path = synthetic.write_tar(tmp_path / "copy.tar.gz", incompressible())
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    with pytest.raises(TestbedError, match=r"cannot be read as a tar archive|holds no exp_data/evals"):
        read_members(path)


@pytest.mark.parametrize(
    "name", ["../evil.json", "top/exp_data/models/../../../x.json", "/etc/passwd", "a\\b"]
)
def test_odd_paths_are_refused(tmp_path, synthetic, name):
    with pytest.raises(TestbedError, match="points outside the archive"):
        read_members(odd_tar(tmp_path / "copy.tar", synthetic, name, size=1))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_among_the_runs_are_refused(tmp_path, synthetic, kind):
    name = f"{synthetic.TOP}/exp_data/models/b.json"
    path = odd_tar(tmp_path / "copy.tar", synthetic, name, type=kind, linkname="/etc/passwd")
    with pytest.raises(TestbedError, match=r"models/b\.json is a link"):
        read_members(path)


def test_links_elsewhere_do_not_matter(tmp_path, synthetic):
    name = f"{synthetic.TOP}/docs/link.json"
    path = odd_tar(tmp_path / "copy.tar", synthetic, name, type=tarfile.SYMTYPE, linkname="/etc/passwd")
    assert read_members(path) == MEMBERS


def test_links_in_a_folder_are_refused(tmp_path):
    root = write_folder(tmp_path / "copy")
    (root / "exp_data/models/b.json").symlink_to(root / "exp_data/models/a.json")
    with pytest.raises(TestbedError, match=r"b\.json is a link"):
        read_members(root)


def test_a_member_that_is_there_twice(tmp_path, synthetic):
    name = f"{synthetic.TOP}/exp_data/models/a.json"
    with pytest.raises(TestbedError, match=r"models/a\.json twice"):
        read_members(odd_tar(tmp_path / "copy.tar", synthetic, name, size=1))


def test_a_member_that_is_too_large(tmp_path, synthetic, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 4)
    with pytest.raises(TestbedError, match="has 8 bytes, more than a run's file can have"):
        read_members(synthetic.write_tar(tmp_path / "copy.tar", MEMBERS, "w"))


def test_too_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    with pytest.raises(TestbedError, match="more than 1 files"):
        read_members(write_folder(tmp_path / "copy"))


@pytest.mark.parametrize("kept", ["models", "evals"])
def test_an_archive_of_something_else(tar_of, kept):
    missing = {"models": "evals", "evals": "models"}[kept]
    members = {name: content for name, content in MEMBERS.items() if name.startswith(kept)}
    with pytest.raises(TestbedError, match=rf"holds no exp_data/{missing}/\*\.json"):
        read_members(tar_of(members))


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(TestbedError, match="0 folders exp_data, not one"):
        read_members(tmp_path)


def test_it_is_fetched_once_and_kept(tar_of, cache, published):
    asked, content = [], tar_of(MEMBERS).read_bytes()

    def opener(url):
        asked.append(url)
        return io.BytesIO(content)

    for _ in range(2):
        found = open_archive(opener=opener)
        assert found.members == MEMBERS
        assert found.published
    assert asked == [archive.URL]
    assert archive.COMMIT in asked[0]
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


def test_it_is_fetched_over_http(tmp_path, synthetic, cache, published, monkeypatch):
    (tmp_path / "served").mkdir()
    synthetic.write_tar(tmp_path / "served/copy.tar.gz", MEMBERS)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "served")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(archive, "URL", f"{address}/nothing.tar.gz")
        with pytest.raises(TestbedError, match="404"):
            open_archive()
        monkeypatch.setattr(archive, "URL", f"{address}/copy.tar.gz")
        assert open_archive().members == MEMBERS
        server.shutdown()


def test_other_files_than_the_published_are_not_kept(tar_of, cache):
    content = tar_of(MEMBERS).read_bytes()
    with pytest.raises(TestbedError, match=r"has files of runs with the hash [0-9a-f]{64}, not .* not kept"):
        open_archive(opener=lambda url: io.BytesIO(content))
    assert list(cache.parent.iterdir()) == []


def test_a_download_that_breaks_off_is_not_kept(cache):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise ConnectionResetError("reset by peer")

    with pytest.raises(TestbedError, match=r"cannot be fetched \(reset by peer\).*--archive"):
        open_archive(opener=lambda url: Broken())
    assert list(cache.parent.iterdir()) == []


def test_no_network(cache):
    def opener(url):
        raise urllib.error.URLError("no network")

    with pytest.raises(TestbedError, match=r"cannot be fetched .*no network.*--archive"):
        open_archive(opener=opener)


def test_a_download_that_never_ends_is_stopped(cache, monkeypatch):
    monkeypatch.setattr(archive, "MAX_ARCHIVE_BYTES", 100)
    with pytest.raises(TestbedError, match="larger than 100 bytes"):
        open_archive(opener=lambda url: io.BytesIO(bytes(200)))


def test_a_kept_archive_that_was_changed_is_named(cache, synthetic):
    cache.parent.mkdir(parents=True)
    synthetic.write_tar(cache, MEMBERS)
    with pytest.raises(TestbedError, match=r"gadre2024-.* is not the testbed of .*remove it"):
        open_archive(opener=None)


def test_the_cache_is_in_the_users_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert archive.cache_folder() == tmp_path / ".cache/downlaw"
