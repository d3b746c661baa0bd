from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.segments import Segment
from downlaw.corpora.sources import debian
from downlaw.corpora.sources.artifact import Artifact
from downlaw.corpora.sources.debian import artifacts, documents, fetch, file_name, identity
from downlaw.corpora.sources.debian_apt import locked
from downlaw.files import sha256_of_file
from downlaw.study.sources.debian import DebianCorpus, PinnedDeb, PinnedIndex

NEEDED = ("apt-get", "apt-cache", "gpg", "gpgv", "gpgconf")
KEY = "corpora.manuals.collections[0].packages[1]"
INDEX_KEY = "corpora.about.collections[0].indexes[0]"
GERMAN = "Package: cow\nDescription-md5: aaa\nDescription-de: sprechende Kuh\n\n"
ENGLISH_PAGE, GERMAN_PAGE = ".SH NAME\ncow speaks\n", ".SH NAME\nKuh spricht\n"


class Repository:
    """A signed archive on this machine, with one suite `toy`."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self._home = folder, home
        self.keyring = home / "public.gpg"
        self.url = ""
        self._published = int(time.time())
        self._packages: list[str] = []
        self.files = {"main/i18n/Translation-de": GERMAN}

    def add(self, deb: Path, name: str, version: str) -> str:
        """Puts a package into the pool; returns its hash."""
        pool = self.folder / "pool" / deb.name
        pool.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(deb, pool)
        self._packages.append(
            f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: a <a@b.c>\n"
            f"Filename: pool/{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {sha256_of_file(deb)}\n"
            f"Description: {name}\n"
        )
        return sha256_of_file(deb)

    def publish(self, sign: bool = True) -> None:
        """Writes the suite's indexes, and its release file, signed or not."""
        files = self.files | {"main/binary-amd64/Packages": "\n".join(self._packages)}
        suite = self.folder / "dists/toy"
        lines = ["Suite: toy", "Codename: toy", "Date: Sat, 21 Nov 2026 09:15:44 UTC", "Architectures: amd64"]
        lines += ["Components: main", "SHA256:"]
        for name, text in files.items():
            path = suite / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            lines.append(f" {sha256_of_file(path)} {path.stat().st_size} {name}")
        (suite / "Release").write_text("\n".join(lines) + "\n")
        (suite / "InRelease").unlink(missing_ok=True)
        if sign:
            self._gpg("--clearsign", "-o", str(suite / "InRelease"), str(suite / "Release"))
            self._published += 10  # apt asks for what is newer, by the second
            os.utime(suite / "InRelease", (self._published, self._published))

    def _gpg(self, *arguments: str) -> bytes:
        command = ["gpg", "--homedir", str(self._home), "--batch", "--yes", "--quiet", "--passphrase", ""]
        command += ["--pinentry-mode", "loopback", *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def make_key(self) -> None:
        self._gpg("--quick-gen-key", "toy <toy@example.org>", "ed25519", "sign", "never")
        self.keyring.write_bytes(self._gpg("--export"))

    def deb(self, version: str, sha256: str, name: str = "cow") -> PinnedDeb:
        place = {"archive": self.url, "keyring": str(self.keyring), "suite": "toy", "component": "main"}
        return PinnedDeb(name=name, version=version, sha256=sha256, languages=["en"], **place)

    def index(self, sha256: str, language: str = "de") -> PinnedIndex:
        place = {"archive": self.url, "keyring": str(self.keyring), "suite": "toy", "component": "main"}
        return PinnedIndex(language=language, sha256=sha256, **place)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def signing_home(tmp_path_factory):
    if missing := [program for program in NEEDED if shutil.which(program) is None]:
        pytest.skip(
            f"this test fetches with apt from an archive that it signs: there is no {', '.join(missing)}"
        )
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    Repository(home, home).make_key()
    yield home
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)


@pytest.fixture
def repository(signing_home, tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = Repository(tmp_path / "archive", signing_home)
    handler = functools.partial(_Quiet, directory=str(made.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield made
        server.shutdown()
        thread.join()


def wanted(entry: PinnedDeb | PinnedIndex) -> Artifact:
    return Artifact("debian", file_name(entry), INDEX_KEY if isinstance(entry, PinnedIndex) else KEY, entry)


def refusal(entry: PinnedDeb | PinnedIndex, folder: Path) -> str:
    """The message with which fetching fails; it is one line, and nothing but apt's own folder is left."""
    with pytest.raises(CorpusError) as caught:
        fetch(wanted(entry), folder / file_name(entry))
    assert "\n" not in str(caught.value)
    assert {path.name for path in folder.iterdir()} <= {debian.APT}
    return str(caught.value)


def test_a_package_of_the_pinned_version_and_hash_is_kept(repository, make_deb, tmp_path):
    sha256 = repository.add(make_deb({"a": "a"}, "cow_1%3a2.0-1_amd64.deb"), "cow", "1:2.0-1")
    repository.publish()
    entry = repository.deb("1:2.0-1", sha256)
    destination = tmp_path / "out" / file_name(entry)
    assert destination.name == "cow_1%3a2.0-1_amd64.deb"
    assert fetch(wanted(entry), destination)
    assert sha256_of_file(destination) == sha256
    shutil.rmtree(repository.folder)
    assert not fetch(wanted(entry), destination)
    assert {path.name for path in destination.parent.iterdir()} == {destination.name, debian.APT}


def test_a_version_of_later_is_found_by_reading_the_archive_anew(repository, make_deb, tmp_path):
    first = repository.add(make_deb({"a": "a"}, "cow_1_amd64.deb"), "cow", "1")
    repository.publish()
    assert fetch(wanted(repository.deb("1", first)), tmp_path / "out/cow_1_amd64.deb")
    second = repository.add(make_deb({"a": "b"}, "cow_2_amd64.deb"), "cow", "2")
    repository.publish()
    assert fetch(wanted(repository.deb("2", second)), tmp_path / "out/cow_2_amd64.deb")


def test_wrong_hash_names_key_package_and_both_hashes(repository, make_deb, tmp_path):
    sha256 = repository.add(make_deb({"a": "a"}, "cow_1_amd64.deb"), "cow", "1")
    repository.publish()
    message = refusal(repository.deb("1", "0" * 64), tmp_path / "out")
    assert message.startswith(f"{KEY}.sha256: cow 1 has hash {sha256}, the study file says {'0' * 64}")


def test_a_version_that_is_gone_names_those_that_are_there(repository, make_deb, tmp_path):
    repository.add(make_deb({"a": "a"}, "cow_2_amd64.deb"), "cow", "2")
    repository.publish()
    message = refusal(repository.deb("1", "0" * 64), tmp_path / "out")
    assert message.startswith(f"{KEY}.version: cow 1 is not in toy of {repository.url}: it has 2; ")
    assert "snapshot.debian.org" in message
    message = refusal(repository.deb("1", "0" * 64, name="horse"), tmp_path / "out")
    assert "horse 1 is not in toy" in message and "it has no package of this name" in message


def test_an_index_of_the_pinned_hash_is_kept_uncompressed(repository, tmp_path):
    repository.publish()
    entry = repository.index(hashlib.sha256(GERMAN.encode()).hexdigest())
    destination = tmp_path / "out" / file_name(entry)
    assert destination.name == "Translation-de_toy_main"
    assert fetch(wanted(entry), destination)
    assert destination.read_text() == GERMAN


def test_an_index_that_changed_under_its_pin_names_both_hashes(repository, tmp_path):
    pinned = hashlib.sha256(GERMAN.encode()).hexdigest()
    changed = GERMAN.replace("Kuh", "Katze")
    repository.files["main/i18n/Translation-de"] = changed
    repository.publish()
    message = refusal(repository.index(pinned), tmp_path / "out")
    found = hashlib.sha256(changed.encode()).hexdigest()
    assert message.startswith(f"{INDEX_KEY}.sha256: Translation-de of toy/main has hash {found}, ")
    assert f"the study file says {pinned}: the archive has changed since" in message


def test_an_index_in_a_language_that_is_not_there(repository, tmp_path):
    repository.publish()
    message = refusal(repository.index("0" * 64, language="ro"), tmp_path / "out")
    assert message == f"{INDEX_KEY}.language: there is no Translation-ro of toy/main in {repository.url}"


def test_an_archive_that_is_not_signed_is_refused(repository, make_deb, tmp_path):
    sha256 = repository.add(make_deb({"a": "a"}, "cow_1_amd64.deb"), "cow", "1")
    repository.publish(sign=False)
    message = refusal(repository.deb("1", sha256), tmp_path / "out")
    assert message.startswith(f"{KEY}: apt could not read toy of {repository.url}: ")
    assert "not signed" in message


def test_an_archive_signed_with_other_keys_is_refused(repository, make_deb, tmp_path):
    sha256 = repository.add(make_deb({"a": "a"}, "cow_1_amd64.deb"), "cow", "1")
    repository.publish()
    other = tmp_path / "other.gpg"
    other.write_bytes(b"")
    entry = repository.deb("1", sha256).model_copy(update={"keyring": str(other)})
    assert f"{KEY}: apt could not read toy" in refusal(entry, tmp_path / "out")


def test_no_network_is_one_line(repository, tmp_path):
    entry = repository.deb("1", "0" * 64).model_copy(update={"archive": "http://127.0.0.1:9/debian"})
    message = refusal(entry, tmp_path / "out")
    assert message.startswith(f"{KEY}: apt could not read toy of http://127.0.0.1:9/debian: ")
    assert "network" in message


def test_without_apt_the_error_names_other_ways(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    (tmp_path / "key.gpg").touch()
    entry = PinnedDeb(
        name="cow", version="1", sha256="0" * 64, languages=["en"], suite="toy", component="main",
        keyring=str(tmp_path / "key.gpg"),
    )  # fmt: skip
    message = refusal(entry, tmp_path / "out")
    assert message.startswith(f"{KEY}: source debian needs apt-get, and there is none here: ")
    assert "pypi, files, mtdata, huggingface" in message and "copy" in message


def test_missing_keys_name_the_package_that_has_them(repository, tmp_path):
    entry = repository.deb("1", "0" * 64).model_copy(update={"keyring": str(tmp_path / "none.gpg")})
    message = refusal(entry, tmp_path / "out")
    assert message.startswith(f"corpora.manuals.keyring: no such file: {tmp_path / 'none.gpg'}; install")


def corpus(*, kind: str = "parallel", **more: object) -> DebianCorpus:
    pages = {
        "name": "pages",
        "extract": "man",
        "suite": "toy",
        "licence": "GPL-3.0-or-later",
        "packages": [
            {"name": "cow-de", "version": "1", "sha256": "1" * 64, "languages": ["de"]},
            {"name": "cow", "version": "1:2", "sha256": "2" * 64, "languages": ["en"]},
            {"name": "cow-ro", "version": "1", "sha256": "3" * 64, "languages": ["ro"]},
        ],
    }
    about = {
        "name": "about",
        "extract": "descriptions",
        "suite": "toy",
        "licence": "MIT",
        "indexes": [{"language": "de", "sha256": "4" * 64}, {"language": "en", "sha256": "5" * 64}],
    }
    return DebianCorpus(source="debian", kind=kind, collections=[pages, about], **more)


def test_artifacts_are_those_of_a_part():
    found = [(artifact.key, artifact.name) for artifact in artifacts(corpus(), "corpora.manuals", "de-en")]
    assert found == [
        ("corpora.manuals.collections[0].packages[0]", "cow-de_1_amd64.deb"),
        ("corpora.manuals.collections[0].packages[1]", "cow_1%3a2_amd64.deb"),
        ("corpora.manuals.collections[1].indexes[0]", "Translation-de_toy_main"),
        ("corpora.manuals.collections[1].indexes[1]", "Translation-en_toy_main"),
    ]
    assert [artifact.name for artifact in artifacts(corpus(), "corpora.manuals", "ro")] == [
        "cow-ro_1_amd64.deb"
    ]


def test_identity_does_not_ask_where_text_is_fetched_from():
    assert identity(corpus(), "de") == identity(corpus(archive="http://other.org/debian"), "de")
    assert identity(corpus(), "de") != identity(corpus(), "de-en")


def test_documents_come_from_all_packages_of_a_collection(make_deb, tmp_path):
    pages = {"cow-de_1": ("de/", GERMAN_PAGE), "cow_1%3a2": ("", ENGLISH_PAGE)}
    for name, (folder, text) in pages.items():
        member = f"usr/share/man/{folder}man1/cow.1.gz"
        deb = make_deb({member: gzip.compress(text.encode())}, f"{name}_amd64.deb")
    (deb.parent / "Translation-de_toy_main").write_text(GERMAN)
    (deb.parent / "Translation-en_toy_main").write_text(GERMAN.replace("-de: sprechende Kuh", "-en: a cow"))
    (man, man_record), (about, about_record) = documents("manuals", corpus(), ("de", "en"), deb.parent)
    assert Segment(("pages/man1/cow.1",), ("Kuh spricht", "cow speaks")) in list(man.segments)
    assert list(about.segments) == [Segment(("about/cow",), ("sprechende Kuh", "a cow"))]
    assert man_record["licence"] == "GPL-3.0-or-later"
    assert man_record["files"] == [
        {"name": "cow-de", "version": "1", "sha256": "1" * 64},
        {"name": "cow", "version": "1:2", "sha256": "2" * 64},
    ]
    assert about_record["files"][0] == {"name": "Translation-de", "sha256": "4" * 64}


def test_long_paragraphs_of_one_language_are_cut_into_sentences(make_deb):
    long = " ".join(["This sentence has six words here."] * 20)
    short = "Two short sentences stay. They are one segment."
    page = gzip.compress(f".SH NAME\n{long}\n.PP\n{short}\n".encode())
    deb = make_deb({"usr/share/man/man1/cow.1.gz": page}, "cow_1%3a2_amd64.deb")
    (deb.parent / "Translation-en_toy_main").write_text("")
    man = next(iter(documents("manuals", corpus(kind="monolingual"), ("en",), deb.parent)))[0]
    texts = [segment.texts[0] for segment in man.segments]
    assert texts == ["NAME", *["This sentence has six words here."] * 20, short]


def test_a_missing_package_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"cow-de_1_amd64\.deb: no such file"):
        for source, _ in documents("manuals", corpus(), ("de", "en"), tmp_path):
            list(source.segments)


def test_only_one_job_at_a_time_works_in_a_folder(tmp_path):
    order: list[str] = []
    inside, go = threading.Event(), threading.Event()

    def first() -> None:
        with locked(tmp_path / "apt"):
            inside.set()
            go.wait(5)
            order.append("first")

    def second() -> None:
        with locked(tmp_path / "apt"):
            order.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(5)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(5)
    assert order == ["first", "second"]
