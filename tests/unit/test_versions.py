from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from downlaw import versions as module
from downlaw.versions import in_words, merge, versions


@pytest.fixture
def looked_up():
    module._installed.cache_clear()
    yield
    module._installed.cache_clear()


def test_versions_are_those_of_the_installed_packages(looked_up, monkeypatch):
    installed = {"downlaw": "0.9", "ve-fairseq": "0.12.3", "torch": "2.13.0+cpu"}
    monkeypatch.setattr(module, "version", installed.__getitem__)
    assert versions() == {
        "downlaw": "0.9",
        "fairseq": "0.12.3",
        "torch": "2.13.0+cpu",
        "python": platform.python_version(),
    }


def test_a_package_that_is_not_installed_has_no_known_version(looked_up, monkeypatch):
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", missing)
    assert versions()["torch"] == "unknown"


def test_versions_are_found_without_importing_torch():
    code = "import sys; from downlaw.versions import versions; versions(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_merged_versions_stand_once_in_the_order_of_use():
    first = merge(None, {"torch": "2.12.0", "python": "3.11.2"})
    assert first == {"torch": ["2.12.0"], "python": ["3.11.2"]}
    second = merge(first, {"torch": "2.13.0", "python": "3.11.2"})
    assert second == {"torch": ["2.12.0", "2.13.0"], "python": ["3.11.2"]}
    assert merge(second, {"torch": ["2.14.0", "2.12.0"], "fairseq": ["1"]}) == {
        "torch": ["2.12.0", "2.13.0", "2.14.0"],
        "python": ["3.11.2"],
        "fairseq": ["1"],
    }
    assert merge(None, None) == {}
    assert first == {"torch": ["2.12.0"], "python": ["3.11.2"]}, "what is merged stays as it was"


def test_versions_in_words():
    assert in_words({"torch": ["2.12.0", "2.13.0"], "downlaw": ["0.1.0"]}) == (
        "downlaw 0.1.0, torch 2.12.0 + 2.13.0"
    )
    assert in_words(None) == in_words({}) == ""
